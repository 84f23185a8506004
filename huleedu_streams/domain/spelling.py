"""What a spell check yields, and how a text is corrected given a lookup.

Lives here: the walk over a text's words, hyphenated parts, letter case, offsets. Not here: which
words there are and which of them is chosen (`spelling/`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from huleedu_streams.domain.misspellings import categorise
from huleedu_streams.domain.tokens import apostrophe_of, fold, hyphen_parts, scan

_MOST_ALTERNATIVES = 4
# The worst word takes half a millisecond, so a step takes less than ten.
_WORDS_A_STEP = 16


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
    """A text after the check: corrected, what was replaced, and what stayed unknown.

    Attributes:
        unlisted: How many more were replaced than `corrections` lists, by rule; a pool lists the
            first 5,000.
        is_abridged: Whether either list is cut.
    """

    text: str
    corrections: tuple[Correction, ...] = ()
    unknown: tuple[UnknownWord, ...] = ()
    word_count: int = 0
    unlisted: tuple[tuple[str, int], ...] = ()
    is_abridged: bool = False

    @property
    def corrections_made(self) -> int:
        """How many words were replaced, listed or not."""
        return len(self.corrections) + sum(count for _rule, count in self.unlisted)


class Choices(NamedTuple):
    """What a misspelt word could be, best first; none if it is hopeless. `rule` decided.

    The word itself as the first means that it is to be left alone.
    """

    rule: str
    words: tuple[str, ...]


class Lookup(Protocol):
    """What `examine` asks about a folded word, its case kept."""

    def is_known(self, word: str) -> bool:
        """Whether the word is right as it is."""
        ...

    def listed(self, word: str) -> str | None:
        """Return the replacement that the user's own list has for the word."""
        ...

    def choices(self, word: str) -> Choices:
        """Return what an unknown word could be."""
        ...


class Finding(NamedTuple):
    """Something wrong within a word: where, and the replacement if there is a good one."""

    start: int
    original: str
    replacement: str | None
    rule: str
    category: str
    alternatives: tuple[str, ...]


# The word as written -> what is wrong with it; empty when nothing is.
Examine = Callable[[str], tuple[Finding, ...]]


def examine(word: str, lookup: Lookup) -> tuple[Finding, ...]:
    """Return what is wrong with one word as written.

    A hyphenated word that is neither known nor listed is judged part by part.
    """
    folded = fold(word)
    listed = lookup.listed(folded)
    if listed is not None:
        found = _finding(word, folded, Choices("l2", (listed,)))
        return () if found.replacement == folded else (found,)
    if lookup.is_known(folded):
        return ()
    parts = hyphen_parts(word)
    if len(parts) == 1:
        choices = lookup.choices(folded)
        is_left_alone = choices.words[:1] == (folded.lower(),)
        return () if is_left_alone else (_finding(word, folded, choices),)
    return tuple(
        finding._replace(start=start) for start, part in parts for finding in examine(part, lookup)
    )


def correct(text: str, examine_word: Examine) -> CheckedText:
    """Return `text` with every word replaced that `examine_word` has a replacement for."""
    steps = correct_in_steps(text, examine_word)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            checked: CheckedText = stop.value
            return checked


def correct_in_steps(text: str, examine_word: Examine) -> Generator[None, None, CheckedText]:
    """Do as `correct`, yielding every few words, so that a caller can do other things between."""
    draft = _Draft(text)
    word_count = 0
    for number, (offset, word) in enumerate(scan(text)):
        if number % _WORDS_A_STEP == 0:
            yield
        if not word:
            continue
        word_count += 1
        for finding in examine_word(word):
            draft.note(offset, finding)
    return draft.finished(word_count)


class _Draft:
    """The corrected text while it grows; everything between the corrections is copied as it is."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._copied = 0
        self._pieces: list[str] = []
        self._corrections: list[Correction] = []
        self._unknown: list[UnknownWord] = []

    def note(self, word_offset: int, finding: Finding) -> None:
        offset, length = word_offset + finding.start, len(finding.original)
        if finding.replacement is None:
            self._unknown.append(UnknownWord(offset, length, finding.original))
            return
        replacement = self._as_typed(finding.replacement, finding.original)
        self._pieces += (self._text[self._copied : offset], replacement)
        self._copied = offset + length
        self._corrections.append(
            Correction(
                offset=offset,
                length=length,
                original=finding.original,
                replacement=replacement,
                rule=finding.rule,
                category=finding.category,
                alternatives=finding.alternatives,
            )
        )

    def finished(self, word_count: int) -> CheckedText:
        text = self._text
        if self._pieces:
            text = "".join((*self._pieces, text[self._copied :]))
        return CheckedText(text, tuple(self._corrections), tuple(self._unknown), word_count)

    def _as_typed(self, replacement: str, original: str) -> str:
        """Give an apostrophe the form that the word has, or else the text."""
        if "'" not in replacement:
            return replacement
        typed = apostrophe_of(original) or ("\u2019" if "\u2019" in self._text else "'")
        return replacement.replace("'", typed)


def _finding(word: str, folded: str, choices: Choices) -> Finding:
    if not choices.words:
        return Finding(0, word, None, choices.rule, "", ())
    best, *others = (keep_case(folded, choice) for choice in choices.words)
    category = categorise(folded, best)
    return Finding(0, word, best, choices.rule, category, tuple(others[:_MOST_ALTERNATIVES]))


def keep_case(original: str, replacement: str) -> str:
    """Return `replacement` in the case of `original`: lower, Title or UPPER.

    A replacement with capitals of its own keeps them.
    """
    if len(original) > 1 and original.isupper():
        return replacement.upper()
    if original[:1].isupper() and replacement.islower():
        return replacement[:1].upper() + replacement[1:]
    return replacement
