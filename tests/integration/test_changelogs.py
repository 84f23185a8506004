"""Changelogs read in bulk: all of them, beside others, and cut off at any moment."""

from __future__ import annotations

import asyncio
import gc
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from faust.types import TP

from huleedu_streams.runtime.changelogs import Changelogs
from huleedu_streams.topics.admin import connected
from huleedu_streams.topics.catalogue import TopicSpec
from tests.integration.workers import Site

pytestmark = pytest.mark.kafka

COUNT = 3_000


@pytest.fixture
async def place(site: Site) -> TP:
    """A partition of a topic of this test's own, with some thousand records."""
    topic = f"changelog-{uuid4().hex[:8]}"
    async with connected(site.bootstrap) as admin:
        await admin.create([TopicSpec(topic, 1, 1)])
    producer = AIOKafkaProducer(bootstrap_servers=site.bootstrap)
    await producer.start()
    try:
        for number in range(COUNT):
            await producer.send(topic, b"." * 200, key=str(number).encode(), partition=0)
    finally:
        await producer.stop()
    return TP(topic, 0)


async def test_span_is_read_whole_and_others_have_their_turns(site: Site, place: TP) -> None:
    turns, found, ends, pauses = 0, [], [], []

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    before = turns
    async for tp, records, reached in Changelogs(site.bootstrap, "test").read(
        {place: range(10, COUNT - 10)}
    ):
        assert tp == place
        found += [record.offset for record in records]
        ends.append(reached)
        pauses.append(turns - before)
        before = turns
    beside.cancel()

    assert found == list(range(10, COUNT - 10))
    assert ends[-1] == COUNT - 10
    assert len(pauses) > 1
    assert min(pauses) > 0


async def test_reader_cut_off_at_any_moment_leaves_nothing_open(site: Site, place: TP) -> None:
    leaks: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: leaks.append(context))

    async def read() -> None:
        async for _ in Changelogs(site.bootstrap, "test").read({place: range(COUNT)}):
            await asyncio.sleep(0)

    for number in range(60):
        reading = asyncio.create_task(read())
        await asyncio.sleep(number * 0.0004)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        gc.collect()

    assert leaks == []
