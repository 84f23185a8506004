"""Produces records through Faust's producer, and dead letters through one that compresses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from faust.exceptions import ProducerSendError

from huleedu_streams.adapters.kafka_records import send_record
from huleedu_streams.contracts.codec import OutgoingEvent
from huleedu_streams.contracts.dead_letters import DeadLetter
from huleedu_streams.errors import BrokerUnavailableError
from huleedu_streams.protocols import ChangelogRecord

_START_AGAIN_SECONDS = 1.0


class KafkaPublisher:
    """The `EventPublisher` of a worker.

    `app.producer.send` and not `topic.send`: the same record, at 1.27 times the rate
    (docs/decisions/0001).
    """

    def __init__(self, app: faust.App, *, bootstrap_servers: str, max_request_bytes: int) -> None:
        self._app = app
        self._bootstrap_servers = bootstrap_servers
        self._max_request_bytes = max_request_bytes
        self._undertaker: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def send(self, record: OutgoingEvent | DeadLetter) -> Awaitable[Any]:
        """Queue `record`; see `protocols.EventPublisher`."""
        if isinstance(record, DeadLetter):
            return await self._bury(record)
        return await self._produce(
            record.topic, record.key.encode(), record.value, None, list(record.headers)
        )

    async def send_change(self, change: ChangelogRecord) -> Awaitable[int]:
        """Queue a table's change for its changelog topic, in the partition of the event."""
        return await self._produce(change.topic, change.key, change.value, change.partition, None)

    async def _produce(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int | None,
        headers: list[tuple[str, bytes]] | None,
    ) -> Awaitable[int]:
        try:
            future = await self._app.producer.send(
                topic, key, value, partition=partition, timestamp=None, headers=headers
            )
        except (ProducerSendError, KafkaError) as error:
            raise _unavailable(topic, error) from error
        return _Acknowledgement(topic, future)

    async def close(self) -> None:
        """Stop the producer of dead letters, if there ever was one."""
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
            raise _unavailable(letter.topic, error) from error
        return _Acknowledgement(letter.topic, future)

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


class _Acknowledgement(Awaitable[int]):
    """Resolves to the record's offset; costs nothing if nobody waits for it."""

    __slots__ = ("_future", "_topic")

    def __init__(self, topic: str, future: Awaitable[Any]) -> None:
        self._topic = topic
        self._future = future

    def __await__(self) -> Generator[Any, None, int]:
        try:
            metadata = yield from self._future.__await__()
        except KafkaError as error:
            raise _unavailable(self._topic, error) from error
        offset: int = metadata.offset
        return offset


def _unavailable(topic: str, error: Exception) -> BrokerUnavailableError:
    return BrokerUnavailableError(f"no acknowledgement for a record of {topic}: {error!r:.200}")
