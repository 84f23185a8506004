"""Produces records through Faust's producer, and dead letters through one that compresses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from huleedu_streams.adapters.kafka_batches import RequestBatcher, unavailable
from huleedu_streams.adapters.kafka_records import send_record
from huleedu_streams.contracts.codec import Headers, OutgoingEvent
from huleedu_streams.contracts.dead_letters import DeadLetter
from huleedu_streams.protocols import ChangelogRecord

_START_AGAIN_SECONDS = 1.0


class KafkaPublisher:
    """The `EventPublisher` and `ChangelogPublisher` of a worker, over the app's own producer."""

    def __init__(self, app: faust.App, *, bootstrap_servers: str, max_request_bytes: int) -> None:
        self._app: Any = app
        self._bootstrap_servers = bootstrap_servers
        self._max_request_bytes = max_request_bytes
        self._batcher = RequestBatcher(self._running_producer)
        self._undertaker: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def send(self, record: OutgoingEvent | DeadLetter) -> Awaitable[int]:
        """Queue `record`; see `protocols.EventPublisher`."""
        if isinstance(record, DeadLetter):
            return await self._bury(record)
        return await self._queue(
            record.topic, record.key.encode(), record.value, None, record.headers
        )

    async def send_change(self, change: ChangelogRecord) -> Awaitable[int]:
        """Queue a table's change for its changelog topic, in the partition of the event."""
        return await self._queue(change.topic, change.key, change.value, change.partition, ())

    def _running_producer(self) -> AIOKafkaProducer:
        return self._app.producer._ensure_producer()  # noqa: SLF001 - Faust hides it

    async def _queue(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int | None,
        headers: Headers,
    ) -> Awaitable[int]:
        try:
            return await self._batcher.add(topic, partition, key, value, headers)
        except KafkaError as error:
            raise unavailable(topic, error) from error

    async def close(self) -> None:
        """Send nothing more, and stop the producer of dead letters, if there ever was one."""
        await self._batcher.close()
        if self._undertaker is not None:
            await self._undertaker.stop()
            self._undertaker = None

    async def _bury(self, letter: DeadLetter) -> Awaitable[int]:
        try:
            producer = await self._compressing_producer()
            future = await send_record(
                producer, letter.topic, letter.key, letter.value, letter.headers
            )
        except KafkaError as error:
            raise unavailable(letter.topic, error) from error
        return _Buried(letter.topic, future)

    async def _compressing_producer(self) -> AIOKafkaProducer:
        async with self._starting:  # agents may meet their first poison side by side
            while self._undertaker is None:
                try:
                    self._undertaker = await self._started_undertaker()
                except KafkaConnectionError:  # away just now: dead letters wait as outputs do
                    await asyncio.sleep(_START_AGAIN_SECONDS)
            return self._undertaker

    async def _started_undertaker(self) -> AIOKafkaProducer:
        # gzip: whatever could be consumed compressed fits the dead-letter topic compressed.
        undertaker = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            acks="all",
            compression_type="gzip",
            max_request_size=self._max_request_bytes,
            # As long as Faust gives its own producer; aiokafka's 40 s are shorter than an outage.
            request_timeout_ms=int(self._app.conf.producer_request_timeout * 1000),
        )
        try:
            await undertaker.start()
        except BaseException:
            await undertaker.stop()
            raise
        return undertaker


class _Buried(Awaitable[int]):
    """Resolves to a dead letter's offset; costs nothing if nobody waits for it."""

    __slots__ = ("_future", "_topic")

    def __init__(self, topic: str, future: Awaitable[Any]) -> None:
        self._topic = topic
        self._future = future

    def __await__(self) -> Generator[Any, None, int]:
        try:
            metadata = yield from self._future.__await__()
        except KafkaError as error:
            raise unavailable(self._topic, error) from error
        offset: int = metadata.offset
        return offset
