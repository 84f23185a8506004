"""What misspelt words could be: all near words of a batch at once, cut down to the likely ones.

A cheap score keeps a dozen candidates a word, those within two edits and those that sound alike.
Not here: which of them is best (`features.py`, `scorer.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from huleedu_streams.spelling.vocabulary import SUGGESTED, TELLING_SOUND, Spelled, Vocabulary

# Keeping more costs time and gains nothing.
KEPT = 10
_ROW_BITS = 32
# Room for a thousand words and four million pairs.
_PLACE_BITS = 22
CHEAP_COLUMNS = 12
_COMPARED = 12
_FURTHEST = 3
# To sound the same is as good as being this near.
_SAME_SOUND = 2


class Pairs(NamedTuple):
    """Misspelt words and candidates, sorted by row, the likeliest first.

    Attributes:
        rows: Which misspelt word of the batch.
        ids: Which word of the vocabulary.
    """

    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]


def candidates(
    words: list[str],
    spelled: Spelled,
    vocabulary: Vocabulary,
    worth: npt.NDArray[np.float32],
    kept: int = KEPT,
) -> Pairs:
    """Return the likely candidates of lower-case words.

    Args:
        words: What is misspelt.
        spelled: The same as arrays.
        vocabulary: Where to look.
        worth: What each column of `cheap_features` is worth.
        kept: At most how many a word.
    """
    rows, ids, steps = all_near(words, spelled, vocabulary)
    scores = cheap_features(rows, ids, steps, spelled, vocabulary) @ worth
    order = _best_first(rows, scores)
    rows, ids = rows.take(order), ids.take(order)
    firsts = np.searchsorted(rows, np.arange(len(words)))
    is_kept = np.arange(len(rows)) - firsts[rows] < kept
    return Pairs(rows[is_kept], ids[is_kept])


def all_near(
    words: list[str], spelled: Spelled, vocabulary: Vocabulary
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return rows, ids and steps of all pairs that are near, each once."""
    return _distinct(*_near(words, spelled, vocabulary))


def _near(
    words: list[str], spelled: Spelled, vocabulary: Vocabulary
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return rows, ids and a lower bound of the edits between them."""
    rows, ids, deleted = vocabulary.index.near(words)
    difference = np.abs(vocabulary.spelled.lengths.take(ids) - spelled.lengths.take(rows))
    steps = np.maximum(deleted, difference)
    is_near = difference <= 2  # noqa: PLR2004 - edits
    is_near &= (vocabulary.traits.take(ids) & SUGGESTED) > 0
    sound_rows, sound_ids, is_same = _sounding_alike(spelled, vocabulary)
    further = np.where(is_same, _SAME_SOUND, _FURTHEST)
    return (
        np.concatenate((rows[is_near], sound_rows)),
        np.concatenate((ids[is_near], sound_ids)),
        np.concatenate((steps[is_near], further)),
    )


def _sounding_alike(
    spelled: Spelled, vocabulary: Vocabulary
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return rows and ids of frequent words of near sounds, and whether they sound the same."""
    rows, places, _ = vocabulary.sounds.near(spelled.heard, 1, TELLING_SOUND)
    ids = vocabulary.sound_ids[places]
    difference = vocabulary.spelled.lengths[ids] - spelled.lengths[rows]
    is_near = np.abs(difference) <= _FURTHEST
    rows, ids = rows[is_near], ids[is_near]
    return rows, ids, spelled.spellings[rows, 0] == vocabulary.spelled.spellings[ids, 0]


def _distinct(
    rows: npt.NDArray[np.int64], ids: npt.NDArray[np.int64], steps: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return each pair once, with its fewest steps, of words that may be suggested."""
    numbers = rows << _ROW_BITS | ids << 2 | steps
    numbers.sort()
    is_first = np.ones(len(numbers), np.bool_)
    is_first[1:] = numbers[1:] >> 2 != numbers[:-1] >> 2
    numbers = numbers[is_first]
    return numbers >> _ROW_BITS, numbers >> 2 & (1 << (_ROW_BITS - 2)) - 1, numbers & 3


def cheap_features(
    rows: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int64],
    steps: npt.NDArray[np.int64],
    spelled: Spelled,
    vocabulary: Vocabulary,
) -> npt.NDArray[np.float32]:
    """Return what is told of each pair at little cost, a row a pair."""
    listed = vocabulary.spelled
    # `take`: an index in brackets takes ten times as long where rows have columns.
    lengths, right_lengths = spelled.lengths.take(rows), listed.lengths.take(ids)
    ours, theirs = spelled.letters.take(rows, 0), listed.letters.take(ids, 0)
    is_same = ours[:, :_COMPARED] == theirs[:, :_COMPARED]
    beyond_end = _COMPARED - np.maximum(lengths, right_lengths).clip(max=_COMPARED)
    found = np.empty((len(rows), CHEAP_COLUMNS), np.float32)
    found[:, 0:2] = vocabulary.zipfs.take(ids, 0)
    found[:, 2] = steps
    found[:, 3] = steps <= 1
    found[:, 4:7] = spelled.spellings.take(rows, 0) == listed.spellings.take(ids, 0)
    found[:, 7] = np.abs(lengths - right_lengths)
    found[:, 8] = (_count_of(is_same) - beyond_end) / lengths
    first_two = is_same[:, 0] & is_same[:, 1]
    found[:, 9] = is_same[:, 0]
    found[:, 10] = first_two
    found[:, 11] = first_two & is_same[:, 2] & is_same[:, 3]
    return found


def _count_of(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
    """Return how many of twelve flags are set, a row at a time: four of them are one number."""
    fours = flags.view(np.uint32)
    return (fours[:, 0] + fours[:, 1] + fours[:, 2]) * np.uint32(0x01010101) >> np.uint32(24)


def _best_first(
    rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    """Return the order by row, the highest score first, equals as they stand.

    Row, score and place are made one number each: those are sorted five times as fast.
    """
    bits = np.negative(scores).view(np.uint32)
    # As numbers without a sign, negative floats are in reverse.
    bits = np.where(bits >> np.uint32(31), ~bits, bits | np.uint32(1 << 31))
    keys = rows.astype(np.uint64) << np.uint64(32 + _PLACE_BITS)
    keys |= bits.astype(np.uint64) << np.uint64(_PLACE_BITS)
    keys |= np.arange(len(rows), dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64((1 << _PLACE_BITS) - 1)).astype(np.int64)
