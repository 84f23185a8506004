"""Engine `ranked`: the words within two edits or of one sound, in the order that learners mean.

All unknown words of a text are looked up, compared and scored together: a word alone costs more.
Known words are their own only candidate. Not here: the comparison (`features.py`) and its worth
(`scorer.py`); the wider known-word test (`knowing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from huleedu_streams.domain.spelling import Choices
from huleedu_streams.spelling.candidates import Pairs, candidates
from huleedu_streams.spelling.features import COST_A_LETTER, features
from huleedu_streams.spelling.knowing import is_right
from huleedu_streams.spelling.scorer import Weights
from huleedu_streams.spelling.vocabulary import Spelled, Vocabulary

_POSSESSIVE = "'s"
_MOST = 12
# A word that would cost more a letter is out of reach.
_MOST_COST_A_LETTER = 2.5


class RankedEngine:
    """See the module. Immutable; safe from threads."""

    rule = "ranked"

    def __init__(self, vocabulary: Vocabulary, weights: Weights) -> None:
        self._vocabulary = vocabulary
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
            Choices(self.rule, found, may_be_name=word[:1].isupper())
            for word, found in zip(words, self._ordered(words), strict=True)
        ]

    def _ordered(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        stems, tails = zip(*map(_without_possessive, words), strict=True)
        spelled = Spelled.of(stems)
        pairs = candidates(list(stems), spelled, self._vocabulary)
        rows = features(list(stems), spelled, pairs, self._vocabulary, self._weights.channel)
        scores = self._weights.net.score(rows)
        is_near = rows[:, COST_A_LETTER] < _MOST_COST_A_LETTER
        pairs, scores = Pairs(pairs.rows[is_near], pairs.ids[is_near]), scores[is_near]
        order = np.lexsort((-scores, pairs.rows))
        found: list[list[str]] = [[] for _ in words]
        listed = self._vocabulary.words
        for row, i in zip(pairs.rows[order].tolist(), pairs.ids[order].tolist(), strict=True):
            found[row].append(listed[i] + tails[row])
        return [tuple(words[:_MOST]) for words in found]


def _without_possessive(word: str) -> tuple[str, str]:
    lowered = word.lower()
    if lowered.endswith(_POSSESSIVE):
        return lowered[: -len(_POSSESSIVE)], _POSSESSIVE
    return lowered, ""
