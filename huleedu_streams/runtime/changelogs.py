"""Changelog topics read in bulk, over a consumer of their own.

Faust reads them record by record through the queue of its streams, for a millisecond each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from huleedu_streams.runtime.started import ended

log = structlog.get_logger(__name__)

# Applied in some milliseconds.
_MOST_RECORDS = 500
_FETCH_BYTES = 4 * 1024 * 1024
_ANSWER_MILLISECONDS = 1_000
_RETRY_SECONDS = 1.0


class Changelogs:
    """Reads spans of partitions; belongs to no group and commits nothing."""

    def __init__(self, bootstrap_servers: str, client_id: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id

    async def read(
        self, spans: Mapping[TP, range]
    ) -> AsyncIterator[tuple[TP, Sequence[ConsumerRecord], int]]:
        """Yield what the spans hold, some hundred records of one partition at a time.

        However long the broker is away, it goes on once the broker is back.

        Args:
            spans: The offsets to read of each partition. Compaction may have removed some.

        Yields:
            The partition, its next records, and up to which offset (itself excluded) it is read.
        """
        left = {TopicPartition(*place): span for place, span in spans.items() if span}
        if not left:
            return
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=self._client_id,
            auto_offset_reset="earliest",
            fetch_max_bytes=_FETCH_BYTES,
        )
        try:
            await _start(consumer)
            consumer.assign(list(left))
            for partition, span in left.items():
                consumer.seek(partition, span.start)
            while left:
                found = await consumer.getmany(
                    *left, timeout_ms=_ANSWER_MILLISECONDS, max_records=_MOST_RECORDS
                )
                for partition in list(found or left):
                    reached = min(await consumer.position(partition), left[partition].stop)
                    records = [one for one in found.get(partition, ()) if one.offset < reached]
                    yield TP(*partition), records, reached
                    await asyncio.sleep(0)  # what was fetched ahead is handed over without a pause
                    if reached == left[partition].stop:
                        del left[partition]
        finally:
            await consumer.stop()


async def _start(consumer: AIOKafkaConsumer) -> None:
    """Start it, however long the broker is away."""
    while True:
        starting = asyncio.ensure_future(consumer.start())
        try:
            await asyncio.shield(starting)
        except KafkaError as error:
            log.warning("changelogs_wait", detail=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
        except asyncio.CancelledError:
            await ended(starting)
            raise
        else:
            return
