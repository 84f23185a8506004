"""Engine `ranked`: the words within two edits or of one sound, in the order that learners mean.

All unknown words of a text are looked up, compared and scored together: a word alone costs more.
Known words are their own only candidate. Not here: the comparison (`features.py`) and its worth
(`scorer.py`); the wider known-word test (`knowing.py`).
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance.DamerauLevenshtein import distance

from huleedu_streams.domain.spelling import Choices
from huleedu_streams.spelling.candidates import candidates
from huleedu_streams.spelling.channel import Channel
from huleedu_streams.spelling.features import COST_A_LETTER, Rows, features, split_features
from huleedu_streams.spelling.knowing import is_right, without_accents
from huleedu_streams.spelling.scorer import Weights
from huleedu_streams.spelling.splits import splits
from huleedu_streams.spelling.vocabulary import CAPITAL, NAME, Spelled, Vocabulary

_POSSESSIVE = "'s"
_NONE = -1
# Within a sentence a word with a capital is a name, unless it is all but one letter of a frequent
# word, or close to a word that always has a capital: Febuary, Wensday.
_SURE_LENGTH, _SURE_ZIPF, _CAPITAL_ZIPF = 6, 5.0, 4.0
# Where a sentence begins, it may be a name still.
_LIKELY_EDITS, _LIKELY_ZIPF = 2, 3.8
# A word that would cost more a letter is out of reach.
_MOST_COST_A_LETTER = 3.5


class Ranking(NamedTuple):
    """Candidates of the words of a batch with their scores, in no order.

    Attributes:
        rows: Which word of the batch.
        ids: The candidate, or its first word.
        seconds: Its second word, -1 for most.
        features: What is told of it, a row each.
    """

    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.int64]
    features: Rows


def rank(words: list[str], vocabulary: Vocabulary, worth: Rows, channel: Channel) -> Ranking:
    """Return the likely candidates of lower-case words and what is told of them."""
    spelled = Spelled.of(words)
    pairs = candidates(words, spelled, vocabulary, worth)
    rows = features(words, spelled, pairs, vocabulary, channel)
    parted = splits(words, vocabulary)
    return Ranking(
        np.concatenate((pairs.rows, parted.rows)),
        np.concatenate((pairs.ids, parted.first)),
        np.concatenate((np.full(len(pairs.ids), _NONE), parted.second)),
        np.concatenate((rows, split_features(spelled, parted, vocabulary))),
    )


class RankedEngine:
    """See the module. Immutable; safe from threads."""

    rule = "ranked"

    def __init__(self, vocabulary: Vocabulary, weights: Weights) -> None:
        self._vocabulary = vocabulary
        self.certain: Container[str] = vocabulary.ids
        self._weights = weights

    def is_known(self, word: str) -> bool:
        """Whether the word is right as it is."""
        return is_right(word, self._vocabulary.ids)

    def is_right(self, word: str) -> bool:
        """Whether a word of a text is right as it is."""
        return is_right(word, self._vocabulary.ids)

    def ranked(self, word: str) -> tuple[str, ...]:
        """Return the candidates, best first; a known word is its own only one."""
        return (word,) if self.is_known(word) else self._ordered([word])[0]

    def choices(self, words: Sequence[str]) -> list[Choices]:
        """Return what each unknown word of a text could be."""
        return [
            self._choices(word, found)
            for word, found in zip(words, self._ordered(words), strict=True)
        ]

    def _choices(self, word: str, found: tuple[str, ...]) -> Choices:
        if not found or not without_accents(word).isascii():
            # ß, æ or ø is no slip of who means an English word.
            return Choices(self.rule, (), may_be_name=_is_titled(word))
        if not _is_titled(word):
            rule = "split" if " " in found[0] else self.rule
            return Choices(rule, found if _is_recognisable(word, found[0]) else ())
        if " " in found[0]:
            return Choices("split", found, may_be_name=True)
        # A name needs no correction; what is no name is a frequent word, hardly misspelt.
        vocabulary, lowered = self._vocabulary, word.lower()
        best = vocabulary.ids.get(found[0].lower())
        if best is None or vocabulary.traits[best] & NAME:
            return Choices(self.rule, (), may_be_name=True)
        edits = distance(lowered, vocabulary.keys[best])
        zipf, is_capital = vocabulary.zipfs[best, 0], vocabulary.traits[best] & CAPITAL
        is_sure = len(word) >= _SURE_LENGTH and (
            (edits == 1 and zipf >= _SURE_ZIPF) or (is_capital and zipf >= _CAPITAL_ZIPF)
        )
        is_likely = edits <= _LIKELY_EDITS and zipf >= _LIKELY_ZIPF
        return Choices(self.rule, found if is_likely else (), may_be_name=not is_sure)

    def _ordered(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        weights = self._weights
        stems, tails = zip(*map(_without_possessive, words), strict=True)
        ranking = rank(list(stems), self._vocabulary, weights.worth, weights.channel)
        scores = weights.net.score(ranking.features)
        is_near = ranking.features[:, COST_A_LETTER] < _MOST_COST_A_LETTER
        order = np.lexsort((-scores, ranking.rows))
        order = order[is_near[order]]
        rows, ids, seconds = (column.take(order) for column in ranking[:3])
        listed = self._vocabulary.words
        found = [listed[i] for i in ids.tolist()]
        for place in np.flatnonzero(seconds >= 0).tolist():
            found[place] += f" {listed[seconds[place]]}"
        ends = np.bincount(rows, minlength=len(words)).cumsum().tolist()
        return [
            tuple([word + tail for word in found[first:end]] if tail else found[first:end])
            for first, end, tail in zip((0, *ends), ends, tails, strict=False)
        ]


def _is_recognisable(word: str, meant: str) -> bool:
    """Whether half of the letters are right: else it rather is a word of another language."""
    return distance(word.lower(), meant.lower()) <= max(_LIKELY_EDITS, len(word) // 2)


def _is_titled(word: str) -> bool:
    return word[:1].isupper() and word[1:].islower()


def _without_possessive(word: str) -> tuple[str, str]:
    lowered = word.lower()
    if lowered.endswith(_POSSESSIVE) and lowered != _POSSESSIVE:
        return lowered[: -len(_POSSESSIVE)], _POSSESSIVE
    return lowered, ""
