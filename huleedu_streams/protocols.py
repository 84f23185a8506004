"""The ports: what the core and the shell ask of the outside. No code runs here."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import NamedTuple, Protocol

from huleedu_streams.contracts.codec import OutgoingEvent
from huleedu_streams.contracts.dead_letters import DeadLetter
from huleedu_streams.domain.spelling import CheckedText


class StoredContent(NamedTuple):
    """Bytes and their media type, as they were put."""

    body: bytes
    media_type: str


class Outage(NamedTuple):
    """A wait for a dependency that goes on: its name, since when, how often it was asked since."""

    dependency: str
    since: datetime
    tries: int


class ContentStore(Protocol):
    """Texts by id. Ids are 32 lower-case hexadecimal digits."""

    async def get(self, storage_id: str) -> StoredContent:
        """Return what lies under `storage_id`.

        Raises:
            ContentNotFoundError: nothing lies there.
            ContentRefusedError: the store will never give it.
            ContentStoreUnavailableError: no answer now; asking again may help.
        """
        ...

    async def put(self, storage_id: str, body: bytes, media_type: str) -> None:
        """Keep `body` under `storage_id`, durably; the same id again overwrites.

        Raises:
            ContentRefusedError: the store will never take it.
            ContentStoreUnavailableError: no answer now; asking again may help.
        """
        ...

    async def is_healthy(self) -> bool:
        """Whether the store as a whole answers; never raises."""
        ...

    async def close(self) -> None:
        """Let go of connections. The store is not used afterwards."""
        ...


class SpellChecker(Protocol):
    """Checks texts off the event loop."""

    async def start(self) -> None:
        """Load the dictionaries, so that the first text need not wait for them.

        Raises:
            DictionaryError: a dictionary or the L2 list cannot be loaded.
        """
        ...

    async def check(self, text: str, language: str) -> CheckedText:
        """Return `text` corrected with the words of `language`.

        Raises:
            UnsupportedLanguageError: the language is not served.
            SpellcheckFailedError: the checker failed on this text.
        """
        ...

    async def close(self) -> None:
        """End the processes behind it."""
        ...

    def kill(self) -> None:
        """End the processes behind it at once and wait for that; what is checked fails."""
        ...


class EventPublisher(Protocol):
    """Produces records."""

    async def send(self, record: OutgoingEvent | DeadLetter) -> Awaitable[object]:
        """Queue `record` and return what resolves on the broker's acknowledgement.

        Raises:
            BrokerUnavailableError: it could not be queued, or (from the awaitable) was not
                acknowledged in time.
        """
        ...


class ChangelogRecord(Protocol):
    """One write to a table, on its way to the table's changelog topic."""

    @property
    def topic(self) -> str:
        """The changelog topic."""
        ...

    @property
    def partition(self) -> int:
        """The partition of the event that caused the write."""
        ...

    @property
    def key(self) -> bytes:
        """The row's key."""
        ...

    @property
    def value(self) -> bytes | None:
        """The row as JSON; nothing for a deletion."""
        ...


class ChangelogPublisher(Protocol):
    """Produces the changes of tables."""

    async def send_change(self, change: ChangelogRecord) -> Awaitable[int]:
        """Queue `change` and return what resolves to its offset once the broker has it.

        Raises:
            BrokerUnavailableError: as `EventPublisher.send`.
        """
        ...


class Clock(Protocol):
    """The time, so that tests can hold it."""

    def now(self) -> datetime:
        """Return the time, aware, UTC."""
        ...
