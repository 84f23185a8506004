"""What a spell check yields, and how a text is corrected given a lookup.

Lives here: the walk over a text's words, hyphenated parts, letter case, offsets. Not here: which
words there are and which of them is chosen (`spelling/`).
"""

from __future__ import annotations

from collections.abc import Container, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from huleedu_streams.domain.misspellings import categorise
from huleedu_streams.domain.tokens import Scan, apostrophe_of, fold, hyphen_parts

_MOST_ALTERNATIVES = 4
# A step takes less than ten milliseconds: a word found right takes one or two microseconds, and
# one that is not a few tenths of a millisecond at worst.
_WORDS_A_STEP = 256
_UNKNOWN_A_STEP = 32
_BETWEEN_SENTENCES = frozenset(" \t\"'\u201c\u201d\u2018\u2019\u00ab\u00bb([*_#\u2013\u2014-")
_ENDS_OF_SENTENCE = frozenset(".!?:\u2026\n\r")


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

    The word itself as the first means that it is to be left alone. What may be a name is replaced
    only where a sentence begins.
    """

    rule: str
    words: tuple[str, ...]
    may_be_name: bool = False


class Lookup(Protocol):
    """What is asked about folded words, their case kept.

    Attributes:
        certain: Lower-case words that are right whatever else is asked.
    """

    @property
    def certain(self) -> Container[str]:
        """Words, in lower case, that are right and not listed."""
        ...

    def is_known(self, word: str) -> bool:
        """Whether the word is right as it is."""
        ...

    def listed(self, word: str) -> str | None:
        """Return the replacement that the user's own list has for the word."""
        ...

    def choices(self, words: Sequence[str]) -> list[Choices]:
        """Return what unknown words could be, each."""
        ...


class Finding(NamedTuple):
    """Something wrong within a word: where, and the replacement if there is a good one."""

    start: int
    original: str
    replacement: str | None
    rule: str
    category: str
    alternatives: tuple[str, ...]
    may_be_name: bool = False


# What is wrong with a word; empty when nothing is.
Findings = tuple[Finding, ...]


class Memory(Protocol):
    """What was found about words before, by the word as written; it may forget."""

    def get(self, word: str) -> Findings | None:
        """Return what was found, None if the word is new."""
        ...

    def update(self, found: Iterable[tuple[str, Findings]]) -> None:
        """Remember."""
        ...


def examine(words: Iterable[str], lookup: Lookup) -> Iterator[tuple[str, Findings] | None]:
    """Yield each word as written with what is wrong with it, in any order.

    A hyphenated word that is neither known nor listed is judged part by part. Unknown words are
    looked up many at a time; None is yielded where a caller may pause.
    """
    waiting: list[tuple[str, list[_Part]]] = []
    for word in words:
        parts = _parts(word, lookup)
        if all(part.choices is not None for part in parts):
            yield word, _findings(parts)
            continue
        waiting.append((word, parts))
        if len(waiting) >= _UNKNOWN_A_STEP:
            yield from _judged(waiting, lookup)
            yield None
            waiting = []
    yield from _judged(waiting, lookup)


@dataclass(slots=True)
class _Part:
    """A word that is not right, or a hyphenated part of one; choices are filled in later."""

    start: int
    written: str
    folded: str
    choices: Choices | None = None


def _parts(word: str, lookup: Lookup, start: int = 0) -> list[_Part]:
    """Return what of a word is neither right nor hyphenated."""
    folded = fold(word)
    listed = lookup.listed(folded)
    if listed is not None:
        return [_Part(start, word, folded, Choices("l2", (listed,)))]
    if lookup.is_known(folded):
        return []
    parts = hyphen_parts(word) if not word.isalpha() else ()
    if len(parts) <= 1:
        return [_Part(start, word, folded)]
    return [found for offset, part in parts for found in _parts(part, lookup, offset)]


def _judged(
    waiting: list[tuple[str, list[_Part]]], lookup: Lookup
) -> Iterator[tuple[str, Findings]]:
    unknown = [part for _, parts in waiting for part in parts if part.choices is None]
    if unknown:
        for part, choices in zip(unknown, lookup.choices([p.folded for p in unknown]), strict=True):
            part.choices = choices
    for word, parts in waiting:
        yield word, _findings(parts)


def _findings(parts: list[_Part]) -> Findings:
    return tuple(finding for part in parts for finding in _found(part))


def _found(part: _Part) -> Iterator[Finding]:
    choices = part.choices
    if choices is None or not choices.words:
        rule = choices.rule if choices else ""
        yield Finding(part.start, part.written, None, rule, "", ())
        return
    words = choices.words[: 1 + _MOST_ALTERNATIVES]
    if not part.folded.islower():
        words = tuple(keep_case(part.folded, word) for word in words)
    best = words[0]
    if best in (part.folded, part.folded.lower()):
        return
    yield Finding(
        part.start,
        part.written,
        best,
        choices.rule,
        categorise(part.folded, best),
        words[1:],
        choices.may_be_name,
    )


def correct(text: str, lookup: Lookup, memory: Memory) -> CheckedText:
    """Return `text` with every word replaced that there is a good replacement for."""
    steps = correct_in_steps(text, lookup, memory)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            checked: CheckedText = stop.value
            return checked


def correct_in_steps(
    text: str, lookup: Lookup, memory: Memory
) -> Generator[None, None, CheckedText]:
    """Do as `correct`, yielding every few words, so that a caller can do other things between."""
    spotted: list[tuple[int, str]] = []
    found: dict[str, Findings | None] = {}
    scan = Scan(text, lookup.certain)
    for number, (offset, word) in enumerate(scan):
        if not word:  # thousands of words that are right lie behind
            yield
            continue
        if number % _WORDS_A_STEP == 0:
            yield
        if word not in found:
            found[word] = memory.get(word)
        if found[word] != ():
            spotted.append((offset, word))
    new = [word for word, findings in found.items() if findings is None]
    yield from _learn(new, found, lookup, memory)
    draft = _Draft(text)
    for first in range(0, len(spotted), _WORDS_A_STEP):
        yield
        for offset, word in spotted[first : first + _WORDS_A_STEP]:
            draft.note_all(offset, found[word] or ())
    return draft.finished(scan.word_count)


def _learn(
    new: list[str], found: dict[str, Findings | None], lookup: Lookup, memory: Memory
) -> Generator[None, None, None]:
    learned: list[tuple[str, Findings]] = []
    for outcome in examine(new, lookup):
        if outcome is not None:
            learned.append(outcome)
        if outcome is None or len(learned) >= _WORDS_A_STEP:
            found.update(learned)
            memory.update(learned)
            learned = []
            yield
    found.update(learned)
    memory.update(learned)


class _Draft:
    """The corrected text while it grows; everything between the corrections is copied as it is."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._copied = 0
        self._pieces: list[str] = []
        self._corrections: list[Correction] = []
        self._unknown: list[UnknownWord] = []

    def note_all(self, word_offset: int, findings: Findings) -> None:
        for finding in findings:
            self.note(word_offset, finding)

    def note(self, word_offset: int, finding: Finding) -> None:
        offset, length = word_offset + finding.start, len(finding.original)
        if finding.may_be_name and not begins_sentence(self._text, offset):
            return
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


def begins_sentence(text: str, offset: int) -> bool:
    """Whether a capital at `offset` says nothing: a sentence or a line begins there."""
    place = offset - 1
    while place >= 0 and text[place] in _BETWEEN_SENTENCES:
        place -= 1
    return place < 0 or text[place] in _ENDS_OF_SENTENCE


def keep_case(original: str, replacement: str) -> str:
    """Return `replacement` in the case of `original`: lower, Title or UPPER.

    A replacement with capitals of its own keeps them.
    """
    if len(original) > 1 and original.isupper():
        return replacement.upper()
    if original[:1].isupper() and replacement.islower():
        return replacement[:1].upper() + replacement[1:]
    return replacement
