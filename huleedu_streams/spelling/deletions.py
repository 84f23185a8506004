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
    def build(cls, words: Sequence[str], edits: int = 2) -> DeletionIndex:
        """Index the words; a word's id is its place in the sequence.

        Args:
            words: What is to be found.
            edits: At most how many letters may be deleted, 1 or 2.
        """
        entries = _sorted_entries(words, edits)
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

    def near(self, words: Sequence[str], edits: int = 2) -> Near:
        """Return, for many words at once, every word within `edits` and some further ones."""
        prefixes = [word[:PREFIX_LENGTH] for word in words]
        lengths = np.fromiter(map(len, prefixes), np.int64, len(prefixes))
        hashes, rows, deleted = _all_remainders(prefixes, lengths, edits)
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
    prefixes: Sequence[str], lengths: npt.NDArray[np.int64], edits: int
) -> tuple[Numbers, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the hashes of all remainders, whose they are, and how many letters they lack."""
    hashes, rows, deleted = [], [], []
    for length in sorted(set(lengths.tolist()) - {0}):
        of_length = np.flatnonzero(lengths == length)
        letters = _letters("".join(prefixes[i] for i in of_length.tolist()))
        matrix, lacking = _remainders(length, edits), _lacking(length, edits)
        hashes.append((letters.reshape(-1, length) @ matrix).ravel())
        rows.append(of_length.repeat(len(lacking)))
        deleted.append(np.tile(lacking, len(of_length)))
    if not hashes:
        nothing = np.empty(0, np.int64)
        return np.empty(0, np.uint64), nothing, nothing
    return np.concatenate(hashes), np.concatenate(rows), np.concatenate(deleted)


def _sorted_entries(words: Sequence[str], edits: int) -> Numbers:
    lengths = np.fromiter((min(len(word), PREFIX_LENGTH) for word in words), np.int64, len(words))
    blocks = [np.empty(0, np.uint64)]
    for length in range(1, PREFIX_LENGTH + 1):
        ids = np.flatnonzero(lengths == length)
        letters = _letters("".join(words[i][:length] for i in ids.tolist())).reshape(-1, length)
        hashes = letters @ _remainders(length, edits)
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
    for first in range(-1, length):
        last = length if edits > 1 and first >= 0 else first + 1
        for second in range(first, last):
            kept = [place for place in range(length) if place not in (first, second)]
            column = [0] * length
            for new_place, place in enumerate(kept):
                column[place] = weights[new_place]
            columns.append(column)
    return np.array(columns, np.uint64).reshape(len(columns), length).T.copy()


@cache
def _lacking(length: int, edits: int) -> npt.NDArray[np.int64]:
    """Return how many letters each column of `_remainders` deletes."""
    kept: npt.NDArray[np.int64] = np.count_nonzero(_remainders(length, edits), axis=0)
    return length - kept


def _weight(place: int) -> int:
    digest = blake2b(place.to_bytes(2, "little"), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 1
