"""Which dead letters are meant. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from huleedu_streams.contracts.burials import Letter

# The reason of what lies in a dead-letter topic and does not say why.
UNKNOWN_REASON = "unknown"


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Some offsets, of one partition or of all.

    Attributes:
        partition: None = of every partition.
        first: The lowest.
        last: The highest; None = to the end.
    """

    partition: int | None = None
    first: int = 0
    last: int | None = None

    def holds(self, partition: int, offset: int) -> bool:
        """Whether the offset lies in it."""
        is_here = self.partition in (None, partition)
        return is_here and self.first <= offset and (self.last is None or offset <= self.last)


@dataclass(frozen=True, slots=True)
class Selection:
    """Dead letters that answer to everything given; what is empty asks for nothing.

    Attributes:
        reasons: Why they are there, `unknown` for those that do not say.
        has_key: Whether a key is one that is asked for; None = any.
        partitions: Of the dead-letter topic.
        offsets: Of the dead-letter topic.
        since: Stored then or later.
        until: Stored before then.
    """

    reasons: frozenset[str] = frozenset()
    has_key: Callable[[bytes | None], bool] | None = None
    partitions: frozenset[int] = frozenset()
    offsets: tuple[OffsetRange, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def admits(self, letter: Letter) -> bool:
        """Whether `letter` is meant."""
        place = letter.place
        return (
            (not self.reasons or reason_shown(letter) in self.reasons)
            and (self.has_key is None or self.has_key(place.key))
            and self._is_in_place(place.partition, place.offset)
            and (self.since is None or letter.stored_at >= self.since)
            and (self.until is None or letter.stored_at < self.until)
        )

    def admits_partition(self, partition: int) -> bool:
        """Whether letters of `partition` can be meant."""
        if self.partitions and partition not in self.partitions:
            return False
        return not self.offsets or any(
            wanted.partition in (None, partition) for wanted in self.offsets
        )

    def bounds(self, partition: int, begin: int, end: int) -> tuple[int, int]:
        """Return the part of `begin` to `end` (exclusive) outside which no letter is meant."""
        here = [wanted for wanted in self.offsets if wanted.partition in (None, partition)]
        if not self.admits_partition(partition):
            return begin, begin
        if not here:
            return begin, end
        first = min(wanted.first for wanted in here)
        last = max(end if wanted.last is None else wanted.last + 1 for wanted in here)
        return max(begin, first), min(end, last)

    def _is_in_place(self, partition: int, offset: int) -> bool:
        if self.partitions and partition not in self.partitions:
            return False
        return not self.offsets or any(wanted.holds(partition, offset) for wanted in self.offsets)


def reason_shown(letter: Letter) -> str:
    """Return the reason of `letter`, `unknown` where it does not say."""
    return letter.reason or UNKNOWN_REASON
