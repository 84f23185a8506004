"""Peer (b)'s speller: pyspellchecker as the pipelines of today have it, word by word."""

from __future__ import annotations

import asyncio
import re

from spellchecker import SpellChecker

from huleedu_streams.domain.spelling import CheckedText, Correction

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")


class PipelineSpeller:
    """A SpellChecker over pyspellchecker at its default distance of 2."""

    async def start(self) -> None:
        """Load the dictionary."""
        self._speller = SpellChecker()

    async def check(self, text: str, _language: str) -> CheckedText:
        """Return the text corrected, in a thread as it holds the processor for seconds."""
        return await asyncio.to_thread(self._check, text)

    async def close(self) -> None:
        """Do nothing."""

    def kill(self) -> None:
        """Do nothing: there is no process but this one."""

    def _check(self, text: str) -> CheckedText:
        corrections: list[Correction] = []

        def replaced(found: re.Match[str]) -> str:
            word = found[0]
            best = self._speller.correction(word)
            if best is None or best == word.lower():
                return word
            corrections.append(
                Correction(found.start(), len(word), word, best, "pyspellchecker", "other")
            )
            return str(best)

        return CheckedText(_WORD.sub(replaced, text), tuple(corrections))
