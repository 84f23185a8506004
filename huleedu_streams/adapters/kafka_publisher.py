"""Produces records through Faust's producer, and dead letters through one that compresses."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from huleedu_streams.adapters.kafka_batches import RequestBatcher, unavailable
from huleedu_streams.adapters.kafka_burials import Undertaker
from huleedu_streams.contracts.codec import Headers, OutgoingEvent
from huleedu_streams.contracts.dead_letters import DeadLetter
from huleedu_streams.protocols import ChangelogRecord


class KafkaPublisher:
    """The `EventPublisher` and `ChangelogPublisher` of a worker, over the app's own producer."""

    def __init__(self, app: faust.App, *, bootstrap_servers: str, max_request_bytes: int) -> None:
        self._app: Any = app
        self._batcher = RequestBatcher(self._running_producer)
        self._undertaker = Undertaker(
            bootstrap_servers,
            max_request_bytes=max_request_bytes,
            # As long as Faust gives its own producer; aiokafka's 40 s are shorter than an outage.
            timeout_seconds=app.conf.producer_request_timeout,
        )

    async def send(self, record: OutgoingEvent | DeadLetter) -> Awaitable[int]:
        """Queue `record`; see `protocols.EventPublisher`."""
        if isinstance(record, DeadLetter):
            return await self._undertaker.bury(record)
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
        await self._undertaker.close()
