"""A stream, its events and its broker in memory, for the delivery loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from weakref import ref

from prometheus_client import CollectorRegistry

from huleedu_streams.agents.delivery import DeliveryLoop, Outlets
from huleedu_streams.agents.dependencies import Dependency
from huleedu_streams.agents.failures import FailurePolicy, Limits
from huleedu_streams.agents.handling import Work
from huleedu_streams.contracts.codec import Headers, OutgoingEvent
from huleedu_streams.contracts.dead_letters import DeadLetter
from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import ChangelogRecord
from tests.fakes import FrozenClock

TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACED = (("traceparent", TRACEPARENT),)


class MemoryEvent:
    """A consumed record; remembers when it was acknowledged."""

    def __init__(
        self,
        topic: str,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> None:
        self.message = SimpleNamespace(
            topic=topic,
            partition=0,
            offset=offset,
            key=key,
            value=value,
            headers=list(headers),
        )
        self.acknowledged: list[int] = []

    def ack(self) -> bool:
        self.acknowledged.append(self.message.offset)
        return True


class MemoryStream:
    """A stream that ends when it is closed."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[MemoryEvent | None] = asyncio.Queue()
        self.acknowledged: list[int] = []
        self.read = 0

    def put(
        self, topic: str, key: bytes | None, value: bytes | None, *headers: tuple[str, bytes]
    ) -> ref[MemoryEvent]:
        """Return the event as long as somebody keeps it."""
        offset = self.read + self._events.qsize()
        event = MemoryEvent(topic, offset, key, value, headers or TRACED)
        event.acknowledged = self.acknowledged
        self._events.put_nowait(event)
        return ref(event)

    async def batches(self, most: int) -> AsyncIterator[Sequence[MemoryEvent]]:
        while events := self._waiting(await self._events.get(), most):
            self.read += len(events)
            yield events
            del events

    def _waiting(self, first: MemoryEvent | None, most: int) -> list[MemoryEvent]:
        events: list[MemoryEvent] = []
        event = first
        while event is not None:
            events.append(event)
            if len(events) == most or self._events.empty():
                return events
            event = self._events.get_nowait()
        if events:
            self._events.put_nowait(None)
        return events


class Broker:
    """Acknowledges records when told to; by default at once."""

    def __init__(self) -> None:
        self.queued: list[OutgoingEvent | DeadLetter] = []
        self.changes: list[ChangelogRecord] = []
        self.is_holding = False
        self.error: Exception | None = None
        self._held: list[asyncio.Future[int]] = []

    async def send(self, record: OutgoingEvent | DeadLetter) -> Awaitable[int]:
        self.queued.append(record)
        return self._acknowledgement()

    async def send_change(self, change: ChangelogRecord) -> Awaitable[int]:
        self.changes.append(change)
        return self._acknowledgement()

    def release(self) -> None:
        self.is_holding = False
        for future in self._held:
            future.set_result(0)
        self._held.clear()

    def _acknowledgement(self) -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self.error is not None:
            future.set_exception(self.error)
        elif self.is_holding:
            self._held.append(future)
        else:
            future.set_result(0)
        return future


@dataclass
class Store:
    """Whether the content store answers its probe."""

    is_up: bool = True
    probes: int = 0
    healed: asyncio.Event = field(default_factory=asyncio.Event)

    async def is_healthy(self) -> bool:
        self.probes += 1
        return self.is_up


@dataclass
class Bench:
    """One loop over one stream."""

    stream: MemoryStream
    broker: Broker
    store: Store
    metrics: Metrics
    registry: CollectorRegistry
    loop: DeliveryLoop
    running: asyncio.Task[None]

    def counted(self, outcome: str) -> float:
        return sum(
            sample.value
            for metric in self.registry.collect()
            for sample in metric.samples
            if sample.name == "huleedu_events_consumed_total"
            and sample.labels["outcome"] == outcome
        )


@asynccontextmanager
async def running_loop(work: Work, *, window_events: int = 8) -> AsyncIterator[Bench]:
    """Run a loop for `work` until the block ends."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    broker, store, stream = Broker(), Store(), MemoryStream()
    dependency = Dependency(
        "content-store", store.is_healthy, FrozenClock(), metrics, poll_seconds=0.001
    )
    limits = Limits(
        event_max_bytes=10_000, text_tries=3, unexpected_tries=2, first_backoff_seconds=0.001
    )
    policy = FailurePolicy(limits, "group", FrozenClock(), metrics, dependency)
    outlets = Outlets(broker, broker, metrics, lambda _point: None)
    loop = DeliveryLoop(work, policy, outlets, asyncio.Lock(), window_events=window_events)
    running = asyncio.create_task(loop.run(stream))
    try:
        yield Bench(stream, broker, store, metrics, registry, loop, running)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await dependency.close()
