"""Faust's Kafka consumer, mended where it matters here.

As aiokafka's consumer stops, it awaits its own cancelled fetch, and while the broker is away that
cancellation escapes: the consumer's thread dies with a traceback, and the app waits for its end
for ever. And who waits for a fetch to end (`runtime/recovery.py`) must really wait.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog
from aiokafka.errors import KafkaError
from faust.transport.consumer import RecordMap
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from faust.types import TP

from huleedu_streams.runtime.records import read_steadily

log = structlog.get_logger(__name__)

_STOP_SECONDS = 5.0
# What a broker that goes away does to a request; uvloop says it of a closed connection by the last.
_UNANSWERED = (KafkaError, OSError, RuntimeError)


class StreamsConsumerThread(AIOKafkaConsumerThread):
    """A consumer's thread that always comes to its end."""

    async def on_thread_stop(self) -> None:
        """Leave the group, if the broker listens."""
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await super().on_thread_stop()
        except (asyncio.CancelledError, TimeoutError, *_UNANSWERED) as error:
            # Nobody cancels this: it is the consumer's own fetch that was.
            log.warning("group_not_left", error=type(error).__name__)
            if self._consumer is not None:
                with suppress(*_UNANSWERED):
                    # `stop` did not come that far.
                    await self._consumer._client.close()  # noqa: SLF001


class StreamsConsumer(Consumer):
    """A consumer with such a thread."""

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> RecordMap:
        # Faust sets this flag where it means to clear it, so that nobody who waits for the end of
        # a fetch ever waits; it sets it again behind this call.
        self.not_waiting_next_records.clear()
        return await super()._getmany(active_partitions, timeout)

    def _new_consumer_thread(self) -> StreamsConsumerThread:
        read_steadily()
        return StreamsConsumerThread(self, loop=self.loop, beacon=self.beacon)
