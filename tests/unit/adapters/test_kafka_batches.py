"""Records gathered for the next request: order, partitions, and what becomes of failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError, NotLeaderForPartitionError
from aiokafka.producer.message_accumulator import BatchBuilder

from huleedu_streams.adapters.kafka_batches import RequestBatcher
from huleedu_streams.errors import BrokerUnavailableError
from tests.awaiting import eventually

PARTITIONS = 6
BATCH_BYTES = 500


class ScriptedProducer:
    """Takes batches as aiokafka's producer does; answers when told to.

    Attributes:
        sent: Topic, partition and number of records of each batch, in order.
    """

    def __init__(self) -> None:
        cluster = SimpleNamespace(partitions_for_topic=lambda _topic: set(range(PARTITIONS)))
        self.client = SimpleNamespace(cluster=cluster)
        self.sent: list[tuple[str, int, int]] = []
        self.refusal: Exception | None = None
        self.answers: list[asyncio.Future[Any]] = []

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(BATCH_BYTES, 0)

    async def send_batch(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> asyncio.Future[Any]:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append((topic, partition, batch.record_count()))
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]

    def answer(self, base_offset: int) -> None:
        answers, self.answers = self.answers, []
        for answer in answers:
            answer.set_result(SimpleNamespace(offset=base_offset))

    def fail(self, error: KafkaError) -> None:
        answers, self.answers = self.answers, []
        for answer in answers:
            answer.set_exception(error)


@asynccontextmanager
async def batching() -> AsyncIterator[tuple[ScriptedProducer, RequestBatcher]]:
    producer: Any = ScriptedProducer()
    batcher = RequestBatcher(lambda: producer, gap_seconds=0)
    try:
        yield producer, batcher
    finally:
        await batcher.close()


async def offsets(acks: Sequence[Any]) -> list[int]:
    return [await ack for ack in acks]


async def test_records_of_one_turn_leave_in_one_batch_a_partition() -> None:
    async with batching() as (producer, batcher):
        acks = [await batcher.add("a", number % 2, b"k", b"v") for number in range(6)]
        await eventually(lambda: len(producer.answers) == 2)
        producer.answer(base_offset=40)

        assert await offsets(acks) == [40, 40, 41, 41, 42, 42]
    assert producer.sent == [("a", 0, 3), ("a", 1, 3)]


async def test_next_request_waits_for_the_answers_to_the_one_before() -> None:
    async with batching() as (producer, batcher):
        await batcher.add("a", 0, b"k", b"1")
        await eventually(lambda: len(producer.answers) == 1)
        later = [await batcher.add("a", 0, b"k", value) for value in (b"2", b"3")]
        for _ in range(10):
            await asyncio.sleep(0)
        assert producer.sent == [("a", 0, 1)]

        producer.answer(base_offset=0)
        await eventually(lambda: len(producer.answers) == 1)
        producer.answer(base_offset=1)

        assert await offsets(later) == [1, 2]
    assert producer.sent == [("a", 0, 1), ("a", 0, 2)]


async def test_record_that_does_not_fit_begins_the_next_batch() -> None:
    async with batching() as (producer, batcher):
        for _ in range(3):
            await batcher.add("a", 0, b"k", b"." * BATCH_BYTES)
        await eventually(lambda: len(producer.answers) == 3)

    assert producer.sent == [("a", 0, 1)] * 3


async def test_key_alone_goes_where_kafkas_own_hash_puts_it() -> None:
    async with batching() as (producer, batcher):
        # murmur2 of these keys, as Java's client computes it, modulo 6.
        for key in (b"21", b"foobar", b"a-little-bit-long-string"):
            await batcher.add("a", None, key, b"v")
        await eventually(lambda: bool(producer.answers))

    hashes = (-973932308, -790332482, -985981536)
    assert {place for _, place, _ in producer.sent} == {
        (each & 0x7FFFFFFF) % PARTITIONS for each in hashes
    }


async def test_batch_that_the_broker_refuses_fails_its_records_alone() -> None:
    async with batching() as (producer, batcher):
        refused = await batcher.add("a", 0, b"k", b"v")
        await eventually(lambda: len(producer.answers) == 1)
        producer.fail(NotLeaderForPartitionError())
        with pytest.raises(BrokerUnavailableError, match="a record of a"):
            await refused

        taken = await batcher.add("a", 0, b"k", b"v")
        await eventually(lambda: len(producer.answers) == 1)
        producer.answer(base_offset=7)

        assert await taken == 7


async def test_batch_that_cannot_be_queued_fails_its_records() -> None:
    async with batching() as (producer, batcher):
        producer.refusal = KafkaError("closed")
        ack = await batcher.add("a", 0, b"k", b"v")

        with pytest.raises(BrokerUnavailableError):
            await ack


async def test_no_record_waits_for_ever_where_the_producer_breaks() -> None:
    async with batching() as (producer, batcher):
        producer.refusal = AttributeError("of a producer that is going")
        ack = await batcher.add("a", 0, b"k", b"v")

        with pytest.raises(BrokerUnavailableError, match="not sent"):
            await asyncio.wait_for(asyncio.ensure_future(ack), 5)


async def test_one_who_stops_waiting_ends_it_for_nobody_else() -> None:
    async with batching() as (producer, batcher):
        first, second = [await batcher.add("a", 0, b"k", b"v") for _ in range(2)]
        waiting = asyncio.ensure_future(offsets([first]))
        await eventually(lambda: len(producer.answers) == 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        producer.answer(base_offset=0)

        assert await second == 1


async def test_closing_fails_whatever_was_not_sent() -> None:
    async with batching() as (_, batcher):
        await batcher.add("a", 0, b"k", b"v")
        await asyncio.sleep(0)
        ack = await batcher.add("a", 1, b"k", b"v")
        await batcher.close()

        with pytest.raises(BrokerUnavailableError, match="closed"):
            await ack
