"""The one consume loop: decode, handle, write, send, await the broker, acknowledge in order.

Lives here: when things happen to a record and in which order. Not here: what an event means
(processors), what is done about a failure (`agents/failures.py`). Every agent runs this loop and
nothing else acknowledges an event, so the promise of the whole system, at least once with nothing
lost, is this file.

A bounded number of events is in flight, acknowledged strictly in the order of arrival. An agent
with state folds and sends in that order too. One without (`prepare`: fetch, check, store) works
side by side, and what is ready leaves: one slow text holds nobody else's result back. What has
the same key stays in order.

    read ─▶ fold, in order    ─┬▶ send ─▶ broker's ack ─▶ event.ack(), in order
        └─▶ prepare, as ready ─┘

When partitions are revoked the window is abandoned: whoever owns them next gets those events again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, Protocol

from huleedu_streams.agents.failures import FailurePolicy
from huleedu_streams.agents.handling import Handled, Outcome, Work
from huleedu_streams.contracts.codec import TRACEPARENT, OutgoingEvent, first_traceparent
from huleedu_streams.contracts.dead_letters import ConsumedRecord, DeadLetter
from huleedu_streams.errors import TableError
from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import ChangelogPublisher, EventPublisher
from tables.changelog import Change, PersistedOffsets, recorded_changes

# The offset that RocksDB has reached is written down once for so many events.
_EVENTS_A_WRITE = 64
# Folded before others get the event loop: some milliseconds' work.
_EVENTS_A_TURN = 16
# In flight, for each in the window: all that a fold waits for is the broker, and the events behind
# a slow text go on for as long as it may take.
_FOLDS_IN_FLIGHT = 4
_PREPARED_IN_FLIGHT = 16


class Event(Protocol):
    """What the loop needs of a Faust event."""

    message: Any

    def ack(self) -> bool:
        """Let the consumer commit past this event."""
        ...


class Stream(Protocol):
    """What the loop needs of a Faust stream."""

    def batches(self, most: int) -> AsyncIterator[Sequence[Event]]:
        """Yield events that have arrived, at most so many at once, unacknowledged."""
        ...


@dataclass(slots=True, eq=False)
class _InFlight:
    """One event between its arrival and its acknowledgement."""

    event: Event
    record: ConsumedRecord
    generation: int
    started: float
    preparing: asyncio.Task[Handled] | None = None
    acks: list[Awaitable[Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    event_type: str | None = None
    outcome: Outcome | None = None
    seconds: float | None = None  # how long it took, once nothing is left to do for it


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a loop's effects go; one object for all agents of a worker.

    Attributes:
        publisher: Produces outputs and dead letters.
        changelog: Produces the changes of tables.
        metrics: Counts.
        reached: Told the name of each fault point as it is passed; tests kill the process there.
    """

    publisher: EventPublisher
    changelog: ChangelogPublisher
    metrics: Metrics
    reached: Callable[[str], None]


class DeliveryLoop:
    """The loop of one agent.

    `write_order` is held from a table's write until its change is queued: two agents of one table
    share it, and so leave their changes in the changelog in the order of their writes.

    At most `window_events` are prepared side by side. More are in flight: those behind a slow one
    are sent, and wait to be acknowledged.
    """

    def __init__(
        self,
        work: Work,
        policy: FailurePolicy,
        outlets: Outlets,
        write_order: asyncio.Lock,
        *,
        window_events: int,
    ) -> None:
        self._work = work
        self._policy = policy
        self._outlets = outlets
        self._write_order = write_order
        times = _FOLDS_IN_FLIGHT if work.prepare is None else _PREPARED_IN_FLIGHT
        self._places = asyncio.Semaphore(window_events * times)
        self._window = asyncio.Semaphore(window_events)
        self._in_flight: deque[_InFlight] = deque()
        self._latest: dict[bytes | None, asyncio.Task[Handled]] = {}
        self._prepared: asyncio.Queue[_InFlight] = asyncio.Queue()
        self._sent: asyncio.Queue[_InFlight] = asyncio.Queue()
        self._persisted = PersistedOffsets()
        self._generation = 0

    async def run(self, stream: Stream) -> None:
        """Consume `stream` until it ends or the task is cancelled.

        Raises:
            BrokerUnavailableError: an output could not be produced; the process must end, so
                that the event is read again.
        """
        try:
            async with asyncio.TaskGroup() as stages:
                settling = stages.create_task(self._settle_as_prepared())
                acknowledging = stages.create_task(self._acknowledge_in_order())
                async for events in stream.batches(_EVENTS_A_TURN):
                    await self._admit_all(events)
                    del events  # they may be large, and the next ones far away
                    await asyncio.sleep(0)  # others want the event loop too
                settling.cancel()
                acknowledging.cancel()
        except ExceptionGroup as failures:
            self.abandon()
            if failures.subgroup(TableError):
                await asyncio.Event().wait()  # the worker is about to start again
            raise failures.exceptions[0] from None
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Forget all events in flight: nothing of them is written or acknowledged from now on."""
        self._generation += 1
        for item in self._in_flight:
            if item.preparing is not None:
                item.preparing.cancel()

    async def _admit_all(self, events: Sequence[Event]) -> None:
        # Theirs for good: while one waits for its place, the partitions may go.
        generation = self._generation
        for event in events:
            await self._admit(event, generation)

    async def _admit(self, event: Event, generation: int) -> None:
        """Take a place, waiting for one to be free; then fold, or begin to prepare."""
        await self._places.acquire()
        item = _InFlight(event, consumed_record(event), generation, perf_counter())
        self._in_flight.append(item)
        if self._work.prepare is None:
            await self._settle(item)
        else:
            await self._window.acquire()
            self._begin_to_prepare(item)

    def _begin_to_prepare(self, item: _InFlight) -> None:
        earlier = self._latest.get(item.record.key)
        item.preparing = asyncio.create_task(self._prepare(item, earlier))
        item.preparing.add_done_callback(lambda _task: self._end_preparing(item))
        self._latest[item.record.key] = item.preparing
        if self._is_stale(item):
            item.preparing.cancel()

    async def _prepare(self, item: _InFlight, earlier: asyncio.Task[Handled] | None) -> Handled:
        """Return what comes of an event, not before that of an earlier one of its key."""
        handled = await self._policy.prepare(self._work, item.record)
        if earlier is not None:
            await asyncio.wait([earlier])
        return handled

    def _end_preparing(self, item: _InFlight) -> None:
        if self._latest.get(item.record.key) is item.preparing:
            del self._latest[item.record.key]
        self._window.release()
        self._prepared.put_nowait(item)

    async def _settle_as_prepared(self) -> None:
        """Settle events in the order in which they are ready."""
        while True:
            await self._settle(await self._prepared.get())

    async def _settle(self, item: _InFlight) -> None:
        """Fold an event, or take what was prepared, and send what came of it."""
        async with self._write_order:
            # Asked here: while the lock was held by another, the partition may have gone.
            if self._is_stale(item):
                self._finish(item)
                return
            handled = self._handle(item)
            if item.changes:
                self._outlets.reached("after-table-write")
            item.event_type, item.outcome = handled.event_type, handled.outcome
            await self._send(item, handled.outputs)
        self._outlets.reached("after-send")
        self._sent.put_nowait(item)

    def _handle(self, item: _InFlight) -> Handled:
        if item.preparing is not None:
            if item.preparing.cancelled():
                raise RuntimeError("an event of this generation was cancelled by somebody else")
            return item.preparing.result()
        with recorded_changes(item.event) as item.changes:
            return self._policy.fold(self._work, item.record)

    async def _send(self, item: _InFlight, outputs: Sequence[OutgoingEvent | DeadLetter]) -> None:
        for change in item.changes:
            item.acks.append(await self._outlets.changelog.send_change(change))
        for output in outputs:
            item.acks.append(await self._outlets.publisher.send(_traced(output, item.record)))

    async def _acknowledge_in_order(self) -> None:
        unwritten = 0
        while True:
            if self._sent.empty() or unwritten >= _EVENTS_A_WRITE:
                self._persisted.write()
                unwritten = 0
            unwritten += await self._confirm(await self._sent.get())

    async def _confirm(self, item: _InFlight) -> int:
        """Wait until the broker has all that came of an event; return how many are now done."""
        results = [await ack for ack in item.acks]
        for change, offset in zip(item.changes, results, strict=False):
            self._persisted.note(change, offset)
        # It may wait long for those before it, and each of these keeps a batch of records.
        item.acks.clear()
        item.preparing = None
        return self._finish(item)

    def _finish(self, item: _InFlight) -> int:
        """Acknowledge what has nothing unfinished before it; return how many events that are."""
        item.seconds = perf_counter() - item.started
        acknowledged = 0
        while self._in_flight and (seconds := self._in_flight[0].seconds) is not None:
            first = self._in_flight.popleft()
            self._places.release()
            if not self._is_stale(first):
                self._outlets.reached("before-ack")
                first.event.ack()
                self._count(first, seconds)
                acknowledged += 1
        return acknowledged

    def _is_stale(self, item: _InFlight) -> bool:
        return item.generation != self._generation

    def _count(self, item: _InFlight, seconds: float) -> None:
        metrics, topic = self._outlets.metrics, item.record.topic
        if item.outcome is not None:
            metrics.event_finished(topic, item.event_type, item.outcome)
        metrics.event_processed(topic, seconds)


def consumed_record(event: Event) -> ConsumedRecord:
    """Return the record behind a Faust event, byte for byte."""
    message = event.message
    return ConsumedRecord(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=tuple((name, value) for name, value in message.headers or ()),
    )


def _traced(
    output: OutgoingEvent | DeadLetter, record: ConsumedRecord
) -> OutgoingEvent | DeadLetter:
    """Pass the record's `traceparent` header on to an event made of it."""
    if isinstance(output, DeadLetter):
        return output
    traceparent = first_traceparent(record.headers)
    if traceparent is None:
        return output
    return replace(output, headers=(*output.headers, (TRACEPARENT, traceparent)))
