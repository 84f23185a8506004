"""Words run together: alot, infact, eventhough. The best place to part each word of a batch.

Not here: whether parting a word beats correcting it (`features.py`, `scorer.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from huleedu_streams.spelling.vocabulary import SUGGESTED, Vocabulary

# Parts that are no pair of the list have to be words that everybody uses.
_COMMON_ZIPF, _PART_LENGTH = 4.0, 3
_LEAST_ZIPF = 3.3
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
    places = np.array(
        [
            (row, first, second)
            for row, word in enumerate(words)
            if _SHORTEST <= len(word) <= _LONGEST
            for first, second in _parts(word, vocabulary.ids)
        ],
        np.int64,
    ).reshape(-1, 3)
    rows, first, second = places.T
    seen = vocabulary.pair_zipfs_of(first, second)
    zipfs = vocabulary.zipfs[:, 0]
    rarer = np.minimum(zipfs[first], zipfs[second])
    lengths = vocabulary.spelled.lengths
    is_seen = seen > 0
    is_common = (
        (rarer >= _COMMON_ZIPF)
        & (lengths[first] >= _PART_LENGTH)
        & (lengths[second] >= _PART_LENGTH)
    )
    is_suggested = vocabulary.traits[first] & vocabulary.traits[second] & SUGGESTED > 0
    values = np.where(is_seen, seen, rarer - _UNSEEN)
    is_good = is_suggested & (is_seen | is_common) & (rarer >= _LEAST_ZIPF)
    order = np.lexsort((-values, rows))
    order = order[is_good[order]]
    best = order[np.flatnonzero(np.diff(rows[order], prepend=-1))]
    return Splits(
        rows[best], first[best], second[best], values[best].astype(np.float32), is_seen[best]
    )


def _parts(word: str, ids: dict[str, int]) -> list[tuple[int, int]]:
    found = []
    for place in range(1, len(word)):
        first, second = word[:place], word[place:]
        if first in ids and second in ids and _is_part(first) and _is_part(second):
            found.append((ids[first], ids[second]))
    return found


def _is_part(word: str) -> bool:
    return len(word) > _SHORT_LENGTH or word in _SHORT
