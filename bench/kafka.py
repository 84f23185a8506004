"""The broker of one measurement, and what is asked of it: how many records each topic has."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import confluent_kafka
from aiokafka import AIOKafkaConsumer, TopicPartition

from huleedu_streams.contracts.codec import OutgoingEvent
from huleedu_streams.embedded import broker
from huleedu_streams.topics.admin import connected
from huleedu_streams.topics.bootstrap import apply
from huleedu_streams.topics.catalogue import TopicSpec, catalogue

PARTITIONS = 6
_POLL_SECONDS = 0.05
_STALLED_SECONDS = 60.0
_ROOM_SECONDS = 0.1


class StalledError(Exception):
    """A subject stopped getting on. Operator action: read the logs in the run's folder."""


@asynccontextmanager
async def a_kafka(folder: Path) -> AsyncIterator[str]:
    """Yield the address of a new broker that has the system's topics."""
    try:
        bootstrap = (await asyncio.to_thread(broker.start, folder)).bootstrap
        await apply(bootstrap, catalogue())
        yield bootstrap
    finally:
        await asyncio.to_thread(broker.stop, folder)


async def add_topics(bootstrap: str, *names: str) -> None:
    """Make topics besides those of the system."""
    async with connected(bootstrap) as admin:
        await admin.create([TopicSpec(name, PARTITIONS, 1) for name in names])


def produce(bootstrap: str, records: Iterable[OutgoingEvent]) -> None:
    """Produce records from a foreign client; return when the broker has them all."""
    producer, errors = a_producer(bootstrap), Counter[str]()

    def delivered(error: confluent_kafka.KafkaError | None, _record: object) -> None:
        if error is not None:
            errors[str(error)] += 1

    for record in records:
        send(producer, record, delivered)
    left = producer.flush(_STALLED_SECONDS)
    if left or errors:
        raise StalledError(f"the broker did not take {left} records, refused {dict(errors)}")


def a_producer(bootstrap: str) -> confluent_kafka.Producer:
    """Return a librdkafka producer that partitions as Kafka's own does."""
    return confluent_kafka.Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 1_000_000,
            "linger.ms": 1,
            # Its default, a megabyte, is more than the topics take as one batch.
            "batch.size": 262_144,
        }
    )


def send(
    producer: confluent_kafka.Producer,
    record: OutgoingEvent,
    on_delivery: Callable[..., None] | None = None,
) -> None:
    """Queue a record; wait for room where there is none."""
    while True:
        try:
            producer.produce(
                record.topic,
                record.value,
                record.key,
                headers=list(record.headers),
                on_delivery=on_delivery,
            )
        except BufferError:
            producer.poll(_ROOM_SECONDS)
        else:
            producer.poll(0)
            return


class Offsets:
    """Counts the records of topics, by their ends; cheap enough to ask while others measure."""

    def __init__(self, bootstrap: str, *topics: str) -> None:
        self._topics = topics
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._consumer.stop()

    async def counts(self) -> dict[str, int]:
        """Return how many records each topic has had."""
        places = [TopicPartition(topic, n) for topic in self._topics for n in range(PARTITIONS)]
        counts = dict.fromkeys(self._topics, 0)
        for place, end in (await self._consumer.end_offsets(places)).items():
            counts[place.topic] += end
        return counts

    async def until(self, wanted: Mapping[str, int]) -> None:
        """Return once each topic has at least so many records.

        Raises:
            StalledError: for a minute no record came.
        """
        before: dict[str, int] = {}
        moved = asyncio.get_running_loop().time()
        while True:
            counts = await self.counts()
            if all(counts[topic] >= count for topic, count in wanted.items()):
                return
            now = asyncio.get_running_loop().time()
            if counts != before:
                before, moved = counts, now
            elif now - moved > _STALLED_SECONDS:
                raise StalledError(f"wanted {dict(wanted)}, got {counts}")
            await asyncio.sleep(_POLL_SECONDS)
