"""Produces dead letters: compressed, and in part where the whole one is too large for its topic.

One bad message must never end a worker, so a letter's size is no reason to fail: what the broker
refuses as too large is buried without its value, and with nothing but its place at the last.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Generator
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from huleedu_streams.adapters.kafka_records import send_record
from huleedu_streams.contracts.dead_letters import DeadLetter, smaller_letters
from huleedu_streams.errors import BrokerUnavailableError

log = structlog.get_logger(__name__)

# As workers read it: of all codecs it is the one that packs most, and it costs a tenth of gzip.
COMPRESSION = "zstd"
_START_AGAIN_SECONDS = 1.0
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class Undertaker:
    """A producer of dead letters, started when there is a first one."""

    def __init__(
        self, bootstrap_servers: str, *, max_request_bytes: int, timeout_seconds: float
    ) -> None:
        """Take the broker's address.

        Args:
            bootstrap_servers: `host:port[,host:port]`.
            max_request_bytes: Largest letter tried whole, before compression.
            timeout_seconds: How long a letter waits for a broker that is away.
        """
        self._bootstrap_servers = bootstrap_servers
        self._max_request_bytes = max_request_bytes
        self._timeout_seconds = timeout_seconds
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def bury(self, letter: DeadLetter) -> Awaitable[int]:
        """Queue `letter`; what is returned resolves to its offset.

        Raises:
            BrokerUnavailableError: it cannot be queued.
        """
        try:
            return _Burial(self, letter, await self.queue(letter))
        except _TOO_LARGE:
            return _Burial(self, letter, None)
        except KafkaError as error:
            raise _unavailable(letter, error) from error

    async def queue(self, letter: DeadLetter) -> Awaitable[Any]:
        """Queue `letter` as it is; what is returned resolves to its metadata.

        Raises:
            KafkaError: it cannot be queued.
        """
        producer = await self._started()
        return await send_record(producer, letter.topic, letter.key, letter.value, letter.headers)

    async def close(self) -> None:
        """Stop the producer, if there ever was one."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:  # agents may meet their first poison side by side
            while self._producer is None:
                try:
                    self._producer = await self._new_producer()
                except KafkaConnectionError:  # away just now: dead letters wait as outputs do
                    await asyncio.sleep(_START_AGAIN_SECONDS)
            return self._producer

    async def _new_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            acks="all",
            compression_type=COMPRESSION,
            max_request_size=self._max_request_bytes,
            request_timeout_ms=int(self._timeout_seconds * 1000),
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer


class _Burial(Awaitable[int]):
    """Resolves to the letter's offset, whole or not; costs nothing if nobody waits for it."""

    __slots__ = ("_letter", "_queued", "_undertaker")

    def __init__(
        self, undertaker: Undertaker, letter: DeadLetter, queued: Awaitable[Any] | None
    ) -> None:
        self._undertaker = undertaker
        self._letter = letter
        self._queued = queued

    def __await__(self) -> Generator[Any, None, int]:
        return self._settled().__await__()

    async def _settled(self) -> int:
        try:
            return await self._taken()
        except KafkaError as error:
            raise _unavailable(self._letter, error) from error

    async def _taken(self) -> int:
        """Return the offset of the largest letter that the broker takes."""
        if self._queued is not None:
            with contextlib.suppress(*_TOO_LARGE):
                return _offset(await self._queued)
        for smaller in smaller_letters(self._letter):
            log.warning("dead_letter_not_whole", topic=self._letter.topic)
            with contextlib.suppress(*_TOO_LARGE):
                return _offset(await (await self._undertaker.queue(smaller)))
        raise MessageSizeTooLargeError("not even the place of a dead letter fits its topic")


def _offset(metadata: Any) -> int:  # noqa: ANN401 - aiokafka's RecordMetadata
    offset: int = metadata.offset
    return offset


def _unavailable(letter: DeadLetter, error: Exception) -> BrokerUnavailableError:
    return BrokerUnavailableError(
        f"no acknowledgement for a record of {letter.topic}: {error!r:.200}"
    )
