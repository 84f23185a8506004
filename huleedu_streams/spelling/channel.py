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
        context = _FOLLOWED.take(after)
        context[0][windows.start == 0] = FIRST
        is_end = right[1:] == 0
        written = wrong[:, None]
        # Each table is read as one row of numbers: an index of one part is looked up the fastest.
        # The intended letter before an added one: the last that is used up.
        return _Edits(
            self.substituted.ravel().take((context * LETTERS + meant) * LETTERS + written),
            self.dropped.ravel().take((is_end[1:] * LETTERS + before) * LETTERS + meant),
            self.added.ravel().take((is_end * LETTERS + right[:-1]) * LETTERS + written),
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
    # Places from -1 to beyond the longest window.
    width = 1 + WIDTH + LONGEST + 1
    padded = np.zeros((len(letters), width), np.uint8)
    np.minimum(letters, OTHER, out=padded[:, 1 : 1 + WIDTH])
    places = np.arange(1, padded.size, width) + start + np.arange(first, last)[:, None]
    return padded.ravel().take(places).astype(np.int64)


def _swaps(
    swapped: npt.NDArray[np.float32], wrong: npt.NDArray[np.int64], meant: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    costs = swapped.ravel().take(meant[:-1] * LETTERS + meant[1:])
    # Two neighbours as one number.
    written, turned = wrong[:-1] * LETTERS + wrong[1:], meant[1:] * LETTERS + meant[:-1]
    return np.where(written[:, None] == turned, costs, _IMPOSSIBLE)


def _least(edits: _Edits, size: int, pairs: int) -> npt.NDArray[np.float32]:
    """Return the least cost of every two beginnings of the windows."""
    best = np.full((size + 1, size + 1, pairs), _IMPOSSIBLE, np.float32)
    best[0, 0] = 0
    cost = np.empty(pairs, np.float32)
    for i in range(size + 1):
        first, end = max(0, i - _BAND), min(size, i + _BAND) + 1
        # Most edits lead here from shorter beginnings of what was written: all cells at once.
        if i:
            _lower(best[i, first:end], best[i - 1, first:end] + edits.added[i - 1, first:end])
            one = max(1, first)
            before = best[i - 1, one - 1 : end - 1]
            _lower(best[i, one:end], before + edits.substituted[i - 1, one - 1 : end - 1])
        if i > 1:
            two = max(2, first)
            before = best[i - 2, two - 2 : end - 2]
            _lower(best[i, two:end], before + edits.swapped[i - 2, two - 2 : end - 2])
        row = list(best[i, first:end])
        for before, cell, dropped in zip(row, row[1:], edits.dropped[first:], strict=False):
            np.add(before, dropped, out=cost)
            np.minimum(cell, cost, out=cell)
    return best


def _lower(cells: npt.NDArray[np.float32], costs: npt.NDArray[np.float32]) -> None:
    np.minimum(cells, costs, out=cells)
