"""Our engines and the others, asked the same questions.

The others have no idea of a text: their words are found by our tokens, and each word that they do
not know is replaced by their first suggestion.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple, Protocol

import hunspell
from spellchecker import SpellChecker as PySpellChecker

from huleedu_streams.domain.tokens import fold, words
from huleedu_streams.errors import DictionaryError, UnsupportedLanguageError
from huleedu_streams.spelling import SpellChecker

# In the order of the table's columns; those that this version does not have are left out.
ENGINES = ("exact", "ranked")


class Change(NamedTuple):
    """A place in a text that looks wrong; `replacement` is None where nothing was put there."""

    offset: int
    length: int
    replacement: str | None


class Speller(Protocol):
    """What is measured."""

    name: str

    def is_known(self, word: str) -> bool:
        """Whether the word is right as it is."""
        ...

    def first(self, word: str) -> str:
        """Return the first choice; the word itself if it is known or hopeless."""
        ...

    def check(self, text: str) -> list[Change]:
        """Return what it finds wrong in a text."""
        ...


class Ours:
    """One engine of ours; what was found about words of earlier texts is remembered."""

    def __init__(self, engine: str, language: str = "en") -> None:
        self.name = engine
        self._checker = SpellChecker.load(language, engine=engine)
        self.is_known = self._checker.is_known
        self.first = self._checker.correction

    def forget(self) -> None:
        """Remember no word any more; what was loaded stays."""
        engine = self._checker._engine  # noqa: SLF001 - it has no public name
        self._checker = SpellChecker(self._checker.language, engine)

    def check(self, text: str) -> list[Change]:
        """Return what it finds wrong in a text."""
        checked = self._checker.check(text)
        changed = [Change(c.offset, c.length, c.replacement) for c in checked.corrections]
        return changed + [Change(w.offset, w.length, None) for w in checked.unknown]


class Other:
    """A library that knows words alone."""

    def __init__(
        self, name: str, is_known: Callable[[str], bool], first: Callable[[str], str]
    ) -> None:
        self.name = name
        self.is_known = is_known
        self.first = lru_cache(maxsize=None)(first)

    def check(self, text: str) -> list[Change]:
        """Return every unknown word with its first suggestion."""
        return list(self._changes(text))

    def _changes(self, text: str) -> Iterator[Change]:
        for offset, word in words(text):
            folded = fold(word)
            if not self.is_known(folded):
                choice = self.first(folded)
                yield Change(offset, len(word), None if choice == folded else choice)


def pyspellchecker(language: str = "en") -> Other:
    """Return the library that engine `exact` is held to."""
    library = PySpellChecker(language=language)
    return Other(
        "pyspellchecker",
        lambda word: bool(library.known([word])),
        lambda word: library.correction(word) or word,
    )


def hunspell_english() -> Other:
    """Return hunspell with the American dictionary that chunspell carries."""
    library = hunspell.Hunspell("en_US")
    return Other(
        "hunspell",
        library.spell,
        lambda word: word if library.spell(word) else next(iter(library.suggest(word)), word),
    )


def aspell_english() -> Other | None:
    """Return aspell through its pipe, or None where it is not installed."""
    command = shutil.which("aspell")
    if command is None:
        return None
    process = subprocess.Popen(  # noqa: S603 - found on the path
        [command, "-a", "--lang=en", "--encoding=utf-8"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    if process.stdin is None or process.stdout is None:
        return None
    questions, answers = process.stdin, process.stdout
    answers.readline()  # its version

    def suggestions(word: str) -> list[str] | None:
        """Return what it suggests; None for a known word."""
        questions.write(f"^{word}\n")
        questions.flush()
        lines = list(iter(answers.readline, "\n"))
        found = [line for line in lines if line[0] in "&#"]
        if not found:
            return None
        return found[0].partition(": ")[2].strip().split(", ") if found[0][0] == "&" else []

    return Other(
        "aspell",
        lambda word: suggestions(word) is None,
        lambda word: next(iter(suggestions(word) or ()), word),
    )


def ours(wanted: Iterable[str] = ENGINES, language: str = "en") -> list[Ours]:
    """Return the engines that this version has, each loaded; none without the language."""
    there = []
    for engine in wanted:
        with suppress(DictionaryError, UnsupportedLanguageError):
            there.append(Ours(engine, language))
    return there


def others() -> list[Other]:
    """Return the other spellers that are installed; aspell may be absent."""
    return [pyspellchecker(), hunspell_english(), *filter(None, [aspell_english()])]
