"""Words run together: alot, infact, eventhough. The best place to part each word of a batch.

Not here: whether parting a word beats correcting it (`features.py`, `scorer.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from huleedu_streams.spelling.vocabulary import Vocabulary

# Parts that are no pair of the list have to be words that everybody uses.
_COMMON_ZIPF, _PART_LENGTH = 4.0, 3
_UNSEEN = 2.5
_SHORT = frozenset(
    {
        "a", "i", "am", "an", "as", "at", "be", "by", "do", "go", "he", "if", "in", "is", "it",
        "me", "my", "no", "of", "on", "or", "so", "to", "up", "us", "we",
    }
)  # fmt: skip
_SHORT_LENGTH = 2
_SHORTEST, _LONGEST = 4, 24


class Splits(NamedTuple):
    """Words that can be parted, sorted by row, one place a row.

    Attributes:
        rows: Which word of the batch.
        first: Id of the first part.
        second: Id of the second part.
        pair_zipf: How frequent the two are in a row; an estimate if that is not known.
        is_seen: Whether it is known.
    """

    rows: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    pair_zipf: npt.NDArray[np.float32]
    is_seen: npt.NDArray[np.bool_]


def splits(words: Sequence[str], vocabulary: Vocabulary) -> Splits:
    """Return the best place to part each lower-case word that can be parted."""
    places = [
        (row, *parts)
        for row, word in enumerate(words)
        if _SHORTEST <= len(word) <= _LONGEST
        for parts in _parts(word, vocabulary.parts)
    ]
    rows, first, second = np.array(places, np.int64).reshape(-1, 3).T
    seen = vocabulary.pair_zipfs_of(first, second)
    best: dict[int, int] = {}
    values = np.zeros(len(places), np.float32)
    # A text has few such places: arrays would take longer.
    for place, (row, *parts) in enumerate(places):
        value = values[place] = _value(parts, seen[place], vocabulary)
        if value > 0 and (row not in best or value > values[best[row]]):
            best[row] = place
    chosen = np.fromiter(best.values(), np.int64, len(best))
    return Splits(rows[chosen], first[chosen], second[chosen], values[chosen], seen[chosen] > 0)


def _value(parts: list[int], seen: np.float32, vocabulary: Vocabulary) -> np.float32:
    """Return how frequent two words are in a row, an estimate if need be; 0 if they are no good."""
    if seen > 0:
        return seen
    rarer = min(vocabulary.zipfs[part, 0] for part in parts)
    is_common = rarer >= _COMMON_ZIPF and all(
        vocabulary.spelled.lengths[part] >= _PART_LENGTH for part in parts
    )
    return rarer - np.float32(_UNSEEN) if is_common else np.float32(0)


def _parts(word: str, parts: Mapping[str, int]) -> list[tuple[int, int]]:
    found = []
    for place in range(1, len(word)):
        first = word[:place]
        if first in parts and _is_part(first):
            second = word[place:]
            if second in parts and _is_part(second):
                found.append((parts[first], parts[second]))
    return found


def _is_part(word: str) -> bool:
    return len(word) > _SHORT_LENGTH or word in _SHORT
