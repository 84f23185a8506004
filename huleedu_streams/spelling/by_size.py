"""The port `SpellChecker` for texts of every size: no small one waits for a large one's process.

An essay is checked within milliseconds, a megabyte of hopeless words within many seconds. What is
large goes to a checker of its own, which is there for as long as large texts are, and whose
processes leave the processor to all others.
"""

from __future__ import annotations

from collections.abc import Callable

from huleedu_streams.domain.spelling import CheckedText
from huleedu_streams.protocols import SpellChecker

# Letters. Essays have some thousand; this many take less than a second, whatever they say.
LARGE_TEXT = 131_072


class SpellCheckerBySize:
    """Checks small texts with one checker and large ones with another, which comes and goes."""

    def __init__(self, small: SpellChecker, build_large: Callable[[], SpellChecker]) -> None:
        self._small = small
        self._build_large = build_large
        self._large: SpellChecker | None = None
        self._large_texts = 0
        self._is_closed = False

    async def start(self) -> None:
        """Start the checker of small texts; the other one starts when it is needed.

        Raises:
            DictionaryError: a dictionary or the L2 list cannot be loaded.
        """
        await self._small.start()

    async def check(self, text: str, language: str) -> CheckedText:
        """Return `text` corrected with the words of `language`.

        Raises:
            UnsupportedLanguageError: the language is not served.
            SpellcheckFailedError: the checker failed on this text.
        """
        if len(text) <= LARGE_TEXT or self._is_closed:
            return await self._small.check(text, language)
        large = self._large = self._large or self._build_large()
        self._large_texts += 1
        try:
            return await large.check(text, language)
        finally:
            self._large_texts -= 1
            if not self._large_texts:
                # With it goes the memory that large texts take, which no process gives back.
                self._large = None
                await large.close()

    async def close(self) -> None:
        """End what is behind both; checks in flight fail."""
        self._is_closed = True
        await self._small.close()
        if self._large is not None:
            await self._large.close()

    def kill(self) -> None:
        """End the processes behind both at once and wait for that; checks in flight fail."""
        for checker in (self._small, self._large):
            if checker is not None:
                checker.kill()
