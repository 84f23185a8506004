"""Which words a language has and how often each occurs, and which languages there are.

Most dictionaries are pyspellchecker's: read where it is installed and never copied. Those that
lack much of what texts hold are completed from `data/`, not for engine `exact`. Swedish is there
too, as two lists of different licences that are joined here and nowhere else. Not here: the index
over the words (`lexicon.py`) and its place on disk (`cache.py`); English of engine `ranked`.
"""

from __future__ import annotations

import gzip
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import orjson

from huleedu_streams.errors import DictionaryError, UnsupportedLanguageError
from huleedu_streams.spelling import packed
from huleedu_streams.spelling.borrowed import borrowed_words
from huleedu_streams.spelling.roles import WORD

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_SUFFIX = ".json.gz"
# pyspellchecker: two letters may be removed, so nothing longer can come near a word.
_BEYOND_LONGEST = 3
# Language -> its lists in `data/`: how often words occur, which words there are.
_OWN = MappingProxyType({"sv": ("sv.frequencies.xz", "sv.words.xz")})
# Language -> frequent words that pyspellchecker has not; of every four of a Spanish text, one.
_ADDED = MappingProxyType({"es": "es.added.xz", "fa": "fa.added.xz", "ru": "ru.added.xz"})
# What the numbers of these lists mean: 20 times the logarithm of occurrences in a billion words.
_STEPS_PER_DECADE, _DECADES = 20, 9
_NUMBERS_THAT_ARE_WORDS = frozenset({"nan", "inf", "infinity"})


@dataclass(frozen=True, slots=True)
class Dictionary:
    """The words of a language.

    Attributes:
        counts: Lower-case word -> how often it occurs.
        longest: Length of the longest word in the source, in code points.
        roles: Forms that are right or part of compounds, too many to suggest; see `roles.py`.
    """

    counts: dict[str, int]
    longest: int
    roles: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, counts: dict[str, int]) -> Dictionary:
        """Return a dictionary of these words, without those that pyspellchecker never knows."""
        lowered: dict[str, int] = {}
        for word, count in counts.items():
            lowered[word.lower()] = lowered.get(word.lower(), 0) + count
        longest = max(map(len, lowered), default=0)
        kept = {w: count for w, count in lowered.items() if is_checkable(w, longest)}
        return cls(kept, longest)


def languages() -> tuple[str, ...]:
    """Return the languages there are dictionaries for, sorted."""
    names = (entry.name for entry in _folder().iterdir())
    found = {name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)}
    return tuple(sorted(found | _OWN.keys()))


def served_language(tag: str) -> str:
    """Return the dictionary's name for a language tag: `en` for `en`, `EN` and `en-GB`.

    Raises:
        UnsupportedLanguageError: there is no dictionary; the message lists those there are.
    """
    language = tag.lower().split("-")[0]
    there = languages()
    if language not in there:
        raise UnsupportedLanguageError(
            f"no dictionary for language {tag[:35]!r}; there are {', '.join(there)}"
        )
    return language


def read_source(language: str, *, is_completed: bool = False) -> tuple[bytes, ...]:
    """Return the packed files of a language.

    Args:
        language: As `languages()` has it.
        is_completed: Also what completes pyspellchecker's dictionary.

    Raises:
        DictionaryError: they cannot be read.
    """
    if language in _OWN:
        return tuple(packed.read(name) for name in _OWN[language])
    added = (packed.read(_ADDED[language]),) if is_completed and language in _ADDED else ()
    try:
        return ((_folder() / f"{language}{_SUFFIX}").read_bytes(), *added)
    except OSError as error:
        raise DictionaryError(
            f"cannot read the dictionary of {language!r}: {error.strerror}; "
            "install pyspellchecker again"
        ) from error


def unpack(source: tuple[bytes, ...]) -> Dictionary:
    """Return the words of packed files.

    Raises:
        DictionaryError: the bytes are damaged.
    """
    first, *others = source
    if packed.is_packed(first):
        return _joined(packed.unpack(first), packed.unpack(others[0]))
    try:
        counts = orjson.loads(gzip.decompress(first))
        for added in others:
            counts |= _added(counts, packed.unpack(added))
        return Dictionary.of(counts)
    except (OSError, EOFError, ValueError, AttributeError, TypeError) as error:
        raise DictionaryError("a dictionary is damaged; install pyspellchecker again") from error


def _joined(levels: dict[str, int], roles: dict[str, int]) -> Dictionary:
    counts = {
        word: round(10 ** (level / _STEPS_PER_DECADE))
        for word, level in levels.items()
        if roles.get(word, 0) & WORD
    }
    borrowed = borrowed_words(levels, roles)
    return Dictionary(counts, max(map(len, roles)), {**roles, **dict.fromkeys(borrowed, WORD)})


def _added(counts: dict[str, int], levels: dict[str, int]) -> dict[str, int]:
    """Return the counts of added words as if they had been counted with the others."""
    total = sum(counts.values())
    return {
        word: max(1, round(10 ** (level / _STEPS_PER_DECADE - _DECADES) * total))
        for word, level in levels.items()
    }


def is_checkable(word: str, longest: int) -> bool:
    """Whether pyspellchecker 0.9.1 would look at the word: no number, no lone sign, not too long.

    Source: `SpellChecker._check_if_should_check`.
    """
    if len(word) > longest + _BEYOND_LONGEST or (len(word) == 1 and word in string.punctuation):
        return False
    # Letters alone are no number, the three of that set apart: no need to try.
    return word.isalpha() or word.lower() in _NUMBERS_THAT_ARE_WORDS or not _is_number(word)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _folder() -> Traversable:
    return files("spellchecker") / "resources"
