"""Offsets that have been seen, as few runs: most come in order, some a few places late."""

from __future__ import annotations


class Runs:
    """A set of offsets that is asked how far it reaches without a gap."""

    def __init__(self) -> None:
        # Each run's first offset and the one after its last, in order.
        self._runs: list[list[int]] = []

    def add(self, offset: int) -> None:
        """Take an offset; one that is there already changes nothing."""
        runs = self._runs
        place = len(runs)
        while place and runs[place - 1][0] > offset:
            place -= 1
        if place and offset < runs[place - 1][1]:
            return
        follows = place > 0 and runs[place - 1][1] == offset
        precedes = place < len(runs) and runs[place][0] == offset + 1
        if follows and precedes:
            runs[place - 1][1] = runs.pop(place)[1]
        elif follows:
            runs[place - 1][1] = offset + 1
        elif precedes:
            runs[place][0] = offset
        else:
            runs.insert(place, [offset, offset + 1])

    def reach(self, first: int) -> int:
        """Return the offset after the last one that is there without a gap from `first` on.

        Whoever asks has all before `first`, so that is forgotten.
        """
        while self._runs and self._runs[0][1] <= first:
            self._runs.pop(0)
        return self._runs[0][1] if self._runs and self._runs[0][0] <= first else first
