"""What the cheap score reads of a word in one row of 32 bytes: one access to memory tells it all.

Rows of that size are copied by one instruction, and equal bytes of two rows are told at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from huleedu_streams.spelling.letters import Letters

Gists = npt.NDArray[np.uint32]

# Letters that are compared one by one.
_COMPARED = 12
_WIDTH = 8
# Columns of four bytes: the first letters, the hashes of spellings, two frequencies as floats.
LETTERS, SPELLINGS, ZIPFS = slice(0, 3), slice(3, 6), slice(6, 8)
# Bits of `same_bytes`: letters, those of each spelling, the first, the first two and four letters.
LETTER_BITS = np.uint32((1 << _COMPARED) - 1)
SPELLING_BITS = tuple(np.uint32(0b1111 << first) for first in (12, 16, 20))
BEGINNING_BITS = tuple(np.uint32(mask) for mask in (0b1, 0b11, 0b1111))
# Stands where a word has ended, so that the end of another is not the same.
_ENDED = 255


def gists_of(
    letters: Letters,
    spellings: npt.NDArray[np.uint32],
    zipfs: npt.NDArray[np.float32] | None = None,
    *,
    is_written: bool = False,
) -> Gists:
    """Return a row for each word.

    Args:
        letters: Their codes.
        spellings: Three hashes each.
        zipfs: Two frequencies each, if they are words of the vocabulary.
        is_written: Whether these are compared with the others.
    """
    gists = np.zeros((len(letters), _WIDTH), np.uint32)
    first = letters[:, :_COMPARED]
    if is_written:
        first = np.where(first, first, np.uint8(_ENDED))
    gists[:, LETTERS] = np.ascontiguousarray(first).view(np.uint32)
    gists[:, SPELLINGS] = spellings
    if zipfs is not None:
        gists[:, ZIPFS] = np.ascontiguousarray(zipfs, np.float32).view(np.uint32)
    return gists


def same_bytes(one: Gists, other: Gists) -> npt.NDArray[np.uint32]:
    """Return which bytes of each two rows are the same: a number a row, a bit a byte."""
    is_same = one.view(np.uint8) == other.view(np.uint8)
    return np.packbits(is_same, bitorder="little").view("<u4")
