"""Where the log of each partition begins and ends, asked of the broker itself.

Over a consumer of its own, since one that does not fetch does not hear of new records either; so
it also notices first that the broker is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from huleedu_streams.protocols import Clock, Outage
from huleedu_streams.runtime.started import Started
from huleedu_streams.runtime.watchdog import Place

log = structlog.get_logger(__name__)

_ANSWER_SECONDS = 5.0


class Bounds(NamedTuple):
    """The offsets of a partition's first record and of the one that will be written next."""

    begin: int
    end: int


class Log(Protocol):
    """What is asked of the broker."""

    async def bounds(self, places: Iterable[Place]) -> Mapping[Place, Bounds] | None:
        """Return the bounds of each partition; None if the broker does not say."""
        ...


class BrokerLog:
    """The `Log` of a cluster, over a consumer that belongs to no group and reads nothing."""

    def __init__(self, bootstrap_servers: str, client_id: str, clock: Clock) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._clock = clock
        self._consumer = Started[AIOKafkaConsumer](self._build, AIOKafkaConsumer.stop)
        self._outage: Outage | None = None

    @property
    def outage(self) -> Outage | None:
        """Since when the broker has not answered, if it did not the last time."""
        return self._outage

    async def bounds(self, places: Iterable[Place]) -> Mapping[Place, Bounds] | None:
        """Ask the leaders of the partitions."""
        partitions = [TopicPartition(*place) for place in places]
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                consumer = await self._consumer.get()
                begins = await consumer.beginning_offsets(partitions)
                ends = await consumer.end_offsets(partitions)
        except (KafkaError, TimeoutError, OSError):
            self._is_silent()
            return None
        self._answers()
        return {tuple(each): Bounds(begins[each], ends[each]) for each in partitions}

    async def close(self) -> None:
        """Let go of the connection."""
        await self._consumer.close()

    def _is_silent(self) -> None:
        if self._outage is None:
            log.warning("broker_unreachable", brokers=self._bootstrap_servers)
            self._outage = Outage("kafka", self._clock.now(), 0)
        self._outage = self._outage._replace(tries=self._outage.tries + 1)

    def _answers(self) -> None:
        if self._outage is not None:
            log.info("broker_back", brokers=self._bootstrap_servers, since=str(self._outage.since))
            self._outage = None

    def _build(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers, client_id=self._client_id
        )
