"""What tests do at the broker themselves: produce, read everything, free a dead worker's place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    NodeNotReadyError,
    NotLeaderForPartitionError,
)
from aiokafka.protocol.group import LeaveGroupRequest

from huleedu_streams.contracts.codec import decode, encode
from huleedu_streams.contracts.envelope import EventEnvelope

T = TypeVar("T")

_POLL_SECONDS = 0.05
_EVENT_MAX_BYTES = 262_144


async def until(ask: Callable[[], Awaitable[T | None]], what: str, seconds: float = 20) -> T:
    """Ask again and again until there is an answer; fail, naming `what`, when time is up."""
    try:
        async with asyncio.timeout(seconds):
            while (found := await ask()) is None:  # noqa: ASYNC110 - the world has no event
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s: {what}") from None
    return found


class Tap:
    """Everything on some topics, from their beginning; made by `tapped`."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.records: list[ConsumerRecord] = []

    async def until(
        self, is_enough: Callable[[list[ConsumerRecord]], bool], what: str, seconds: float = 20
    ) -> list[ConsumerRecord]:
        """Read on until what has been read is enough."""

        async def read() -> list[ConsumerRecord] | None:
            await self.read_on()
            return self.records if is_enough(self.records) else None

        return await until(read, what, seconds)

    async def read_to_end(self) -> list[ConsumerRecord]:
        """Read everything that is there now."""
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        for partition, end in ends.items():
            while await self._consumer.position(partition) < end:
                await self.read_on()
        return self.records

    async def read_on(self) -> None:
        for records in (await self._consumer.getmany(timeout_ms=50)).values():
            self.records.extend(records)

    def events(self, topic: str, key: str) -> list[EventEnvelope[Any]]:
        """Return the events of one key in order; what else is in the topic may be no event."""
        return [
            decoded(record)
            for record in self.records
            if record.topic == topic and record.key == key.encode()
        ]


@asynccontextmanager
async def tapped(bootstrap: str, *topics: str) -> AsyncIterator[Tap]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(
            [
                TopicPartition(topic, number)
                for topic in topics
                for number in consumer.partitions_for_topic(topic)
                or await _partitions(consumer, topic)
            ]
        )
        await consumer.seek_to_beginning()
        yield Tap(consumer)
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client._wait_on_metadata(topic)  # noqa: SLF001 - as subscribe() does
    found: set[int] = consumer.partitions_for_topic(topic) or set()
    return found


def decoded(record: ConsumerRecord) -> EventEnvelope[Any]:
    return decode(record.topic, record.key, record.value, _EVENT_MAX_BYTES)


async def produce(bootstrap: str, events: Iterable[EventEnvelope[Any]]) -> None:
    """Send events as any producer does; return when the broker has them all."""
    async with producing(bootstrap) as producer:
        await asyncio.gather(
            *[
                await producer.send(
                    record.topic, record.value, record.key.encode(), headers=list(record.headers)
                )
                for record in map(encode, events)
            ]
        )


@asynccontextmanager
async def producing(bootstrap: str, **options: object) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", **options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def administering(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def empty(bootstrap: str, topics: Sequence[str]) -> None:
    """Delete every record that is in the topics now."""
    await until(lambda: _emptied(bootstrap, topics), "a broker that empties its topics", 30)


async def _emptied(bootstrap: str, topics: Sequence[str]) -> bool | None:
    async with administering(bootstrap) as admin:
        everything = {
            TopicPartition(topic["topic"], partition["partition"]): RecordsToDelete(-1)
            for topic in await admin.describe_topics(list(topics))
            for partition in topic["partitions"]
        }
        try:
            await admin.delete_records(everything)
        except NotLeaderForPartitionError:
            return None  # a topic that was made a moment ago
    return True


async def evict_members(bootstrap: str, group: str) -> None:
    """Take every member out of a group: what the broker does once a killed worker is silent.

    That would last the session timeout, 6 s at least.
    """
    await until(lambda: _evicted(bootstrap, group), f"a broker that answers for {group}", 30)


async def _evicted(bootstrap: str, group: str) -> bool | None:
    async with administering(bootstrap) as admin:
        try:
            coordinator = await admin.find_coordinator(group)
            for member_id in await _members(admin, group):
                # No public call leaves a group for others.
                request = LeaveGroupRequest(group, member_id)
                await admin._send_request(request, coordinator)  # noqa: SLF001
        except GroupCoordinatorNotAvailableError:
            return True  # a broker that never had a group
        except NodeNotReadyError:
            return None  # one that stood still is not a member of its own cluster for a moment
    return True


async def assigned_members(bootstrap: str, group: str) -> Sequence[str]:
    """Return the members of a group that have been given something."""
    async with administering(bootstrap) as admin:
        answers = await admin.describe_consumer_groups([group])
    members = [member for answer in answers for found in answer.groups for member in found[5]]
    return [member[0] for member in members if member[4]]


async def _members(admin: AIOKafkaAdminClient, group: str) -> Sequence[str]:
    answers = await admin.describe_consumer_groups([group])
    return [member[0] for answer in answers for found in answer.groups for member in found[5]]
