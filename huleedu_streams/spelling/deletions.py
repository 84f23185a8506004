"""The index behind candidates: which words share what remains when up to two letters are deleted.

Two words at most two edits apart (insertion, deletion, substitution, transposition of
neighbours) have a common remainder after at most two deletions from each, also when both are
cut to the same prefix first. So a lookup makes all remainders of a word's prefix and finds, in
one sorted array, the words that have one of them. A few of those are further apart: the caller
compares. Not here: the words themselves (`lexicon.py`).

Each entry of the array is one 64-bit number: the upper bits are the hash of a remainder, the
lower ones the word's id. The hash is the sum of letter times weight of its place, modulo 2**64,
so that the hashes of all remainders are one product of the letters with a fixed matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Starts = npt.NDArray[np.uint32]

# Measured on English, German and learners' misspellings: 8 doubles the words to compare for
# German, 12 and 16 compare no fewer and make the index a third larger.
PREFIX_LENGTH = 10
# 22 bits are four million words; 42 bits of hash make a false find rarer than one in 10,000.
_ID_BITS = np.uint64(22)
_ID_MASK = np.uint64((1 << 22) - 1)
_HASH_BITS = 64


class DeletionIndex:
    """Finds the ids of words that may be near a word. Immutable; safe from threads."""

    def __init__(self, entries: Numbers, starts: Starts) -> None:
        """Take what `build` made.

        Args:
            entries: Sorted; hash and id in one number.
            starts: Where the entries begin whose hash begins with the bits of the place.
        """
        # A memory map's own class makes every slice slow; its data stays mapped.
        self.entries = entries.view(np.ndarray)
        self.starts = starts.view(np.ndarray)
        self._shift = np.uint64(_HASH_BITS - (len(starts) - 1).bit_length() + 1)

    @classmethod
    def build(cls, words: Sequence[str], edits: int = 2, whole_below: int = 0) -> DeletionIndex:
        """Index the words; a word's id is its place in the sequence.

        Args:
            words: What is to be found.
            edits: At most how many letters may be deleted, 1 or 2.
            whole_below: Shorter words are only found whole.
        """
        entries = _sorted_entries(words, edits, whole_below)
        bits = max(1, len(entries).bit_length() - 1)
        places = (entries >> np.uint64(_HASH_BITS - bits)).astype(np.int64)
        starts = np.zeros((1 << bits) + 1, np.uint32)
        np.cumsum(np.bincount(places, minlength=1 << bits), out=starts[1:])
        return cls(entries, starts)

    def ids_near(self, word: str, edits: int) -> Numbers:
        """Return the ids of every word within `edits` (1 or 2) and of some that are further.

        Unsorted; an id may come more than once.
        """
        letters = _letters(word[:PREFIX_LENGTH])
        hashes = letters @ _remainders(len(letters), edits)
        places = hashes >> self._shift
        starts = self.starts[places].astype(np.int64)
        counts = self.starts[places + np.uint64(1)] - starts
        ends = counts.cumsum()
        positions = (starts - ends + counts).repeat(counts)
        positions += np.arange(len(positions))
        found = self.entries[positions]
        is_same = (found ^ hashes.repeat(counts)) >> _ID_BITS == 0
        return cast("Numbers", found[is_same] & _ID_MASK)

    def near(self, words: Sequence[str], edits: int = 2, whole_below: int = 0) -> Near:
        """Return, for many words at once, every word within `edits` and some further ones."""
        hashes, rows, deleted = _all_remainders(words, edits, whole_below)
        places = hashes >> self._shift
        starts = self.starts[places].astype(np.int64)
        counts = self.starts[places + np.uint64(1)] - starts
        ends = counts.cumsum()
        source = np.arange(len(counts)).repeat(counts)
        positions = (starts - ends + counts)[source]
        positions += np.arange(len(positions))
        found = self.entries[positions]
        is_same = (found ^ hashes[source]) <= _ID_MASK
        source = source[is_same]
        ids = (found[is_same] & _ID_MASK).astype(np.int64)
        return Near(rows[source], ids, deleted[source])


class Near(NamedTuple):
    """Pairs of a word looked up and a word that may be near; a pair may come more than once.

    Attributes:
        rows: Which of the words looked up.
        ids: Which word was found.
        deleted: How many letters were deleted from the word looked up to meet it.
    """

    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]
    deleted: npt.NDArray[np.int64]


def _all_remainders(
    words: Sequence[str], edits: int, whole_below: int
) -> tuple[Numbers, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the hashes of all remainders, whose they are, and how many letters they lack.

    A remainder is the letters before the first gap, those between the gaps, which move up one
    place, and those after the second, which move up two: differences of running sums.
    """
    gaps = _gaps(edits)
    letters = _letters("".join(word[:PREFIX_LENGTH].ljust(PREFIX_LENGTH, "\0") for word in words))
    weighted = letters.reshape(-1, PREFIX_LENGTH, 1) * _moved_weights()
    sums = np.zeros((len(words), PREFIX_LENGTH + 1, 3), np.uint64)
    np.cumsum(weighted, axis=1, out=sums[:, 1:])
    before, between, after = sums[:, :, 0], sums[:, :, 1], sums[:, :, 2]
    hashes = before[:, gaps.first] + between[:, gaps.second] - between[:, gaps.first_end]
    hashes += after[:, -1:] - after[:, gaps.second_end]
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    latest = np.where(lengths < whole_below, 0, np.minimum(lengths, PREFIX_LENGTH))
    rows, columns = np.nonzero(gaps.last < latest[:, None])
    return hashes[rows, columns], rows, gaps.deleted[columns]


class _Gaps(NamedTuple):
    """Where letters are deleted, a column a way to delete; no gap lies behind the last letter."""

    first: npt.NDArray[np.int64]
    first_end: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    second_end: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    deleted: npt.NDArray[np.int64]


@cache
def _gaps(edits: int) -> _Gaps:
    end = PREFIX_LENGTH
    ways = [(end, end, end, end, -1, 0)]
    ways += [(i, i + 1, end, end, i, 1) for i in range(end)]
    if edits > 1:
        ways += [(i, i + 1, j, j + 1, j, 2) for i in range(end) for j in range(i + 1, end)]
    return _Gaps(*np.array(ways, np.int64).T.copy())


@cache
def _moved_weights() -> Numbers:
    """Return what a letter in each place weighs there, one place and two places before."""
    weights = [_weight(place) for place in range(PREFIX_LENGTH)]
    moved = [[0] * move + weights[: PREFIX_LENGTH - move] for move in range(3)]
    return np.array(moved, np.uint64).T.copy()


def _sorted_entries(words: Sequence[str], edits: int, whole_below: int) -> Numbers:
    lengths = np.fromiter((min(len(word), PREFIX_LENGTH) for word in words), np.int64, len(words))
    blocks = [np.empty(0, np.uint64)]
    for length in range(1, PREFIX_LENGTH + 1):
        ids = np.flatnonzero(lengths == length)
        letters = _letters("".join(words[i][:length] for i in ids.tolist())).reshape(-1, length)
        hashes = letters @ _remainders(length, edits if length >= whole_below else 0)
        hashes &= ~_ID_MASK
        hashes |= ids[:, None].astype(np.uint64)
        blocks.append(hashes.ravel())
    entries = np.concatenate(blocks)
    entries.sort()
    is_first = np.ones(len(entries), np.bool_)
    is_first[1:] = entries[1:] != entries[:-1]
    return entries[is_first]


def _letters(text: str) -> Numbers:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)


@cache
def _remainders(length: int, edits: int) -> Numbers:
    """Return the matrix that turns `length` letters into the hashes of all remainders.

    A column a remainder: each row holds the weight of the place that the letter comes to have,
    0 if it is deleted. The first column deletes nothing.
    """
    weights = [_weight(place) for place in range(length)]
    columns: list[list[int]] = []
    for first in range(-1, length if edits else 0):
        last = length if edits > 1 and first >= 0 else first + 1
        for second in range(first, last):
            kept = [place for place in range(length) if place not in (first, second)]
            column = [0] * length
            for new_place, place in enumerate(kept):
                column[place] = weights[new_place]
            columns.append(column)
    return np.array(columns, np.uint64).reshape(len(columns), length).T.copy()


def _weight(place: int) -> int:
    digest = blake2b(place.to_bytes(2, "little"), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 1
