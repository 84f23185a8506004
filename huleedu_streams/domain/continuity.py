"""Whether records come from a partition one after the other, none left out.

Lives here: the arithmetic of offsets. Not here: who fetches and who seeks
(`runtime/contiguous_consumer.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

PartitionT = TypeVar("PartitionT")


class Verdict(StrEnum):
    """What an offset is, seen from those before it."""

    NEXT = "next"
    REPEAT = "repeat"
    MISSED = "missed"
    HOLE = "hole"


class Continuity(Generic[PartitionT]):
    """The next offset of each partition.

    A record that lies beyond it means that some before it were read and dropped, or that the log
    has a hole there (compaction, retention, the markers of transactions). Seeking back tells which:
    what is missing again after that is not in the log.
    """

    def __init__(self) -> None:
        self._starts: dict[PartitionT, int] = {}
        self._expected: dict[PartitionT, int] = {}
        self._sought: dict[PartitionT, int] = {}

    def begin(self, starts: Mapping[PartitionT, int]) -> None:
        """Forget everything; each partition begins at its offset."""
        self._starts = dict(starts)
        self._expected = dict(starts)
        self._sought = {}

    def start(self, partition: PartitionT) -> int | None:
        """Return where the partition began."""
        return self._starts.get(partition)

    def expected(self, partition: PartitionT) -> int | None:
        """Return the offset that comes next."""
        return self._expected.get(partition)

    def judge(self, partition: PartitionT, offset: int) -> Verdict:
        """Return what a record at `offset` is; a partition never begun begins with it."""
        expected = self._expected.setdefault(partition, offset)
        if offset == expected:
            return Verdict.NEXT
        if offset < expected:
            return Verdict.REPEAT
        return Verdict.HOLE if self._sought.get(partition) == expected else Verdict.MISSED

    def delivered(self, partition: PartitionT, offset: int) -> None:
        """Note that the record went on its way."""
        self._expected[partition] = offset + 1

    def seek_back(self, partition: PartitionT) -> int:
        """Return the offset to seek to, and note that it was sought."""
        expected = self._expected[partition]
        self._sought[partition] = expected
        return expected

    def doubt(self) -> None:
        """Forget what was sought: what has been read since may have been dropped too."""
        self._sought = {}

    def hole(self, partition: PartitionT, offset: int) -> range:
        """Return the offsets below `offset` that are known for a hole; none if unsure."""
        expected = self._expected.get(partition)
        if expected is None or self._sought.get(partition) != expected:
            return range(0)
        return range(expected, offset)
