"""What is told of a misspelt word and a candidate: one row of numbers a pair.

The same function serves training and use, so that both see the same. Not here: what the numbers
are worth (`scorer.py`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler
from rapidfuzz.process import cpdist

from huleedu_streams.spelling.candidates import Pairs
from huleedu_streams.spelling.channel import Channel, Windows
from huleedu_streams.spelling.letters import APOSTROPHE, WIDTH
from huleedu_streams.spelling.splits import Splits
from huleedu_streams.spelling.vocabulary import CAPITAL, NAME, Spelled, Vocabulary

Rows = npt.NDArray[np.float32]

COLUMNS = 31
# The column of the channel's cost for each letter written, and that of the length.
COST_A_LETTER, _LENGTH = 5, 21
# The last columns are of words parted alone.
_OF_SPLITS = 4

_VOWELS = np.zeros(256, np.bool_)
_VOWELS[[ord(letter) - 96 for letter in "aeiouy"]] = True


def features(
    words: list[str], spelled: Spelled, pairs: Pairs, vocabulary: Vocabulary, channel: Channel
) -> Rows:
    """Return a row for each pair.

    Args:
        words: The misspelt words in lower case.
        spelled: The same as arrays.
        pairs: Sorted by row.
        vocabulary: What the ids of the pairs are of.
        channel: What edits cost.
    """
    rows, ids = pairs
    listed = vocabulary.spelled
    windows = _windows(spelled, listed, pairs)
    costs = channel.costs(windows)
    zipfs = vocabulary.zipfs.take(ids, 0)
    lengths = spelled.lengths.take(rows)
    traits = vocabulary.traits.take(ids)
    groups = _Groups.of(rows)
    columns = (
        zipfs[:, 0],
        zipfs[:, 1],
        zipfs[:, 0] - groups.largest(zipfs[:, 0]),
        costs,
        costs + groups.largest(-costs),
        costs / lengths,
        *_edits([words[row] for row in rows.tolist()], [vocabulary.keys[i] for i in ids.tolist()]),
        *(spelled.spellings.take(rows, 0) == listed.spellings.take(ids, 0)).T,
        *_ends(windows, lengths),
        lengths,
        listed.lengths.take(ids) - lengths,
        1.0 / lengths,
        traits & CAPITAL > 0,
        traits & NAME > 0,
        (windows.right == APOSTROPHE).any(1),
    )
    found = np.zeros((COLUMNS, len(rows)), np.float32)
    for place, column in enumerate(columns):
        found[place] = column
    return np.ascontiguousarray(found.T)


def split_features(spelled: Spelled, parted: Splits, vocabulary: Vocabulary) -> Rows:
    """Return a row for each word parted, of the same columns; most do not apply."""
    lengths = vocabulary.spelled.lengths
    rows = np.zeros((len(parted.rows), COLUMNS), np.float32)
    whole = spelled.lengths[parted.rows]
    rows[:, _LENGTH], rows[:, _LENGTH + 2] = whole, 1.0 / whole
    rows[:, -4], rows[:, -3], rows[:, -2] = 1, parted.is_seen, parted.pair_zipf
    rows[:, -1] = np.minimum(lengths[parted.first], lengths[parted.second])
    return rows


def _edits(written: list[str], meant: list[str]) -> tuple[npt.NDArray[Any], ...]:
    edits = cpdist(written, meant, scorer=DamerauLevenshtein.distance, dtype=np.int32)
    likeness = cpdist(written, meant, scorer=JaroWinkler.similarity, dtype=np.float32)
    return edits == 1, edits == 2, edits, likeness  # noqa: PLR2004 - edits


def _ends(windows: Windows, lengths: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], ...]:
    """Return what both words begin and end with, and what the first difference is."""
    start = windows.start
    end = lengths - start - windows.wrong_length
    places = np.arange(0, len(start) * WIDTH, WIDTH) + np.minimum(start, WIDTH - 1)
    return (
        start,
        end,
        start == 0,
        end == 0,
        windows.wrong_length,
        windows.right_length,
        _VOWELS.take(windows.wrong.ravel().take(places)),
        _VOWELS.take(windows.right.ravel().take(places)),
    )


def _windows(spelled: Spelled, listed: Spelled, pairs: Pairs) -> Windows:
    rows, ids = pairs
    wrong, right = spelled.letters.take(rows, 0), listed.letters.take(ids, 0)
    lengths = np.minimum(spelled.lengths.take(rows), WIDTH)
    right_lengths = np.minimum(listed.lengths.take(ids), WIDTH)
    shorter = np.minimum(lengths, right_lengths)
    compared = int(shorter.max(initial=1))
    start = np.minimum(_leading(wrong[:, :compared] == right[:, :compared]), shorter)
    # The places from the end of each word to its beginning and, of a shorter one, beyond.
    backwards = np.arange(0, wrong.size, WIDTH)[:, None] - np.arange(1, compared + 1)
    is_same_end = wrong.ravel().take(backwards + lengths[:, None]) == right.ravel().take(
        backwards + right_lengths[:, None]
    )
    end = np.minimum(_leading(is_same_end), shorter - start)
    return Windows(wrong, right, start, lengths - start - end, right_lengths - start - end)


def _leading(is_same: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return how many columns are true before the first that is not."""
    width: int = is_same.shape[1]
    return np.where(is_same.all(1), width, (~is_same).argmax(1))


class _Groups(NamedTuple):
    """Pairs of one row each: where they begin and how many they are."""

    firsts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: npt.NDArray[np.int64]) -> _Groups:
        """Group pairs that are sorted by row."""
        counts = np.bincount(rows)
        counts = counts[counts > 0]
        return cls(counts.cumsum() - counts, counts)

    def largest(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return, for each pair, the largest value of its group."""
        if not len(values):
            return values
        return np.maximum.reduceat(values, self.firsts).repeat(self.counts)
