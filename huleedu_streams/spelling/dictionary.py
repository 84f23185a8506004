"""Which words a language has and how often each occurs: pyspellchecker's own dictionaries.

They are read where pyspellchecker is installed and never copied. Not here: the index over them
(`lexicon.py`) and its place on disk (`cache.py`).
"""

from __future__ import annotations

import gzip
import string
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import orjson

from huleedu_streams.errors import DictionaryError, UnsupportedLanguageError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_SUFFIX = ".json.gz"
# pyspellchecker: two letters may be removed, so nothing longer can come near a word.
_BEYOND_LONGEST = 3
_NUMBERS_THAT_ARE_WORDS = frozenset({"nan", "inf", "infinity"})


@dataclass(frozen=True, slots=True)
class Dictionary:
    """The words of a language.

    Attributes:
        counts: Lower-case word -> how often it occurs.
        longest: Length of the longest word in the source, in code points.
    """

    counts: dict[str, int]
    longest: int

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
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


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


def read_source(language: str) -> bytes:
    """Return a dictionary's packed bytes.

    Raises:
        DictionaryError: it cannot be read.
    """
    try:
        return (_folder() / f"{language}{_SUFFIX}").read_bytes()
    except OSError as error:
        raise DictionaryError(
            f"cannot read the dictionary of {language!r}: {error.strerror}; "
            "install pyspellchecker again"
        ) from error


def unpack(source: bytes) -> Dictionary:
    """Return the words of a packed dictionary.

    Raises:
        DictionaryError: the bytes are damaged.
    """
    try:
        return Dictionary.of(orjson.loads(gzip.decompress(source)))
    except (OSError, EOFError, ValueError, AttributeError, TypeError) as error:
        raise DictionaryError("a dictionary is damaged; install pyspellchecker again") from error


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
