"""The index behind candidates: which words share what remains when up to two letters are deleted.

Two words at most two edits apart (insertion, deletion, substitution, transposition of
neighbours) have a common remainder after at most two deletions from each, also when both are
cut to the same prefix first. So a lookup makes all remainders of a word's prefix and finds, in
one sorted array, the words that have one of them. A few of those are further apart: the caller
compares. Not here: the words themselves (`lexicon.py`).

Each entry of the array is one 64-bit number: the upper bits are the hash of a remainder, the
lower ones the word's id, and one between them says whether two letters were deleted: within one
edit no such remainder is needed. The hash is the sum of letter times weight of its place, modulo
2**64, so that the hashes of all remainders of many words are one product with a fixed matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import blake2b
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
Starts = npt.NDArray[np.uint32]

# Measured on English, German and learners' misspellings: 8 doubles the words to compare for
# German, 12 and 16 compare no fewer and make the index a third larger.
PREFIX_LENGTH = 10
# 22 bits are four million words; 41 bits of hash make a false find rarer than one in 10,000.
_ID_BITS = 22
_ID_MASK = np.uint64((1 << _ID_BITS) - 1)
_TWO_DELETED = np.uint64(1 << _ID_BITS)
_HASH_BITS = 64
_HASH_MASK = np.uint64((1 << _HASH_BITS) - (1 << (_ID_BITS + 1)))
# So many words are hashed at a time: 60 MB of hashes while an index is built.
_BLOCK = 1 << 17


class DeletionIndex:
    """Finds the ids of words that may be near others. Immutable; safe from threads."""

    def __init__(self, entries: Numbers, starts: Starts) -> None:
        """Take what `build` made.

        Args:
            entries: Sorted; hash, whether two letters are deleted, and id in one number.
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
        slots = (entries >> np.uint64(_HASH_BITS - bits)).astype(np.int64)
        starts = np.zeros((1 << bits) + 1, np.uint32)
        np.cumsum(np.bincount(slots, minlength=1 << bits), out=starts[1:])
        return cls(entries, starts)

    def near(self, words: Sequence[str], edits: int = 2, whole_below: int = 0) -> Near:
        """Return, for many words at once, all within `edits` (1 or 2) and some that are further.

        Twenty words cost little more than one.
        """
        met = self.met(words, edits, whole_below)
        is_same = met.is_same
        return Near(met.rows[is_same], met.ids[is_same], met.deleted[is_same])

    def met(self, words: Sequence[str], edits: int = 2, whole_below: int = 0) -> Met:
        """Do as `near`, with a few pairs of different hashes that the caller has to leave out.

        That is quicker where the caller leaves out others at the same time.
        """
        hashes, rows, deleted = _remainders(words, edits, whole_below)
        slots = (hashes >> self._shift).astype(np.int64)
        starts = self.starts.take(slots).astype(np.int64)
        counts = self.starts.take(slots + 1) - starts
        positions = (starts - counts.cumsum() + counts).repeat(counts)
        positions += np.arange(len(positions))
        found = self.entries.take(positions)
        # Within one edit no entry is of use that lacks two letters.
        ignored = np.uint64(_ID_BITS if edits == 1 else _ID_BITS + 1)
        is_same = found >> ignored == (hashes >> ignored).repeat(counts)
        ids = (found & _ID_MASK).view(np.int64)
        return Met(rows.repeat(counts), ids, deleted.repeat(counts), is_same)


class Near(NamedTuple):
    """Pairs of a word looked up and a word that may be near; a pair may come more than once.

    Attributes:
        rows: Which of the words looked up.
        ids: Which word was found.
        deleted: How many letters were deleted from the word looked up to meet it.
    """

    rows: Places
    ids: Places
    deleted: Places


class Met(NamedTuple):
    """The same with pairs that are not near.

    Attributes:
        rows: As in `Near`.
        ids: As in `Near`.
        deleted: As in `Near`.
        is_same: Whether the pair has a remainder in common, so that it may be near.
    """

    rows: Places
    ids: Places
    deleted: Places
    is_same: npt.NDArray[np.bool_]


def _sorted_entries(words: Sequence[str], edits: int, whole_below: int) -> Numbers:
    blocks = [np.empty(0, np.uint64)]
    for first in range(0, len(words), _BLOCK):
        hashes, rows, deleted = _remainders(words[first : first + _BLOCK], edits, whole_below)
        hashes[deleted > 1] |= _TWO_DELETED
        blocks.append(hashes | (rows + first).astype(np.uint64))
    entries = np.concatenate(blocks)
    entries.sort()
    is_first = np.ones(len(entries), np.bool_)
    is_first[1:] = entries[1:] != entries[:-1]
    return entries[is_first]


def _remainders(
    words: Sequence[str], edits: int, whole_below: int
) -> tuple[Numbers, Places, Places]:
    """Return the hashes of all remainders of the words' prefixes.

    Returns:
        The hashes, the bits below them 0; whose each is; how many letters it lacks.
    """
    weights, deleted, is_within = _columns(edits)
    prefixes = "".join([word[:PREFIX_LENGTH].ljust(PREFIX_LENGTH, "\0") for word in words])
    code_points = np.frombuffer(prefixes.encode("utf-32-le", "surrogatepass"), np.uint32)
    hashes = code_points.reshape(-1, PREFIX_LENGTH).astype(np.uint64) @ weights
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    latest = np.where(lengths < whole_below, 0, np.minimum(lengths, PREFIX_LENGTH))
    is_remainder = is_within[latest]
    rows, columns = is_remainder.nonzero()
    return hashes[is_remainder] & _HASH_MASK, rows, deleted[columns]


@cache
def _columns(edits: int) -> tuple[Numbers, Places, npt.NDArray[np.bool_]]:
    """Return what turns the letters of prefixes into the hashes of all their remainders.

    Returns:
        A matrix with a column for each choice of up to `edits` places to delete: each row holds
        the weight of the place that the letter comes to have, 0 if it is deleted. How many
        places each column deletes. Which columns delete nothing beyond the end of a prefix, by
        its length.
    """
    deletions = list(_deletions(edits))
    weights = np.array([_column(deleted) for deleted in deletions], np.uint64)
    counts = np.array([len(deleted) for deleted in deletions], np.int64)
    ends = np.array([max(deleted, default=-1) for deleted in deletions], np.int64)
    return weights.T.copy(), counts, ends < np.arange(PREFIX_LENGTH + 1)[:, None]


def _deletions(edits: int) -> Iterator[tuple[int, ...]]:
    for count in range(edits + 1):
        yield from combinations(range(PREFIX_LENGTH), count)


def _column(deleted: tuple[int, ...]) -> list[int]:
    column = [0] * PREFIX_LENGTH
    kept = [place for place in range(PREFIX_LENGTH) if place not in deleted]
    for new_place, place in enumerate(kept):
        column[place] = _weight(new_place)
    return column


def _weight(place: int) -> int:
    digest = blake2b(place.to_bytes(2, "little"), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 1
