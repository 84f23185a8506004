"""When a partition counts as wedged: it has lag, and nothing of it is handled for too long.

Lives here: the rule alone, over offsets and seconds that it is given. Not here: where those come
from (`runtime/watching.py`) and what is said of it (`views/operations.py`).

A partition's clock starts when lag is first seen, and anew whenever its `done` moves. Lag of 0
ends it, and so does `excuse`: what was idle, moved or recovering owes nothing for that time.

Partitions share their agent, whose window is first in, first out. So one whose next record is in
the agent's hands may have to queue, behind a long check for instance: while its turn is still to
come, every step of its topic starts its clock anew. Its turn has passed, and this excuse with it,
once a record was done that was handed over after it: such a record overtook, so the other is lost.
A record that nobody was handed has no such excuse, or one moving partition would hide a wedged
one; only while the hands of some agent are full, which blocks reading for all, any step counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

Place = tuple[str, int]  # topic, partition


class Progress(NamedTuple):
    """Where a partition stands; each an offset that everything counted lies before.

    Attributes:
        done: What is committed.
        handed: What the consumer has handed to agents; not below `done`.
        end: What the log holds.
    """

    done: int
    handed: int
    end: int


class Stall(NamedTuple):
    """A partition that has lag.

    Attributes:
        topic: Its topic.
        partition: Its number.
        lag: Records not done.
        seconds: For how long it owes progress; 0 if it made some just now.
    """

    topic: str
    partition: int
    lag: int
    seconds: float


@dataclass(slots=True)
class _Clock:
    done: int
    since: float
    # How far each partition of the topic was handed over when this one's next record was seen.
    handed: Mapping[Place, int] | None = None


class Watchdog:
    """The clocks of one worker's partitions.

    Args of each call that take `now` mean seconds of one monotonic clock.
    """

    def __init__(self, full_hands: int) -> None:
        """Take the records in an agent's hands from which reading may be blocked."""
        self._full_hands = full_hands
        self._clocks: dict[Place, _Clock] = {}
        self._last: Mapping[Place, Progress] = {}

    def excuse(self) -> None:
        """Stop all clocks: there is a reason, other than a wedge, for nothing to be handled."""
        self._clocks.clear()
        self._last = {}

    def observe(self, now: float, progress: Mapping[Place, Progress]) -> list[Stall]:
        """Take the state of all assigned partitions; return those with lag, longest first."""
        moved = {
            place
            for place, seen in progress.items()
            if place in self._last and seen.done != self._last[place].done
        }
        behind = {place: seen for place, seen in progress.items() if seen.end > seen.done}
        self._clocks = {
            place: self._clock(place, now, progress, moved) for place, seen in behind.items()
        }
        self._last = dict(progress)
        stalls = [
            Stall(*place, seen.end - seen.done, now - self._clocks[place].since)
            for place, seen in behind.items()
        ]
        return sorted(stalls, key=lambda stall: -stall.seconds)

    def _clock(
        self, place: Place, now: float, progress: Mapping[Place, Progress], moved: set[Place]
    ) -> _Clock:
        seen, clock = progress[place], self._clocks.get(place)
        if clock is None or clock.done != seen.done:
            clock = _Clock(seen.done, now)
        elif self._may_queue(place, clock, progress, moved):
            clock.since = now
        if clock.handed is None and seen.handed > seen.done:
            clock.handed = {
                other: state.handed for other, state in progress.items() if other[0] == place[0]
            }
        return clock

    def _may_queue(
        self, place: Place, clock: _Clock, progress: Mapping[Place, Progress], moved: set[Place]
    ) -> bool:
        """Whether the queue that the partition stands in took a step, its turn still to come."""
        seen = progress[place]
        if seen.handed > seen.done:
            return any(other[0] == place[0] for other in moved) and not _was_overtaken(
                clock, progress
            )
        return bool(moved) and self._is_reading_blocked(progress)

    def _is_reading_blocked(self, progress: Mapping[Place, Progress]) -> bool:
        in_hand: Counter[str] = Counter()
        for (topic, _), seen in progress.items():
            in_hand[topic] += seen.handed - seen.done
        return max(in_hand.values(), default=0) >= self._full_hands


def _was_overtaken(clock: _Clock, progress: Mapping[Place, Progress]) -> bool:
    return any(
        progress[other].done > handed
        for other, handed in (clock.handed or {}).items()
        if other in progress
    )
