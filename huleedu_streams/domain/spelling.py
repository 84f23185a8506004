"""What a spell check yields."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Correction:
    """One word replaced.

    Attributes:
        offset: Where the word begins in the original text, in code points.
        length: How long the original word is, in code points.
        original: The word as written.
        replacement: The word put in its place, case kept.
        rule: What decided: `l2`, `exact`, `ranked`, `split`.
        category: What a teacher would call the error, e.g. `doubling`.
        alternatives: Further candidates, best first.
    """

    offset: int
    length: int
    original: str
    replacement: str
    rule: str
    category: str
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word that looks wrong but has no good replacement; offset and length in code points."""

    offset: int
    length: int
    word: str


@dataclass(frozen=True, slots=True)
class CheckedText:
    """A text after the check: corrected, what was replaced, and what stayed unknown."""

    text: str
    corrections: tuple[Correction, ...] = ()
    unknown: tuple[UnknownWord, ...] = ()
    word_count: int = 0
