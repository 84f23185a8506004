"""The speller as a Python class: words and texts of one language, no Kafka, no event loop.

Engines slot in through `Engine` and `_ENGINES`; everything round them (the user's list, letter
case, offsets, what is left alone) is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import structlog

from huleedu_streams.domain.spelling import (
    CheckedText,
    Choices,
    Findings,
    correct,
    correct_in_steps,
)
from huleedu_streams.errors import DictionaryError
from huleedu_streams.spelling.cache import load_lexicon, load_vocabulary
from huleedu_streams.spelling.dictionary import served_language
from huleedu_streams.spelling.exact import ExactEngine
from huleedu_streams.spelling.l2 import L2List, RefusedEntry, read_l2
from huleedu_streams.spelling.ranked import RankedEngine
from huleedu_streams.spelling.scorer import load_weights
from huleedu_streams.spelling.tongues import tongue_of
from huleedu_streams.spelling.weighted import WeightedEngine
from huleedu_streams.spelling.wordlist import has_words

log = structlog.get_logger(__name__)

DEFAULT_ENGINE = "ranked"
# Names and errors repeat within a class; an entry is some 200 bytes.
_WORDS_REMEMBERED = 16_384


class Engine(Protocol):
    """How candidates are found and put in order."""

    rule: str

    @property
    def certain(self) -> Container[str]:
        """The words of the language, in lower case."""
        ...

    def is_known(self, word: str) -> bool:
        """Whether the word is right as it is."""
        ...

    def ranked(self, word: str) -> tuple[str, ...]:
        """Return the candidates, best first; a known word is its own only one."""
        ...

    def is_right(self, word: str) -> bool:
        """Whether a word of a text, folded, its case kept, is right as it is."""
        ...

    def choices(self, words: Sequence[str]) -> list[Choices]:
        """Return what each of some words of a text that are not right could be."""
        ...


def _load_exact(language: str, cache_dir: Path | None) -> Engine:
    return ExactEngine(load_lexicon(language, cache_dir))


def _load_ranked(language: str, cache_dir: Path | None) -> Engine:
    if has_words(language):
        return RankedEngine(load_vocabulary(language, cache_dir), load_weights())
    lexicon = load_lexicon(language, cache_dir, is_completed=True)
    return WeightedEngine(lexicon, tongue_of(language))


_ENGINES: Mapping[str, Callable[[str, Path | None], Engine]] = MappingProxyType(
    {"ranked": _load_ranked, "exact": _load_exact}
)


class SpellChecker:
    """Checks words and texts of one language. Immutable after `load`; safe from threads."""

    def __init__(self, language: str, engine: Engine, l2: L2List | None = None) -> None:
        self.language = language
        self._engine = engine
        self._l2 = l2 or L2List()
        self._lookup = _TextLookup(engine, self._l2)
        self._memory = _Memory()

    @classmethod
    def load(
        cls,
        language: str = "en",
        *,
        engine: str = DEFAULT_ENGINE,
        l2_dictionary: Path | None = None,
        cache_dir: Path | None = None,
    ) -> SpellChecker:
        """Load a language; the only input and output there is.

        Args:
            language: A tag such as `en` or `en-GB`.
            engine: `ranked` or `exact`.
            l2_dictionary: The user's list of errors in this language, `wrong:right` a line.
            cache_dir: Where the built index is kept; by default the user's cache folder.

        Raises:
            UnsupportedLanguageError: no dictionary; the message lists the languages there are.
            DictionaryError: a dictionary or the list cannot be read, or there is no such engine.
        """
        checker = cls.load_quietly(
            language, engine=engine, l2_dictionary=l2_dictionary, cache_dir=cache_dir
        )
        log_refused(checker.language, checker.refused)
        return checker

    @classmethod
    def load_quietly(
        cls,
        language: str,
        *,
        engine: str = DEFAULT_ENGINE,
        l2_dictionary: Path | None = None,
        cache_dir: Path | None = None,
    ) -> SpellChecker:
        """Do as `load` without logging: for processes whose parent logs."""
        if engine not in _ENGINES:
            raise DictionaryError(f"no engine {engine!r}; there are {', '.join(_ENGINES)}")
        name = served_language(language)
        built = _ENGINES[engine](name, cache_dir)
        l2 = read_l2(l2_dictionary, built.is_known) if l2_dictionary else None
        return cls(name, built, l2)

    @property
    def refused(self) -> tuple[RefusedEntry, ...]:
        """The entries of the user's list that are not used, and why."""
        return self._l2.refused

    def is_known(self, word: str) -> bool:
        """Whether the word is right as it is; numbers and lone signs are."""
        return self._engine.is_known(word)

    def candidates(self, word: str) -> frozenset[str]:
        """Return every word that it could be; a known word itself, nothing if it is hopeless."""
        return frozenset(self._engine.ranked(word))

    def correction(self, word: str) -> str:
        """Return the best candidate; the word itself if it is known or hopeless."""
        return next(iter(self._engine.ranked(word)), word)

    def suggestions(self, word: str, limit: int = 5) -> list[str]:
        """Return at most `limit` candidates, best first; none if the word is hopeless."""
        return list(self._engine.ranked(word)[:limit])

    def check(self, text: str) -> CheckedText:
        """Return the text corrected, with what was replaced and what stayed unknown.

        Web addresses, e-mail addresses and runs with a digit are left alone; case, spacing and
        punctuation are kept.
        """
        return correct(text, self._lookup, self._memory)

    def check_in_steps(self, text: str) -> Generator[None, None, CheckedText]:
        """Do as `check`, a short step at a time."""
        return correct_in_steps(text, self._lookup, self._memory)


class _TextLookup:
    """What a text's words are asked: first the user's list, then the engine."""

    def __init__(self, engine: Engine, l2: L2List) -> None:
        self.certain = engine.certain
        self.is_known = engine.is_right
        self.choices = engine.choices
        self._replacements = l2.replacements

    def listed(self, word: str) -> str | None:
        return self._replacements.get(word.lower())


class _Memory:
    """What was found about words of earlier texts; all is forgotten once it is too much."""

    def __init__(self) -> None:
        self._found: dict[str, Findings] = {}

    def get(self, word: str) -> Findings | None:
        return self._found.get(word)

    def update(self, found: Iterable[tuple[str, Findings]]) -> None:
        if len(self._found) > _WORDS_REMEMBERED:
            self._found = {}
        self._found.update(islice(found, _WORDS_REMEMBERED))


def log_refused(language: str, refused: tuple[RefusedEntry, ...]) -> None:
    """Warn of every entry of the user's list that is not used."""
    for entry in refused:
        log.warning(
            "l2_entry_refused",
            language=language,
            line=entry.line,
            entry=entry.entry,
            reason=entry.reason,
        )
