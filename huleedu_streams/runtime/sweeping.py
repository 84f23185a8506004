"""Looks for what is stuck: requests that the speller read and never answered, batches past due.

An essay is stuck, and not merely waiting, if for the whole of `HULEEDU_STUCK_AFTER_SECONDS` the
speller's group has been committed beyond its request, nothing came of it, and everything that had
been answered until a moment ago is folded here. A backlog and an outage, of any length, on either
side, are therefore no reason: there the group is not beyond the request, or the answers lie unread.

What is found is told to the agents as events. Nothing here writes a table.

Not here: the index (`domain/in_flight.py`), the events (`processors/sweeping.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any, NamedTuple, TypeVar

import faust
import structlog
from faust.exceptions import ConsumerNotStarted

from huleedu_streams.domain.in_flight import Passed
from huleedu_streams.domain.rosters import PAGE_COUNT
from huleedu_streams.errors import BrokerUnavailableError, TableError
from huleedu_streams.metrics import Metrics
from huleedu_streams.processors.sweeping import Action, Swept, deadline_passed, sweep_essay
from huleedu_streams.protocols import Clock, EventPublisher
from huleedu_streams.runtime.broker_log import Bounds, Log
from huleedu_streams.runtime.group_offsets import Offsets
from huleedu_streams.runtime.recalling import Watched, pause
from huleedu_streams.runtime.watching import progress_of
from tables.batches import BatchTables

log = structlog.get_logger(__name__)
T = TypeVar("T")

INTERVAL_SECONDS = 60.0
# So short a limit, in a test, is looked at more often.
_LOOKS_A_LIMIT = 10
_ACK_SECONDS = 10.0
# Entries of the index looked at, events made: each some milliseconds.
_SLICE_ENTRIES = 5_000
_SLICE_EVENTS = 16
_SLICE_PAGES = 4
_SAID = {
    Action.RESEND: "essay_asked_again",
    Action.GIVE_UP: "essay_given_up",
    Action.DEADLINE: "batch_past_deadline",
}


class SweepLimits(NamedTuple):
    """How long is too long; see the settings of the same names, 0 = for ever."""

    stuck_after_seconds: float
    batch_deadline_seconds: float

    @property
    def interval_seconds(self) -> float:
        """How often to look."""
        shortest = min(limit for limit in (*self, float("inf")) if limit > 0)
        return min(shortest / _LOOKS_A_LIMIT, INTERVAL_SECONDS)


@dataclass(frozen=True, slots=True)
class SweepParts:
    """What a sweep looks at and speaks through.

    Attributes:
        essays: Rows that wait for a result; None = not looked at.
        batches: Rows that wait for an outcome; None = not looked at.
        members: Which essays a batch expects.
        broker_log: Where each partition ends.
        speller: How far the group is that answers requests.
        publisher: Takes the events.
        clock: Tells the time that stands in them.
        metrics: Counts.
    """

    essays: Watched | None
    batches: Watched | None
    members: BatchTables
    broker_log: Log
    speller: Offsets
    publisher: EventPublisher
    clock: Clock
    metrics: Metrics


class _Mark(NamedTuple):
    """At some time: where the answers ended, and how far the speller was before that."""

    at: float
    end: int
    passed: int


class Sweeper:
    """Looks at what waits on this worker, now and then."""

    def __init__(
        self,
        app: faust.App,
        limits: SweepLimits,
        parts: SweepParts,
        is_ready: Callable[[], bool],
        now: Callable[[], float] = monotonic,
    ) -> None:
        """Take the worker.

        Args:
            app: Its consumer is asked what is assigned.
            limits: How long is too long.
            parts: What to look at.
            is_ready: Whether the tables can be read.
            now: The clock of the index.
        """
        self._app = app
        self._limits = limits
        self._parts = parts
        self._is_ready = is_ready
        self._now = now
        self._assignments = 0
        self._passed = Passed()
        self._marks: dict[tuple[str, int], _Mark] = {}
        self._is_blind = False

    def start(self) -> None:
        """Have the app look from now on; to be called before it starts."""
        self._app.on_partitions_revoked.connect(self._assigned_anew)
        self._app.on_partitions_assigned.connect(self._assigned_anew)
        self._app.timer(interval=self._limits.interval_seconds)(self.look)

    async def look(self) -> None:
        """Look once at everything that waits."""
        if not self._is_ready():
            return
        assignments = self._assignments

        def is_current() -> bool:
            return self._assignments == assignments and not self._app.should_stop

        try:
            outcome = await self._sweep(is_current)
        except TableError:
            return  # the worker is about to start again
        self._parts.metrics.sweeps.labels(outcome).inc()

    async def _sweep(self, is_current: Callable[[], bool]) -> str:
        outcome = "done"
        metrics = self._parts.metrics
        if (essays := self._parts.essays) is not None:
            outcome = await self._sweep_essays(essays, is_current)
            metrics.waiting_rows.labels("essays").set(len(essays.in_flight))
        if (batches := self._parts.batches) is not None:
            await self._sweep_batches(batches, is_current)
            metrics.waiting_rows.labels("batches").set(len(batches.in_flight))
        return outcome

    async def _assigned_anew(self, *_args: object, **_kwargs: object) -> None:
        self._assignments += 1
        for watched in (self._parts.essays, self._parts.batches):
            if watched is not None:
                watched.recalled.clear()

    async def _sweep_essays(self, essays: Watched, is_current: Callable[[], bool]) -> str:
        partitions = self._own(essays)
        self._passed.keep_only(partitions)
        committed = await self._parts.speller.committed((essays.topic, p) for p in partitions)
        # Asked after the commits: what was answered before them lies before these ends.
        bounds = await self._bounds(essays, partitions)
        if committed is None or bounds is None:
            return "broker-silent"
        if not is_current() or not await essays.recall(_ends(essays, bounds), is_current):
            return "rebalanced"
        passed = {
            p: committed[essays.topic, p] for p in partitions if (essays.topic, p) in committed
        }
        for partition, mark in self._settled(essays, bounds, passed):
            self._passed.note(partition, mark.at, mark.passed)
            await self._sweep_partition(essays, partition, is_current)
        return self._tell_blindness(is_blind=len(essays.in_flight) > 0 and not passed)

    async def _sweep_partition(
        self, essays: Watched, partition: int, is_current: Callable[[], bool]
    ) -> None:
        moment = self._now() - self._limits.stuck_after_seconds
        passed = self._passed.since(partition, moment)
        for entries in _slices(essays.in_flight.older_than(partition, moment), _SLICE_ENTRIES):
            stuck = [key for key, waiting in entries if waiting.offset < passed]
            for keys in _slices(iter(stuck), _SLICE_EVENTS):
                if not is_current():
                    return
                found = [(key, self._stuck(essays, partition, key)) for key in keys]
                if not await self._send(essays, partition, [(k, s) for k, s in found if s]):
                    return
                await pause()
            await pause()

    def _stuck(self, essays: Watched, partition: int, essay_id: str) -> Swept | None:
        """Return what to send for an essay; its row has the last word."""
        row = essays.get(essay_id)
        step = None if row is None else essays.step_of(row)
        if row is None or step != essays.in_flight.step(partition, essay_id):
            essays.in_flight.note(partition, essay_id, step)
            return None
        return sweep_essay(row, self._parts.clock.now())

    async def _sweep_batches(self, batches: Watched, is_current: Callable[[], bool]) -> None:
        partitions = self._own(batches)
        bounds = await self._bounds(batches, partitions)
        if bounds is None or not is_current():
            return
        if not await batches.recall(_ends(batches, bounds), is_current):
            return
        moment = self._now() - self._limits.batch_deadline_seconds
        for partition, _mark in self._settled(batches, bounds, {}):
            for batch_id, _waiting in batches.in_flight.older_than(partition, moment):
                swept = await self._overdue(batches, partition, batch_id)
                if not is_current():
                    return
                if swept and not await self._send(batches, partition, [(batch_id, swept)]):
                    return

    async def _overdue(self, batches: Watched, partition: int, batch_id: str) -> Swept | None:
        essay_ids: list[str] = []
        for numbers in _slices(iter(range(PAGE_COUNT)), _SLICE_PAGES):
            for number in numbers:
                page = self._parts.members.page(batch_id, number) or {"members": {}}
                essay_ids += [key for key, each in page["members"].items() if each["is_expected"]]
            await pause()
        row = batches.get(batch_id)
        if row is None or batches.step_of(row) is None:
            batches.in_flight.note(partition, batch_id, None)
            return None
        return deadline_passed(row, sorted(essay_ids), self._parts.clock.now())

    async def _send(
        self, watched: Watched, partition: int, found: Sequence[tuple[str, Swept]]
    ) -> bool:
        """Send events and wait for the broker; what fails is found again by the next sweep."""
        try:
            async with asyncio.timeout(_ACK_SECONDS):
                acks = [await self._parts.publisher.send(swept.event) for _, swept in found]
                for ack in acks:
                    await ack
        except (BrokerUnavailableError, TimeoutError):
            log.warning("sweep_not_sent", topic=watched.topic, events=len(found))
            return False
        for key, swept in found:
            watched.in_flight.begin_anew(partition, key)
            self._parts.metrics.swept.labels(swept.action).inc()
            said = {watched.key_name: key, "resend_count": swept.resend_count}
            log.warning(_SAID[swept.action], **said)
        return True

    def _own(self, watched: Watched) -> list[int]:
        """Return the partitions of this worker, and forget what is noted of others."""
        try:
            assigned = self._app.consumer.assignment()
        except ConsumerNotStarted:
            assigned = set()
        partitions = sorted(each.partition for each in assigned if each.topic == watched.topic)
        watched.in_flight.keep_only(partitions)
        return partitions

    async def _bounds(
        self, watched: Watched, partitions: Iterable[int]
    ) -> Mapping[tuple[str, int], Bounds] | None:
        topics = (watched.topic, watched.answers)
        return await self._parts.broker_log.bounds((t, p) for p in partitions for t in topics)

    def _settled(
        self,
        watched: Watched,
        bounds: Mapping[tuple[str, int], Bounds],
        passed: Mapping[int, int],
    ) -> Iterator[tuple[int, _Mark]]:
        """Yield the partitions whose answers are folded up to where they ended at an earlier mark.

        Each is marked anew then, or from now on.
        """
        consumer: Any = self._app.consumer
        for place, progress in progress_of(consumer, bounds).items():
            topic, partition = place
            if topic != watched.answers:
                continue
            fresh = _Mark(self._now(), progress.end, passed.get(partition, 0))
            mark = self._marks.setdefault(place, fresh)
            if progress.done >= mark.end:
                del self._marks[place]
                yield partition, mark

    def _tell_blindness(self, *, is_blind: bool) -> str:
        """Log once that nobody knows what the speller has read."""
        if is_blind and not self._is_blind:
            log.warning("speller_group_unknown", group=self._parts.speller.group)
        self._is_blind = is_blind
        return "group-unknown" if is_blind else "done"


def _ends(watched: Watched, bounds: Mapping[tuple[str, int], Bounds]) -> dict[int, int]:
    return {p: each.end for (topic, p), each in bounds.items() if topic == watched.topic}


def _slices(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(islice(items, size)):
        yield part
