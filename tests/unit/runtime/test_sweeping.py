"""Sweeps over real RocksDB tables, with a broker, a speller's group and a clock made of values."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from huleedu_streams.domain.in_flight import InFlight, essay_step
from huleedu_streams.errors import BrokerUnavailableError
from huleedu_streams.metrics import Metrics
from huleedu_streams.runtime.broker_log import Bounds
from huleedu_streams.runtime.recalling import COMPLETED, REQUESTED, watched_essays
from huleedu_streams.runtime.streams_app import StreamsApp
from huleedu_streams.runtime.sweeping import Sweeper, SweepLimits, SweepParts
from huleedu_streams.runtime.watchdog import Place
from huleedu_streams.settings import Settings
from tables.batches import declare_batches
from tables.essays import declare_essays
from tests.builders import a_request, a_result
from tests.essay_rows import row_after
from tests.fakes import FrozenClock, MemoryPublisher

LIMIT = 600.0
MANY = 1_000


class Bench:
    """A worker of one partition that never starts."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(data_dir=folder, _env_file=None)
        self.app = StreamsApp(settings, partitions=1)
        self.essays = declare_essays(self.app, partitions=1)
        batches = declare_batches(self.app, partitions=1)
        self.seconds = 1000.0
        self.in_flight = InFlight(lambda: self.seconds)
        self.publisher = MemoryPublisher()
        self.registry = CollectorRegistry()
        self.group = "speller"
        self.passed: dict[Place, int] | None = {(REQUESTED, 0): 0}
        self.ends = {(REQUESTED, 0): 0, (COMPLETED, 0): 0}
        self.folded = 0
        self.committed_offsets: dict[TopicPartition, int] = {}
        self.app.consumer = SimpleNamespace(  # type: ignore[assignment] # what is asked of it
            app=SimpleNamespace(consumer_generation_id=1),
            assignment=lambda: {TopicPartition(REQUESTED, 0)},
            unacked=(),
            _committed_offset=self.committed_offsets,
        )
        parts = SweepParts(
            essays=watched_essays(self.essays, self.in_flight),
            batches=None,
            members=batches,
            broker_log=self,
            speller=self,
            publisher=self.publisher,
            clock=FrozenClock(),
            metrics=Metrics(self.registry),
        )
        limits = SweepLimits(LIMIT, 0)
        self.sweeper = Sweeper(self.app, limits, parts, lambda: True, lambda: self.seconds)

    async def committed(self, _places: Iterable[Place]) -> Mapping[Place, int] | None:
        return self.passed

    async def bounds(self, places: Iterable[Place]) -> Mapping[Place, Bounds]:
        self.committed_offsets[TopicPartition(COMPLETED, 0)] = self.folded
        return {place: Bounds(0, self.ends[place]) for place in places}

    def put(self, essay_id: str, row: Mapping[str, Any]) -> None:
        """Write a row as it lies on disk."""
        store: Any = self.essays.faust_table.data
        database = store._db_for_partition(0)  # noqa: SLF001 - no agent handles an event
        database.put(essay_id.encode(), orjson.dumps(row))

    def ask(self, *essay_ids: str) -> None:
        """Write the row of each essay, as its request leaves it."""
        for essay_id in essay_ids:
            self.put(essay_id, row_after(a_request(essay_id, essay_id=essay_id)))

    def read(self, essay_id: str, offset: int) -> None:
        """Do what the agent does with a request."""
        self.ask(essay_id)
        row = self.essays.get(essay_id)
        assert row is not None
        self.in_flight.note(0, essay_id, essay_step(row), offset)

    async def look(self, *, after: float = 0) -> list[str]:
        """Sweep, and return the essays that were asked again."""
        self.seconds += after
        sent = len(self.publisher.events)
        await self.sweeper.look()
        return [event.key for event in self.publisher.events[sent:]]

    def count(self, outcome: str) -> float:
        return self.registry.get_sample_value("huleedu_sweeps_total", {"outcome": outcome}) or 0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_request_that_was_read_and_not_answered_is_asked_again_once(bench: Bench) -> None:
    bench.read("essay-1", 0)
    bench.passed = {(REQUESTED, 0): 1}

    assert await bench.look() == []
    assert await bench.look(after=LIMIT - 1) == []
    assert await bench.look(after=1) == ["essay-1"]
    assert await bench.look(after=LIMIT - 1) == []
    assert await bench.look(after=1) == ["essay-1"], "nobody folded it: the same event again"
    assert len({dict(event.headers)["event_id"] for event in bench.publisher.events}) == 1


async def test_request_that_was_not_read_waits_however_long(bench: Bench) -> None:
    bench.read("essay-1", 0)
    bench.read("essay-2", 1)
    bench.passed = {(REQUESTED, 0): 1}

    await bench.look()

    assert await bench.look(after=100 * LIMIT) == ["essay-1"]


async def test_time_counts_from_when_the_speller_had_read_it(bench: Bench) -> None:
    bench.read("essay-1", 0)
    await bench.look(after=100 * LIMIT)
    bench.passed = {(REQUESTED, 0): 1}

    assert await bench.look() == []
    assert await bench.look(after=LIMIT) == ["essay-1"]


async def test_answers_that_lie_unread_are_waited_for(bench: Bench) -> None:
    bench.read("essay-1", 0)
    bench.passed = {(REQUESTED, 0): 1}
    bench.ends[COMPLETED, 0] = 7
    await bench.look()

    assert await bench.look(after=LIMIT) == []
    bench.folded = 7
    await bench.look()
    assert await bench.look(after=LIMIT) == ["essay-1"]


async def test_row_has_the_last_word(bench: Bench) -> None:
    bench.read("essay-1", 0)
    bench.passed = {(REQUESTED, 0): 1}
    await bench.look()
    bench.put("essay-1", row_after(a_request("essay-1"), a_result(of="essay-1")))

    assert await bench.look(after=LIMIT) == []
    assert len(bench.in_flight) == 0


async def test_send_that_fails_is_tried_by_the_next_sweep(bench: Bench) -> None:
    bench.read("essay-1", 0)
    bench.passed = {(REQUESTED, 0): 1}
    await bench.look()
    bench.publisher.error = BrokerUnavailableError("away")

    assert await bench.look(after=LIMIT) == []
    bench.publisher.error = None
    assert await bench.look() == ["essay-1"]


@pytest.mark.parametrize(("passed", "outcome"), [(None, "broker-silent"), ({}, "group-unknown")])
async def test_nothing_is_asked_again_while_nobody_knows_what_was_read(
    bench: Bench, passed: dict[Place, int] | None, outcome: str
) -> None:
    bench.read("essay-1", 0)
    bench.passed = passed
    await bench.look()

    assert await bench.look(after=LIMIT) == []
    assert bench.count(outcome) == 2


async def test_restarted_worker_finds_what_waits_in_its_own_rows(bench: Bench) -> None:
    bench.ask("essay-1")
    bench.ends[REQUESTED, 0] = 5
    bench.passed = {(REQUESTED, 0): 4}
    await bench.look()

    assert await bench.look(after=LIMIT) == [], "it may be the one that is not read"
    bench.passed = {(REQUESTED, 0): 5}
    await bench.look()
    assert await bench.look(after=LIMIT) == ["essay-1"]


async def test_no_slice_of_a_sweep_holds_the_loop_for_20_ms(bench: Bench) -> None:
    bench.ask(*(f"essay-{number}" for number in range(MANY)))
    bench.passed = {(REQUESTED, 0): 1}
    bench.ends[REQUESTED, 0] = 1
    slices: list[float] = []

    async def others() -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.0005)
            slices.append(time.thread_time() - began)

    # As a worker does at its start: a full collection of all that tests import takes 100 ms.
    gc.collect()
    gc.freeze()
    watching = asyncio.create_task(others())
    await bench.look()
    assert len(bench.in_flight) == MANY
    sent = await bench.look(after=LIMIT)
    watching.cancel()
    gc.unfreeze()

    assert len(sent) == MANY
    assert max(slices) < 0.02
