"""What waits, and for how long: the index that a sweep looks at in place of all rows.

Lives here: essays that wait for their result and batches that wait for their last one, by
partition, and how far the speller's group has been for a while. Not here: what is done about those
that wait too long (`domain/resending.py`), who asks (`runtime/sweeping.py`).

Time is what the given clock says, a monotonic one: neither producers nor a change of the machine's
clock decide anything. A process that starts again begins to count anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from huleedu_streams.domain.lifecycle import EssayStatus

WAITING_STATUSES = frozenset(
    {EssayStatus.AWAITING_SPELLCHECK, EssayStatus.SPELLCHECKING_IN_PROGRESS}
)

Row = Mapping[str, Any]


@dataclass(slots=True)
class Waiting:
    """One row that waits.

    Attributes:
        step: What it waits in; another step is progress.
        offset: Of the record that it waits for; what reads beyond it has seen it.
        since: When this step was seen first.
    """

    step: str
    offset: int
    since: float


class InFlight:
    """The rows of one table that wait, oldest first."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._partitions: dict[int, dict[str, Waiting]] = {}

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._partitions.values())

    def note(self, partition: int, key: str, step: str | None, offset: int | None = None) -> None:
        """Note what became of a row.

        Args:
            partition: Where the row lives.
            key: The row's.
            step: What it waits in; None if it no longer waits.
            offset: Of the record that it waits for, if that is the one just read. A row that is
                not known yet is left to `recall` without it.
        """
        entries = self._partitions.setdefault(partition, {})
        known = entries.get(key)
        if step is None:
            entries.pop(key, None)
        elif known is not None and known.step == step:
            known.offset = known.offset if offset is None else offset
        elif known is not None or offset is not None:
            entries.pop(key, None)  # the newest stand last
            found = known.offset if known is not None and offset is None else offset
            entries[key] = Waiting(step, found or 0, self._now())

    def recall(self, partition: int, key: str, step: str, offset: int) -> None:
        """Note a row that was found waiting in the table; what was noted of it before stands.

        Args:
            partition: Where the row lives.
            key: The row's.
            step: What it waits in.
            offset: The last one that the record that it waits for can have.
        """
        known = self._partitions.get(partition, {}).get(key)
        if known is None or known.step != step:
            self.note(partition, key, step, offset)

    def step(self, partition: int, key: str) -> str | None:
        """Return what a row is known to wait in."""
        waiting = self._partitions.get(partition, {}).get(key)
        return None if waiting is None else waiting.step

    def begin_anew(self, partition: int, key: str) -> None:
        """Let a row wait as long again, for something was done about it."""
        entries = self._partitions.get(partition, {})
        if (waiting := entries.pop(key, None)) is not None:
            waiting.since = self._now()
            entries[key] = waiting

    def keep_only(self, partitions: Iterable[int]) -> None:
        """Forget all other partitions: they are another worker's now."""
        kept = set(partitions)
        for partition in self._partitions.keys() - kept:
            del self._partitions[partition]

    def older_than(self, partition: int, moment: float) -> Iterator[tuple[str, Waiting]]:
        """Yield what has waited since `moment` or longer, oldest first.

        May be left alone between two steps, while rows come and go.
        """
        entries = self._partitions.get(partition, {})
        for key in tuple(entries):
            waiting = entries.get(key)
            if waiting is None:
                continue
            if waiting.since > moment:
                return
            yield key, waiting


class Passed:
    """How far a group has read each partition, remembered for a while."""

    def __init__(self) -> None:
        self._seen: dict[int, deque[tuple[float, int]]] = {}

    def note(self, partition: int, at: float, offset: int) -> None:
        """Note that at that time everything before `offset` had been read."""
        self._seen.setdefault(partition, deque()).append((at, offset))

    def since(self, partition: int, moment: float) -> int:
        """Return the offset that the group has been beyond all the time from `moment` on.

        A group that was set back is where it was set; 0 if nobody knows how far it was then.
        """
        seen = self._seen.get(partition, deque())
        while len(seen) > 1 and seen[1][0] <= moment:
            seen.popleft()
        if not seen or seen[0][0] > moment:
            return 0
        return min(offset for _, offset in seen)

    def keep_only(self, partitions: Iterable[int]) -> None:
        """Forget all other partitions."""
        for partition in self._seen.keys() - set(partitions):
            del self._seen[partition]


def request_of(row: Row) -> str | None:
    """Return the request whose result an essay's row waits for, if it does."""
    attempts = row.get("attempts") or ()
    if row["current_status"] not in WAITING_STATUSES or not attempts:
        return None
    newest = attempts[-1]
    event_id: str | None = newest["event_id"] if newest.get("is_requested", True) else None
    return event_id


def essay_step(row: Row) -> str | None:
    """Return what an essay waits in: its request, and how far that has come."""
    request_id = request_of(row)
    return None if request_id is None else f"{request_id}/{row['current_status']}"


def batch_step(row: Row) -> str | None:
    """Return what a batch waits in: its registration, as long as it has no outcome."""
    registration_id: str | None = row.get("registered_by")
    return None if row.get("completion") is not None else registration_id
