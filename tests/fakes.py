"""Working in-memory doubles of the ports; each is held to the contract of the real thing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime, timedelta

from huleedu_streams.adapters.content_ids import checked_id, checked_media_type
from huleedu_streams.contracts.codec import OutgoingEvent
from huleedu_streams.contracts.dead_letters import DeadLetter
from huleedu_streams.domain.spelling import CheckedText, Correction
from huleedu_streams.errors import (
    BrokerUnavailableError,
    ContentNotFoundError,
    DictionaryError,
    HuleeduStreamsError,
    UnsupportedLanguageError,
)
from huleedu_streams.protocols import StoredContent


class MemoryContentStore:
    """A ContentStore in a dict.

    Attributes:
        contents: What is stored, by id.
        get_error: Raised by every `get` while set.
        put_error: Raised by every `put` while set.
    """

    def __init__(self) -> None:
        self.contents: dict[str, StoredContent] = {}
        self.get_error: HuleeduStreamsError | None = None
        self.put_error: HuleeduStreamsError | None = None

    async def get(self, storage_id: str) -> StoredContent:
        key = checked_id(storage_id)
        if self.get_error is not None:
            raise self.get_error
        try:
            return self.contents[key]
        except KeyError:
            raise ContentNotFoundError(f"no text under {key}") from None

    async def put(self, storage_id: str, body: bytes, media_type: str) -> None:
        key = checked_id(storage_id)
        if self.put_error is not None:
            raise self.put_error
        self.contents[key] = StoredContent(bytes(body), checked_media_type(media_type))

    async def is_healthy(self) -> bool:
        return self.get_error is None and self.put_error is None

    async def close(self) -> None:
        self.contents = dict(self.contents)


class ScriptedSpellChecker:
    """A SpellChecker that replaces the words of a script, separated by single spaces.

    Attributes:
        error: Raised by every `check` while set.
        checked: The texts it was asked to check.
    """

    def __init__(
        self, script: Mapping[str, str] | None = None, languages: tuple[str, ...] = ("en",)
    ) -> None:
        self._script = dict(script or {})
        self._languages = languages
        self.error: Exception | None = None
        self.checked: list[str] = []

    async def start(self) -> None:
        if not self._languages:
            raise DictionaryError("closed")

    async def check(self, text: str, language: str) -> CheckedText:
        if language not in self._languages:
            raise UnsupportedLanguageError(f"{language} is not served")
        self.checked.append(text)
        if self.error is not None:
            raise self.error
        corrections: list[Correction] = []
        offset = 0
        words = text.split(" ")
        for word in words:
            if word in self._script:
                corrections.append(
                    Correction(offset, len(word), word, self._script[word], "exact", "other")
                )
            offset += len(word) + 1
        corrected = " ".join(self._script.get(word, word) for word in words)
        return CheckedText(corrected, tuple(corrections), (), len(words))

    async def close(self) -> None:
        self._languages = ()

    def kill(self) -> None:
        self._languages = ()


class FrozenClock:
    """A Clock that stands still until told to move."""

    def __init__(self, now: datetime = datetime(2025, 5, 27, 12, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class MemoryPublisher:
    """An EventPublisher into a list.

    Attributes:
        sent: What the broker acknowledged, in order.
        error: Raised on the acknowledgement of every record while set.
        is_silent: Whether acknowledgements never come.
    """

    def __init__(self) -> None:
        self.sent: list[OutgoingEvent | DeadLetter] = []
        self.error: BrokerUnavailableError | None = None
        self.is_silent = False

    @property
    def events(self) -> list[OutgoingEvent]:
        return [record for record in self.sent if isinstance(record, OutgoingEvent)]

    async def send(self, record: OutgoingEvent | DeadLetter) -> Awaitable[None]:
        return self._acknowledge(record)

    async def _acknowledge(self, record: OutgoingEvent | DeadLetter) -> None:
        if self.is_silent:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.sent.append(record)
