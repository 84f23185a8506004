"""The port `SpellChecker` in this process, a slice at a time, the event loop free in between.

For small installations and tests; a pool (`pool.py`) is faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from time import monotonic

from huleedu_streams.domain.spelling import CheckedText
from huleedu_streams.errors import SpellcheckFailedError, SpellingError
from huleedu_streams.spelling.checker import SpellChecker, log_refused
from huleedu_streams.spelling.served import Served

# The loop is never held for more than 50 ms; a step may take ten.
_SLICE_SECONDS = 0.01


class SlicedSpellChecker:
    """Checks texts on the event loop, a slice at a time."""

    def __init__(self, served: Served, *, timeout_seconds: float) -> None:
        self._served = served
        self._timeout_seconds = timeout_seconds
        self._checkers: dict[str, SpellChecker] = {}
        self._loading = asyncio.Lock()

    async def start(self) -> None:
        """Load every language.

        Raises:
            DictionaryError: a language or the list cannot be loaded.
        """
        for language in self._served.languages:
            await self._loaded(language)

    async def check(self, text: str, language: str) -> CheckedText:
        """Return `text` corrected with the words of `language`.

        Raises:
            UnsupportedLanguageError: the language is not served.
            SpellcheckFailedError: the check failed or took too long.
        """
        name = self._served.resolve(language)
        refuse_surrogates(text)
        try:
            checker = await self._loaded(name)
            return await self._in_slices(checker.check_in_steps(text))
        except SpellingError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, this essay fails alone
            # The type alone and no cause: messages may quote the text.
            raise SpellcheckFailedError(f"the checker failed: {type(error).__name__}") from None

    async def close(self) -> None:
        """Let go of the dictionaries."""
        self._checkers.clear()

    def kill(self) -> None:
        """Do nothing: there is no process but this one."""

    async def _loaded(self, language: str) -> SpellChecker:
        async with self._loading:
            if language not in self._checkers:
                checker = await asyncio.to_thread(self._served.load, language)
                log_refused(language, checker.refused)
                self._checkers[language] = checker
            return self._checkers[language]

    async def _in_slices(self, steps: Generator[None, None, CheckedText]) -> CheckedText:
        taken = 0.0
        while True:
            start = monotonic()
            checked = _slice(steps, start + _SLICE_SECONDS)
            taken += monotonic() - start
            if checked is not None:
                return checked
            if taken > self._timeout_seconds:
                raise SpellcheckFailedError(f"the check took over {self._timeout_seconds:g} s")
            await asyncio.sleep(0)


def refuse_surrogates(text: str) -> None:
    """Refuse a text that cannot be written as UTF-8.

    Raises:
        SpellcheckFailedError: it holds half of a surrogate pair.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SpellcheckFailedError("the text is not valid Unicode: a lone surrogate") from None


def _slice(steps: Generator[None, None, CheckedText], end: float) -> CheckedText | None:
    """Take steps until `end`; return the checked text once there are no more."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            checked: CheckedText = stop.value
            return checked
        if monotonic() >= end:
            return None
