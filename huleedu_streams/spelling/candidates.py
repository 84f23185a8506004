"""What misspelt words could be: all near words of a batch at once, cut down to the likely ones.

A cheap score keeps a dozen candidates a word, those within two edits and those that sound alike.
Not here: which of them is best (`features.py`, `scorer.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from huleedu_streams.spelling.gists import (
    BEGINNING_BITS,
    LETTER_BITS,
    SPELLING_BITS,
    ZIPFS,
    gists_of,
    same_bytes,
)
from huleedu_streams.spelling.vocabulary import TELLING_SOUND, Spelled, Vocabulary

Numbers = npt.NDArray[np.int64]

# Keeping more costs time and gains nothing.
KEPT = 10
# Room for a thousand words and four million pairs.
_PLACE_BITS = 22
_SIGN = np.int32(-1 << 31)
CHEAP_COLUMNS = 12
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


class NearPairs(NamedTuple):
    """All pairs of misspelt words and words near them, each once, sorted by row and id.

    Attributes:
        rows: Which misspelt word of the batch.
        ids: Which word of the vocabulary.
        steps: A lower bound of the edits between them.
        differences: Of their lengths.
    """

    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    differences: npt.NDArray[np.int64]

    def numbers(self, id_bits: int) -> Numbers:
        """Return each pair as one number, its steps last: below two bits are only steps."""
        return ((self.rows << id_bits | self.ids) << 2 | self.differences) << 2 | self.steps

    @classmethod
    def of(cls, numbers: Numbers, id_bits: int) -> NearPairs:
        """Return the pairs that `numbers` made numbers of."""
        pairs = numbers >> 4
        return cls(pairs >> id_bits, pairs & (1 << id_bits) - 1, numbers & 3, numbers >> 2 & 3)


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
        worth: What each row of `cheap_features` is worth.
        kept: At most how many a word.
    """
    near = all_near(words, spelled, vocabulary)
    # Not `@`, which rounds the same features differently by the place where they stand.
    scores = np.einsum("f,fp->p", worth, cheap_features(near, spelled, vocabulary))
    order = _best_first(near.rows, scores)
    counts = np.bincount(near.rows, minlength=len(words))
    places = (counts.cumsum() - counts)[:, None] + np.arange(kept)
    best = order.take(places[np.arange(kept) < counts[:, None]])
    return Pairs(near.rows.take(best), near.ids.take(best))


def all_near(words: list[str], spelled: Spelled, vocabulary: Vocabulary) -> NearPairs:
    """Return all pairs that are near, of words that may be suggested."""
    near = (_within_edits(words, spelled, vocabulary), _sounding_alike(spelled, vocabulary))
    # Short numbers are sorted in half the time.
    short = np.min_scalar_type(len(words) << vocabulary.id_bits + 4)
    numbers = np.concatenate(near, dtype=short, casting="unsafe")
    numbers.sort()
    is_first = np.ones(len(numbers), np.bool_)
    is_first[1:] = numbers[1:] >> 2 != numbers[:-1] >> 2
    return NearPairs.of(numbers[is_first].astype(np.int64), vocabulary.id_bits)


def _within_edits(words: list[str], spelled: Spelled, vocabulary: Vocabulary) -> Numbers:
    """Return the pairs that a few edits part, each as a number; some come more than once."""
    rows, ids, deleted, is_near = vocabulary.index.met(words)
    differences = np.abs(vocabulary.suggested_lengths.take(ids) - spelled.lengths.take(rows))
    steps = np.maximum(deleted, differences)
    is_near &= differences <= 2  # noqa: PLR2004 - edits
    return NearPairs(rows, ids, steps, differences).numbers(vocabulary.id_bits)[is_near]


def _sounding_alike(spelled: Spelled, vocabulary: Vocabulary) -> Numbers:
    """Return the pairs of a word and a frequent one of nearly its sound, each as a number."""
    rows, places, _, is_near = vocabulary.sounds.met(spelled.heard, 1, TELLING_SOUND)
    ids = vocabulary.sound_ids.take(places)
    differences = np.abs(vocabulary.suggested_lengths.take(ids) - spelled.lengths.take(rows))
    is_same = spelled.spellings[rows, 0] == vocabulary.spelled.spellings[ids, 0]
    steps = np.where(is_same, _SAME_SOUND, _FURTHEST)
    is_near &= differences <= _FURTHEST
    return NearPairs(rows, ids, steps, differences).numbers(vocabulary.id_bits)[is_near]


def cheap_features(
    near: NearPairs, spelled: Spelled, vocabulary: Vocabulary
) -> npt.NDArray[np.float32]:
    """Return what is told of each pair at little cost, a column a pair."""
    rows, ids, steps, differences = near
    ours = gists_of(spelled.letters, spelled.spellings, is_written=True)
    theirs = vocabulary.gists.take(ids, 0)
    counts = np.bincount(rows, minlength=len(ours))
    found = np.empty((CHEAP_COLUMNS, len(rows)), np.float32)
    found[0:2] = theirs[:, ZIPFS].view(np.float32).T
    found[2] = steps
    found[3] = steps <= 1
    same = same_bytes(ours.repeat(counts, 0), theirs)
    for place, mask in enumerate(SPELLING_BITS, 4):
        found[place] = same & mask == mask
    found[7] = differences
    lengths = spelled.lengths.astype(np.float32).repeat(counts)
    found[8] = np.bitwise_count(same & LETTER_BITS) / lengths
    for place, mask in enumerate(BEGINNING_BITS, 9):
        found[place] = same & mask == mask
    return found


def _best_first(
    rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    """Return the order by row, the highest score first, equals as they stand.

    Row, score and place are made one number each: those are sorted five times as fast.
    """
    bits = np.negative(scores).view(np.int32)
    # As numbers without a sign, floats are in order once the bits of negative ones are turned
    # round, and the sign of the others.
    bits ^= bits >> 31 | _SIGN
    keys = rows.astype(np.uint64) << np.uint64(32 + _PLACE_BITS)
    keys |= bits.view(np.uint32).astype(np.uint64) << np.uint64(_PLACE_BITS)
    keys |= np.arange(len(rows), dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64((1 << _PLACE_BITS) - 1)).astype(np.int64)
