"""Records on their way to the broker: whatever waits goes together, in one request.

aiokafka's linger runs for each partition apart, and each partition's records then go in a request
of their own. An essay makes nine records for nearly as many partitions: nine requests, each a
millisecond of work here and one more at the broker. Here the next request takes all that wait.
It leaves at once where the last one is some time ago or many wait, so that neither a quiet worker
nor a busy one waits for a clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from huleedu_streams.contracts.codec import Headers
from huleedu_streams.errors import BrokerUnavailableError

# Between the starts of two requests; what it adds to an essay's way is three times that at most.
GAP_SECONDS = 0.02
# So many records are worth a request of their own.
ENOUGH_RECORDS = 64
_KEYS_REMEMBERED = 16_384
_POSITIVE = 0x7FFFFFFF


class Place(NamedTuple):
    """A topic's partition."""

    topic: str
    partition: int


class Batch:
    """The records of one partition that leave together; their offsets come together too."""

    def __init__(self, topic: str, builder: Any) -> None:  # noqa: ANN401 - aiokafka's
        self._topic = topic
        self.builder = builder
        self.base_offset: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def append(self, key: bytes | None, value: bytes | None, headers: Headers) -> int | None:
        """Take a record; return its place in the batch, or None if the batch is full."""
        place: int = self.builder.record_count()
        taken = self.builder.append(timestamp=None, key=key, value=value, headers=list(headers))
        return None if taken is None else place

    def settle(self, metadata: asyncio.Future[Any]) -> None:
        """Take the broker's answer."""
        if metadata.cancelled():
            self.fail(KafkaError("the producer was closed"))
        elif error := metadata.exception():
            self.fail(error)
        elif not self.base_offset.done():
            self.base_offset.set_result(metadata.result().offset)

    def fail(self, error: BaseException) -> None:
        """Let whoever waits know that there will be no acknowledgement."""
        if not self.base_offset.done():
            self.base_offset.set_exception(unavailable(self._topic, error))
            self.base_offset.exception()  # whoever sent it may be gone


class Acknowledgement(Awaitable[int]):
    """Resolves to a record's offset; costs nothing if nobody waits for it."""

    __slots__ = ("_batch", "_place")

    def __init__(self, batch: Batch, place: int) -> None:
        self._batch = batch
        self._place = place

    def __await__(self) -> Generator[Any, None, int]:
        base_offset = self._batch.base_offset
        if not base_offset.done():
            # Shared by all records of the batch: one who stops waiting must not end it for others.
            yield from asyncio.shield(base_offset).__await__()
        return base_offset.result() + self._place


class RequestBatcher:
    """Gathers records by partition and hands them to a producer whose own linger is 0."""

    def __init__(
        self, producer: Callable[[], AIOKafkaProducer], gap_seconds: float = GAP_SECONDS
    ) -> None:
        self._producer = producer
        self._gap_seconds = gap_seconds
        self._waiting: dict[Place, list[Batch]] = {}
        self._count = 0
        self._has_waiting = asyncio.Event()
        self._has_enough = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    async def add(
        self,
        topic: str,
        partition: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
    ) -> Acknowledgement:
        """Queue a record; without a partition its key's hash decides, as with Kafka's own client.

        Raises:
            KafkaError: nobody knows the topic.
        """
        if partition is None:
            partition = await self._partition_of(topic, key or b"")
        batches = self._waiting.setdefault(Place(topic, partition), [])
        place = batches[-1].append(key, value, headers) if batches else None
        if place is None:
            batches.append(Batch(topic, self._producer().create_batch()))
            place = batches[-1].append(key, value, headers) or 0
        self._count += 1
        self._has_waiting.set()
        if self._count >= ENOUGH_RECORDS:
            self._has_enough.set()
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_on())
        return Acknowledgement(batches[-1], place)

    async def close(self) -> None:
        """Send nothing more; what waits is not acknowledged."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        for batches in self._waiting.values():
            for batch in batches:
                batch.fail(KafkaError("the producer was closed"))

    async def _partition_of(self, topic: str, key: bytes) -> int:
        producer = self._producer()
        known = producer.client.cluster.partitions_for_topic(topic)
        return partition_of(key, len(known or await producer.partitions_for(topic)))

    async def _send_on(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self._has_waiting.wait()
            await asyncio.sleep(0)  # what is queued in the same turn of the loop goes along
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._has_enough.wait()
            due = loop.time() + self._gap_seconds
            self._has_waiting.clear()
            self._has_enough.clear()
            batches, self._waiting, self._count = self._waiting, {}, 0
            try:
                await self._send(batches)
            finally:
                # Whatever ended it, nobody waits for an answer that cannot come.
                for batch in chain.from_iterable(batches.values()):
                    batch.fail(KafkaError("it was not sent"))

    async def _send(self, waiting: Mapping[Place, list[Batch]]) -> None:
        """Send all batches and wait for the answers: so partitions keep their order."""
        for place, batches in waiting.items():
            for batch in batches:
                try:
                    answer = await self._producer().send_batch(
                        batch.builder, place.topic, partition=place.partition
                    )
                except KafkaError as error:
                    batch.fail(error)
                else:
                    answer.add_done_callback(batch.settle)
        await asyncio.wait([batch.base_offset for batch in chain.from_iterable(waiting.values())])


def unavailable(topic: str, error: BaseException) -> BrokerUnavailableError:
    """Return what to raise for a record that the broker did not acknowledge."""
    return BrokerUnavailableError(f"no acknowledgement for a record of {topic}: {error!r:.200}")


@lru_cache(maxsize=_KEYS_REMEMBERED)
def partition_of(key: bytes, count: int) -> int:
    """Return the partition, of `count`, that Kafka's default partitioner gives a key."""
    partition: int = (murmur2(key) & _POSITIVE) % count
    return partition
