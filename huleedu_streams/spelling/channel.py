"""How likely a writer who means one word writes another: letters confused, dropped, added, swapped.

A noisy channel whose edits have learned costs, each in its context. What both words begin and end
with costs nothing; the rest is aligned at the least cost, for many pairs at once. Not here: how
the costs were learned (`scripts/english`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from huleedu_streams.spelling.letters import OTHER, WIDTH

# Longer stretches of difference cost what this many letters do.
LONGEST = 6
_BAND = 3
_IMPOSSIBLE = np.float32(30.0)
# Codes of letters that a table tells apart; the last stands for all signs but English letters.
LETTERS = OTHER + 1
# What follows an intended letter decides how it sounds: c in cell and call.
CONTEXTS = 5
FIRST, BEFORE_FRONT_VOWEL, BEFORE_VOWEL, BEFORE_CONSONANT, LAST = range(CONTEXTS)

_FOLLOWED = np.full(LETTERS, BEFORE_CONSONANT, np.int64)
_FOLLOWED[[ord(letter) - 96 for letter in "ao"]] = BEFORE_VOWEL
_FOLLOWED[ord("u") - 96] = BEFORE_VOWEL
_FOLLOWED[[ord(letter) - 96 for letter in "eiy"]] = BEFORE_FRONT_VOWEL
_FOLLOWED[0] = LAST


class Windows(NamedTuple):
    """Pairs of words and where they differ.

    Attributes:
        wrong: Codes of the words as written, a row a pair.
        right: Codes of the candidates.
        start: How many letters both begin with.
        wrong_length: How many letters of the first lie between what they share at both ends.
        right_length: The same of the second.
    """

    wrong: npt.NDArray[np.uint8]
    right: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]
    wrong_length: npt.NDArray[np.int64]
    right_length: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Channel:
    """Costs of edits, negative logarithms of their probability.

    Attributes:
        substituted: By context, intended letter, written letter; equal letters too.
        dropped: By whether it is the last letter, the letter before, the letter dropped.
        added: By whether it comes last, the intended letter before, the letter added.
        swapped: By the two intended letters.
    """

    substituted: npt.NDArray[np.float32]
    dropped: npt.NDArray[np.float32]
    added: npt.NDArray[np.float32]
    swapped: npt.NDArray[np.float32]

    def costs(self, windows: Windows) -> npt.NDArray[np.float32]:
        """Return the cost of the cheapest way from each candidate to what was written."""
        longest = max(windows.wrong_length.max(initial=1), windows.right_length.max(initial=1))
        size = min(LONGEST, int(longest))
        wrong_length = np.minimum(windows.wrong_length, size)
        right_length = np.minimum(windows.right_length, size)
        edits = self._edits(windows, size)
        best = _least(edits, size, len(wrong_length))
        return best[wrong_length, right_length, np.arange(len(wrong_length))]

    def _edits(self, windows: Windows, size: int) -> _Edits:
        """Look up the cost of every edit in every cell; pairs along the last axis."""
        wrong = _letters_from(windows.wrong, windows.start, 0, size)
        right = _letters_from(windows.right, windows.start, -1, size + 1)
        before, meant, after = right[:-2], right[1:-1], right[2:]
        context = _FOLLOWED[after]
        context[0][windows.start == 0] = FIRST
        is_last = (after == 0).astype(np.int64)
        written = wrong[:, None]
        # The intended letter before an added one: the last that is used up.
        used, used_last = right[:-1], (right[1:] == 0).astype(np.int64)
        return _Edits(
            self.substituted[context[None], meant[None], written],
            self.dropped[is_last, before, meant],
            self.added[used_last[None], used[None], written],
            _swaps(self.swapped, wrong, meant),
        )


class _Edits(NamedTuple):
    substituted: npt.NDArray[np.float32]
    dropped: npt.NDArray[np.float32]
    added: npt.NDArray[np.float32]
    swapped: npt.NDArray[np.float32]


def _letters_from(
    letters: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], first: int, last: int
) -> npt.NDArray[np.int64]:
    """Return the codes at `start + first` to `start + last - 1`; 0 outside the word."""
    places = start + np.arange(first, last)[:, None]
    is_inside = (places >= 0) & (places < WIDTH)
    codes = letters[np.arange(len(letters)), np.where(is_inside, places, 0)].astype(np.int64)
    return np.where(is_inside, np.minimum(codes, OTHER), 0)


def _swaps(
    swapped: npt.NDArray[np.float32], wrong: npt.NDArray[np.int64], meant: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    is_swapped = (wrong[:-1, None] == meant[None, 1:]) & (wrong[1:, None] == meant[None, :-1])
    costs = swapped[meant[:-1], meant[1:]]
    return np.where(is_swapped, costs[None], _IMPOSSIBLE)


def _least(edits: _Edits, size: int, pairs: int) -> npt.NDArray[np.float32]:
    """Return the least cost of every two beginnings of the windows."""
    best = np.full((size + 1, size + 1, pairs), _IMPOSSIBLE, np.float32)
    best[0, 0] = 0
    for i in range(size + 1):
        for j in range(max(0, i - _BAND), min(size, i + _BAND) + 1):
            cell = best[i, j]
            if i and j:
                np.minimum(cell, best[i - 1, j - 1] + edits.substituted[i - 1, j - 1], out=cell)
            if i and j - i < _BAND:
                np.minimum(cell, best[i - 1, j] + edits.added[i - 1, j], out=cell)
            if j and i - j < _BAND:
                np.minimum(cell, best[i, j - 1] + edits.dropped[j - 1], out=cell)
            if i > 1 and j > 1:
                np.minimum(cell, best[i - 2, j - 2] + edits.swapped[i - 2, j - 2], out=cell)
    return best
