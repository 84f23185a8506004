"""The one consume loop: decode, handle, write, send, await the broker, acknowledge in order.

Lives here: when things happen to a record and in which order. Not here: what an event means
(processors), what is done about a failure (`agents/failures.py`). Every agent runs this loop and
nothing else acknowledges an event, so the promise of the whole system, at least once with nothing
lost, is this file.

A bounded window of events is in flight. Its slow part (`prepare`: fetch, check, store) runs
concurrently; table writes, sends and acknowledgements happen strictly in the order of arrival:

    read ─▶ prepare (concurrent) ─▶ fold + send (in order) ─▶ broker's ack ─▶ event.ack() (in order)

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
from huleedu_streams.agents.handling import Handled, Work
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
    handled: Handled | None = None
    acks: list[Awaitable[Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


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
        self._slots = asyncio.Semaphore(window_events)
        self._in_flight: deque[_InFlight] = deque()
        self._arrived: asyncio.Queue[_InFlight] = asyncio.Queue()
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
                settling = stages.create_task(self._settle_in_order())
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
        """Take a place in the window, waiting for one to be free; then prepare, or fold at once."""
        await self._slots.acquire()
        item = _InFlight(event, consumed_record(event), generation, perf_counter())
        self._in_flight.append(item)
        if self._work.prepare is None:
            await self._settle(item)
            return
        if not self._is_stale(item):
            item.preparing = asyncio.create_task(self._policy.prepare(self._work, item.record))
        self._arrived.put_nowait(item)

    async def _settle_in_order(self) -> None:
        """Settle prepared events as they arrived, whichever is ready first."""
        while True:
            await self._settle(await self._arrived.get())

    async def _settle(self, item: _InFlight) -> None:
        """Fold an event, or take what was prepared, and send what came of it."""
        if item.preparing is not None:
            await asyncio.wait([item.preparing])
        async with self._write_order:
            # Asked here: while the lock was held by another, the partition may have gone.
            if self._is_stale(item):
                self._leave(item)
                return
            item.handled = self._handle(item)
            if item.changes:
                self._outlets.reached("after-table-write")
            await self._send(item, item.handled.outputs)
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
            unwritten += await self._acknowledge(await self._sent.get())

    async def _acknowledge(self, item: _InFlight) -> bool:
        """Acknowledge an event once the broker has all that came of it; whether it was done."""
        results = [await ack for ack in item.acks]
        for change, offset in zip(item.changes, results, strict=False):
            self._persisted.note(change, offset)
        is_done = not self._is_stale(item)
        if is_done:
            self._outlets.reached("before-ack")
            item.event.ack()
            self._count(item)
        self._leave(item)
        return is_done

    def _is_stale(self, item: _InFlight) -> bool:
        return item.generation != self._generation

    def _leave(self, item: _InFlight) -> None:
        self._in_flight.remove(item)
        self._slots.release()

    def _count(self, item: _InFlight) -> None:
        metrics, topic = self._outlets.metrics, item.record.topic
        if item.handled is not None:
            metrics.event_finished(topic, item.handled.event_type, item.handled.outcome)
        metrics.event_processed(topic, perf_counter() - item.started)


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
