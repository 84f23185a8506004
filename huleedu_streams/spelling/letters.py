"""Words as rows of letter codes, so that many can be compared at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Letters = npt.NDArray[np.uint8]

# Letters of a word that are compared one by one; nearly all words are shorter.
WIDTH = 24
# A letter of English is 1 to 26, the apostrophe 27, any other sign above.
APOSTROPHE, OTHER = 27, 28
_SIGNS = 100

CODES = np.zeros(0x3000, np.uint8)
CODES[1:] = OTHER + np.arange(1, len(CODES)) % _SIGNS
CODES[[ord(char) for char in "abcdefghijklmnopqrstuvwxyz'"]] = np.arange(1, OTHER)


def code_of(letter: str) -> int:
    """Return the code of a letter."""
    return int(CODES[min(ord(letter), len(CODES) - 1)])


def letters_of(words: Sequence[str]) -> Letters:
    """Return the codes of the first `WIDTH` letters of each word, then zeros."""
    padded = "".join(word[:WIDTH].ljust(WIDTH, "\0") for word in words)
    points = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), np.uint32)
    codes: Letters = CODES[np.minimum(points, len(CODES) - 1)]
    return codes.reshape(-1, WIDTH)
