"""What misspelt words could be: all near words of a batch at once, cut down to the likely ones.

A cheap score keeps a dozen candidates a word, those within two edits and those that sound alike.
Not here: which of them is best (`features.py`, `scorer.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from huleedu_streams.spelling.sounds import sound_key
from huleedu_streams.spelling.vocabulary import SUGGESTED, WIDTH, Spelled, Vocabulary

# Keeping more costs time and gains nothing.
KEPT = 12
_SHORT_SOUND = 3
_ROW_BITS = 32
_FURTHEST = 3


class Pairs(NamedTuple):
    """Misspelt words and candidates, sorted by row, the likeliest first.

    Attributes:
        rows: Which misspelt word of the batch.
        ids: Which word of the vocabulary.
    """

    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]


def candidates(
    words: list[str], spelled: Spelled, vocabulary: Vocabulary, kept: int = KEPT
) -> Pairs:
    """Return the likely candidates of lower-case words."""
    rows, ids, steps = _distinct(*_near(words, spelled, vocabulary))
    scores = _cheap_scores(rows, ids, steps, spelled, vocabulary)
    order = np.lexsort((-scores, rows))
    rows, ids = rows[order], ids[order]
    firsts = np.searchsorted(rows, np.arange(len(words)))
    is_kept = np.arange(len(rows)) - firsts[rows] < kept
    return Pairs(rows[is_kept], ids[is_kept])


def _near(
    words: list[str], spelled: Spelled, vocabulary: Vocabulary
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return rows, ids and a lower bound of the edits between them."""
    rows, ids, deleted = vocabulary.index.near(words)
    difference = vocabulary.spelled.lengths[ids] - spelled.lengths[rows]
    steps = np.maximum(deleted, np.abs(difference))
    is_near = np.abs(difference) <= 2  # noqa: PLR2004 - edits
    sound_rows, sound_ids = _sounding_alike(words, spelled, vocabulary)
    further = np.full(len(sound_rows), _FURTHEST)
    return (
        np.concatenate((rows[is_near], sound_rows)),
        np.concatenate((ids[is_near], sound_ids)),
        np.concatenate((steps[is_near], further)),
    )


def _sounding_alike(
    words: list[str], spelled: Spelled, vocabulary: Vocabulary
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return rows and ids of frequent words whose sound keys differ by one sound or not at all."""
    sounds = [sound_key(word) for word in words]
    rows, places, deleted = vocabulary.sounds.near(sounds, edits=1)
    ids = vocabulary.sound_ids[places]
    # Keys of few sounds are near to too many.
    is_same = spelled.spellings[rows, 0] == vocabulary.spelled.spellings[ids, 0]
    is_telling = np.array([len(sound) > _SHORT_SOUND for sound in sounds])[rows]
    lengths = vocabulary.spelled.lengths[ids] - spelled.lengths[rows]
    is_near = (is_same | is_telling) & (np.abs(lengths) <= _FURTHEST)
    return rows[is_near], ids[is_near]


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


def _cheap_scores(
    rows: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int64],
    steps: npt.NDArray[np.int64],
    spelled: Spelled,
    vocabulary: Vocabulary,
) -> npt.NDArray[np.float64]:
    of_words, listed = spelled, vocabulary.spelled
    wrong, right = of_words.letters[rows], listed.letters[ids]
    lengths = of_words.lengths[rows]
    is_same = wrong == right
    start = np.minimum((~is_same).argmax(1), lengths)
    share = is_same.sum(1) - (WIDTH - np.maximum(lengths, listed.lengths[ids]).clip(max=WIDTH))
    is_sounding = of_words.spellings[rows, 0] == listed.spellings[ids, 0]
    is_suggested = vocabulary.traits[ids] & SUGGESTED
    return (
        vocabulary.zipfs[ids, 0]
        - 2.0 * steps
        + 1.5 * is_sounding
        + 1.0 * (start > 0)
        + 2.0 * (start + share) / lengths
        + 100.0 * is_suggested
    )
