"""Engine `ranked` for every language but English: frequency against the cost of the edits.

There are no sets of learners' misspellings to learn from, so the kinds of edits and their costs are
those that all languages share (`edits.py`); a language adds its sounds (`tongues.py`), and its
compounds where its word list has them.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from huleedu_streams.domain.spelling import Choices
from huleedu_streams.spelling.compounds import Compounds
from huleedu_streams.spelling.edits import cost, ends_differently
from huleedu_streams.spelling.knowing import has_odd_shape
from huleedu_streams.spelling.lexicon import Lexicon
from huleedu_streams.spelling.shortlist import shortlists
from huleedu_streams.spelling.tongues import Tongue

# What ten times more occurrences are worth; learned with the costs.
_FREQUENCY = 0.8
# Of the cost of edits that do not change the sound.
_HEARD_ALIKE = 0.5
# Of one ending for another where learners confuse them.
_ENDING = 1.8
_MOST = 12
# A word that would cost more is out of reach.
_MOST_COST, _MOST_COST_A_LETTER = 9.0, 1.3
# The best must be likelier than this among all candidates, and not too unlikely by itself.
_LEAST_SHARE, _LEAST_SCORE = 0.42, -3.0
# Decades of occurrences in a billion words.
_FREQUENT = 3.0
_FREQUENT_ALONE = 4.3
# `de`, `ar` and the like are ends of words far more often than words run together.
_SHORTEST_PART, _SHORTEST_LAST_PART = 2, 3
_JOINED = 3.5
_COLLOCATION = 1.5
_SURELY_TWO = 4.0
# A compound that no list has: how frequent it is taken to be, and the score that none exceeds.
_COMPOUND, _COMPOUND_SCORE = 0.0, 0.5
# Where one frequent word is this near, a capitalised word is not taken for a name.
_NO_NAME, _NO_NAME_COST = 4.5, 2.6


class _Scored(NamedTuple):
    score: float
    word: str
    cost: float
    zipf: float


class WeightedEngine:
    """See the module. Immutable; safe from threads."""

    rule = "ranked"

    def __init__(self, lexicon: Lexicon, tongue: Tongue) -> None:
        self._lexicon = lexicon
        self.certain: Container[str] = lexicon.ids
        self._tongue = tongue
        self._compounds = Compounds(lexicon)
        # From counts to occurrences in a billion words.
        self._scale = 9.0 - math.log10(max(1, int(lexicon.counts.sum())))

    def is_known(self, word: str) -> bool:
        """Whether the word is right as it is."""
        lowered = word.lower()
        if self._lexicon.knows(lowered):
            return True
        _, stem = self._tongue.without_elision(lowered)
        return self._lexicon.knows(stem) or self._is_compound(stem)

    def is_right(self, word: str) -> bool:
        """Whether a word of a text is right as it is."""
        return self.is_known(word) or has_odd_shape(word)

    def ranked(self, word: str) -> tuple[str, ...]:
        """Return the candidates, best first; a known word is its own only one."""
        if self.is_known(word):
            return (word,)
        elided, stem = self._tongue.without_elision(word.lower())
        (near,) = shortlists(self._lexicon, [stem])
        return tuple(elided + found.word for found in self._best(stem, near))

    def choices(self, words: Sequence[str]) -> list[Choices]:
        """Return what each unknown word of a text could be."""
        parts = [self._tongue.without_elision(word.lower()) for word in words]
        near = shortlists(self._lexicon, [stem for _, stem in parts])
        return [
            self._choices(word, elided, self._best(stem, ids))
            for word, (elided, stem), ids in zip(words, parts, near, strict=True)
        ]

    def _choices(self, word: str, elided: str, found: list[_Scored]) -> Choices:
        is_capital = word[:1].isupper()
        rule = "split" if found and " " in found[0].word else self.rule
        may_be_word = _is_sure(found) and not (
            is_capital and (found[0].zipf < _FREQUENT or rule == "split")
        )
        if not may_be_word:
            # A capital is reason enough to take it for a name.
            return Choices(self.rule, (word.lower(),) if is_capital else ())
        is_slip = found[0].zipf >= _NO_NAME and found[0].cost <= _NO_NAME_COST
        words = tuple(elided + each.word for each in found)
        return Choices(rule, words, may_be_name=is_capital and not is_slip)

    def _is_compound(self, word: str) -> bool:
        """Whether it is made of known parts, and neither a slip nor two words run together."""
        return (
            self._compounds.has(word)
            and not any(self._zipf(i) >= _FREQUENT for i in self._lexicon.within(word, 1)[:1])
            and not any(pair.zipf >= _SURELY_TWO for pair in self._two_words(word))
        )

    def _best(self, word: str, near: list[int]) -> list[_Scored]:
        """Return the candidates, best first: words near, words run together, compounds."""
        limit = min(_MOST_COST, _MOST_COST_A_LETTER * len(word))
        found = [*self._words_near(word, near), *self._two_words(word)]
        if max((each.score for each in found), default=_LEAST_SCORE) < _COMPOUND_SCORE:
            found += self._compounds_near(word)
        best: dict[str, _Scored] = {}
        for each in sorted(found, key=lambda each: (-each.score, each.word)):
            if each.cost <= limit:
                best.setdefault(each.word, each)
        return list(best.values())[:_MOST]

    def _words_near(self, word: str, near: list[int]) -> Iterator[_Scored]:
        for i in near:
            meant = self._lexicon.words[i]
            yield self._scored(meant, self._cost(word, meant), self._zipf(i))

    def _compounds_near(self, word: str) -> Iterator[_Scored]:
        for written, meant in self._compounds.near(word):
            compound = "".join(meant)
            if compound != word:
                yield self._scored(compound, sum(map(self._cost, written, meant)), _COMPOUND)

    def _two_words(self, word: str) -> Iterator[_Scored]:
        """Yield the pairs of frequent words that it may be run together of."""
        ids, words = self._lexicon.ids, self._lexicon.words
        for end in range(_SHORTEST_PART, len(word) - _SHORTEST_LAST_PART + 1):
            first, second = ids.get(word[:end]), ids.get(word[end:])
            if first is None or second is None:
                continue
            zipfs = self._zipf(first), self._zipf(second)
            if min(zipfs) >= _FREQUENT_ALONE:
                together = sum(zipfs) - 9.0 + _COLLOCATION
                yield self._scored(f"{words[first]} {words[second]}", _JOINED, together)

    def _scored(self, word: str, edits_cost: float, zipf: float) -> _Scored:
        return _Scored(_FREQUENCY * zipf - edits_cost, word, edits_cost, zipf)

    def _cost(self, written: str, meant: str) -> float:
        spent = cost(written, meant)
        if spent and self._tongue.sounds and self._is_heard_alike(written, meant):
            return spent * _HEARD_ALIKE
        if self._tongue.endings and spent > _ENDING:
            return _ENDING if ends_differently(written, meant) in self._tongue.endings else spent
        return spent

    def _is_heard_alike(self, written: str, meant: str) -> bool:
        return self._tongue.sound(written) == self._tongue.sound(meant)

    def _zipf(self, word_id: int) -> float:
        return math.log10(int(self._lexicon.counts[word_id])) + self._scale


def _is_sure(found: list[_Scored]) -> bool:
    """Whether the best candidate is likely enough to replace the word."""
    if not found or found[0].score < _LEAST_SCORE:
        return False
    best = found[0].score
    return sum(math.exp(each.score - best) for each in found) <= 1 / _LEAST_SHARE
