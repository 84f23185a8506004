"""When a word that no list has is still right as it is: the wider known-word test of `ranked`.

Contractions and possessives of known words, shapes that no misspelt word has, shouts. Not here:
which words are listed (`vocabulary.py`), and names, which a text shows (`ranked.py`).
"""

from __future__ import annotations

import re
from collections.abc import Container
from unicodedata import combining, normalize

_TAILS = frozenset({"s", "d", "ll", "ve", "re", "m"})
# A stem is a word of its own after these: nonviolent, antigovernment.
_PREFIXES = (
    "anti", "counter", "cyber", "eco", "hyper", "mega", "micro", "mini", "multi", "non", "pseudo",
    "semi", "super", "ultra",
)  # fmt: skip
_SHORTEST_STEM = 4
_LONGEST_ABBREVIATION = 5
# Laughter, shouts, hesitation; small Roman numerals.
_NO_WORD = re.compile(r"(?:a*(?:ha|he){2,}h?|.*(.)\1{3,}.*|(?:m+h*|h+m+|a+h+|o+h+|e+r*m+|s+h+)+)")
_ROMAN = re.compile(r"(?=.)x{0,3}(?:ix|iv|v?i{0,3})")


def is_right(word: str, listed: Container[str]) -> bool:
    """Whether a folded word, its case kept, is right as it is.

    Args:
        word: Apostrophes straight, no hyphens.
        listed: The words of the language, in lower case.
    """
    lowered = word.lower()
    return (
        lowered in listed
        or has_odd_shape(word)
        or (not word.isascii() and without_accents(lowered) in listed)
        or _is_built(lowered, listed)
    )


def has_odd_shape(word: str) -> bool:
    """Whether a word is shaped as no mistyped one is, in any language."""
    lowered = word.lower()
    return (
        len(word) <= 1
        or _is_of_odd_case(word)
        or _NO_WORD.fullmatch(lowered) is not None
        or _ROMAN.fullmatch(lowered) is not None
    )


def without_accents(word: str) -> str:
    """Return the word in plain letters where there are any for its own."""
    if word.isascii():
        return word
    return "".join(char for char in normalize("NFD", word) if not combining(char))


def _is_of_odd_case(word: str) -> bool:
    """Whether it is an abbreviation, or spelt as no mistyped word is: eBook, McDonald."""
    if word == word.lower():  # so is all that Arabic writes
        return False
    if word.isupper():
        return len(word) <= _LONGEST_ABBREVIATION
    rest = word[1:]
    return not (rest.islower() or not rest.isalpha()) and len(word) > len("THe")


def _is_built(word: str, listed: Container[str]) -> bool:
    stem, apostrophe, tail = word.partition("'")
    if apostrophe:
        return (tail in _TAILS and stem in listed) or (not tail and stem in listed)
    if not word.startswith(_PREFIXES):
        return False
    prefix = next(filter(word.startswith, _PREFIXES))
    return len(word) >= len(prefix) + _SHORTEST_STEM and word[len(prefix) :] in listed
