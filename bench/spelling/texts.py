"""What happens to learners' running text: correct words changed, wrong ones left alone.

Measured on the second half of each token file. Some true misspellings are labelled correct
there, and many words are labelled wrong for their grammar; only non-words are asked to change.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from operator import attrgetter

from bench.spelling.clock import within
from bench.spelling.rows import Row, skipped
from bench.spelling.sets import TOKEN_FILES, Sentence, Token, sentences
from bench.spelling.spellers import Change, Other, Speller

_TARGETS = {
    ("wrong changes", "en"): "<= 1.0",
    ("wrong changes and flags", "sv"): "<= 4",
    ("non-words changed", "sv"): ">= 72",
}


@dataclass(slots=True)
class Tally:
    """How many tokens there were, and what became of them."""

    correct: int = 0
    correct_changed: int = 0
    correct_flagged: int = 0
    marked: int = 0
    marked_changed: int = 0
    non_words: int = 0
    non_words_changed: int = 0
    examples: list[str] = field(default_factory=list)

    def figures(self) -> Iterator[tuple[str, float, str, int]]:
        """Yield measure, value, unit and count."""
        touched = self.correct_changed + self.correct_flagged
        per_mille = "/1,000 words"
        yield (
            "wrong changes",
            _share(self.correct_changed, self.correct, 1000),
            per_mille,
            self.correct,
        )
        yield (
            "wrong changes and flags",
            _share(touched, self.correct, 1000),
            per_mille,
            self.correct,
        )
        yield (
            "marked words changed",
            _share(self.marked_changed, self.marked, 100),
            "%",
            self.marked,
        )
        changed = _share(self.non_words_changed, self.non_words, 100)
        yield "non-words changed", changed, "%", self.non_words


def rows(language: str, spellers: Sequence[Speller], seconds: float) -> Iterator[Row]:
    """Yield a row a measure and speller; a slow speller does not see every sentence.

    A non-word is what none of the spellers knows.
    """
    found = sentences(language)
    if found is None:
        yield skipped(f"learners' text, {language}", f"{TOKEN_FILES[language]} is absent")
        return
    if not spellers:
        yield skipped(f"learners' text, {language}", "this version does not serve the language")
        return
    half = found[len(found) // 2 :]
    is_known = lru_cache(maxsize=None)(lambda word: any(s.is_known(word) for s in spellers))
    measured = [
        Row(
            f"{measure}, learners' text, {language}",
            speller.name,
            value,
            unit,
            count,
            _TARGETS.get((measure, language), ""),
        )
        for speller in spellers
        for measure, value, unit, count in tally(
            speller, within(seconds if isinstance(speller, Other) else inf, half), is_known
        ).figures()
    ]
    yield from sorted(measured, key=attrgetter("measure"), reverse=True)


def tally(speller: Speller, checked: Iterable[Sentence], is_known: Callable[[str], bool]) -> Tally:
    """Check sentences and count what became of their words."""
    seen = Tally()
    for sentence in checked:
        touched = _touched(sentence, speller.check(sentence.text))
        for place, token in enumerate(sentence.tokens):
            if any(map(str.isalpha, token.text)):
                _count(seen, token, touched.get(place), is_known)
    return seen


def _count(
    seen: Tally, token: Token, change: Change | None, is_known: Callable[[str], bool]
) -> None:
    is_changed = change is not None and change.replacement is not None
    if token.is_correct:
        seen.correct += 1
        seen.correct_changed += is_changed
        seen.correct_flagged += change is not None and not is_changed
        if change is not None and is_changed:
            seen.examples.append(f"{token.text} -> {change.replacement}")
        return
    seen.marked += 1
    seen.marked_changed += is_changed
    if token.text.isalpha() and not is_known(token.text):
        seen.non_words += 1
        seen.non_words_changed += is_changed


def _touched(sentence: Sentence, changes: Iterable[Change]) -> dict[int, Change]:
    """Return the changes by the place of each token that they touch."""
    touched: dict[int, Change] = {}
    for change in changes:
        first = bisect_right(sentence.offsets, change.offset) - 1
        last = bisect_left(sentence.offsets, change.offset + change.length)
        for place in range(first, last):
            touched[place] = change
    return touched


def _share(part: int, whole: int, of: int) -> float:
    return of * part / max(whole, 1)
