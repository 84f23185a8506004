from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import Outage
from huleedu_streams.runtime.broker_log import Bounds, BrokerLog
from huleedu_streams.runtime.streams_app import StreamsApp
from huleedu_streams.runtime.watchdog import Place, Progress
from huleedu_streams.runtime.watching import ConsumerWatch, progress_of
from huleedu_streams.settings import Settings
from tests.fakes import FrozenClock

TOPIC = "essays"
ZERO, ONE = (TOPIC, 0), (TOPIC, 1)
GENERATION = 4


def a_consumer(
    committed: Mapping[Place, int], in_hand: Iterable[tuple[int, int, int]] = ()
) -> SimpleNamespace:
    """Return what Faust's consumer says; `in_hand` as (partition, offset, generation)."""
    return SimpleNamespace(
        app=SimpleNamespace(consumer_generation_id=GENERATION),
        assignment=lambda: {TopicPartition(*place) for place in (ZERO, ONE, ("changelog", 0))},
        unacked={
            # Hashable, as Faust's messages are.
            type("Message", (), {"topic": TOPIC, "partition": p, "offset": o, "generation_id": g})
            for p, o, g in in_hand
        },
        _committed_offset={TopicPartition(*place): each for place, each in committed.items()},
    )


@pytest.mark.parametrize(
    ("committed", "in_hand", "bounds", "progress"),
    [
        ({ZERO: 5}, [], Bounds(0, 9), Progress(5, 5, 9)),
        ({ZERO: 5}, [(0, 6, GENERATION), (0, 5, GENERATION)], Bounds(0, 9), Progress(5, 7, 9)),
        ({ZERO: 5}, [(0, 6, GENERATION - 1)], Bounds(0, 9), Progress(5, 5, 9)),
        ({ZERO: 5}, [(1, 8, GENERATION)], Bounds(0, 9), Progress(5, 5, 9)),
        ({}, [], Bounds(3, 9), Progress(3, 3, 9)),
        ({}, [(0, 4, GENERATION)], Bounds(3, 9), Progress(4, 5, 9)),
        # Retention took what was never read: nothing is left to be handled.
        ({ZERO: 5}, [], Bounds(9, 9), Progress(9, 9, 9)),
    ],
)
def test_progress_is_commit_hands_and_end(
    committed: Mapping[Place, int],
    in_hand: list[tuple[int, int, int]],
    bounds: Bounds,
    progress: Progress,
) -> None:
    assert progress_of(a_consumer(committed, in_hand), {ZERO: bounds}) == {ZERO: progress}


class MemoryLog:
    """A `Log` that knows the ends it is told; none while it is down."""

    def __init__(self) -> None:
        self.ends = {ZERO: 0, ONE: 0}
        self.is_down = False

    async def bounds(self, places: Iterable[Place]) -> Mapping[Place, Bounds] | None:
        return None if self.is_down else {place: Bounds(0, self.ends[place]) for place in places}


class Bench:
    """A watch over a consumer that commits what it is told, once its limit has passed at once."""

    def __init__(self, folder: Path) -> None:
        self.registry = CollectorRegistry()
        self.log, self.clock, self.is_excused = MemoryLog(), FrozenClock(), False
        app = StreamsApp(Settings(data_dir=folder, _env_file=None), partitions=2)

        async def nothing(_stream: object) -> None:
            return

        app.agent(app.topic(TOPIC), name="nothing")(nothing)
        self.consumer = a_consumer({ZERO: 0, ONE: 0})
        self.committed = vars(self.consumer)["_committed_offset"]
        self.app = app
        app.consumer = self.consumer  # type: ignore[assignment]
        self.watch = ConsumerWatch(
            app,
            self.log,
            self.clock,
            Metrics(self.registry),
            # So short that any two looks are further apart.
            limit_seconds=1e-9,
            is_excused=lambda: self.is_excused,
        )
        self.watch.start()

    def value(self, name: str, partition: int) -> float | None:
        return self.registry.get_sample_value(name, {"topic": TOPIC, "partition": str(partition)})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_partition_with_lag_and_no_progress_is_wedged(bench: Bench) -> None:
    bench.log.ends[ONE] = 3

    await bench.watch.look()
    assert bench.watch.wedges == []
    await bench.watch.look()

    wedge = bench.watch.wedges[0]
    assert (wedge.topic, wedge.partition, wedge.lag) == (TOPIC, 1, 3)
    assert timedelta(0) < datetime(2025, 5, 27, 12, tzinfo=UTC) - wedge.since < timedelta(seconds=5)
    assert bench.value("huleedu_consumer_lag_messages", 1) == 3
    assert bench.value("huleedu_consumer_lag_messages", 0) == 0
    assert bench.value("huleedu_partition_stalled_seconds", 0) is None
    assert bench.value("huleedu_partition_stalled_seconds", 1)


async def test_partition_that_moves_again_is_no_longer_wedged(bench: Bench) -> None:
    bench.log.ends[ONE] = 3
    await bench.watch.look()
    await bench.watch.look()

    bench.committed[TopicPartition(*ONE)] = 1
    await bench.watch.look()

    assert bench.watch.wedges == []


@pytest.mark.parametrize("reason", ["excused", "silent broker", "rebalance", "not started"])
async def test_reason_for_standing_still_ends_every_wedge(bench: Bench, reason: str) -> None:
    bench.log.ends[ONE] = 3
    await bench.watch.look()
    await bench.watch.look()
    assert bench.watch.wedges

    if reason == "excused":
        bench.is_excused = True
    if reason == "silent broker":
        bench.log.is_down = True
    if reason == "not started":
        bench.consumer.assignment = set
    if reason == "rebalance":
        await bench.app.on_partitions_assigned.send(set())
        assert bench.watch.wedges == []
    await bench.watch.look()

    assert bench.watch.wedges == []


async def test_broker_that_is_away_knows_no_bounds_and_is_waited_for() -> None:
    clock = FrozenClock()
    broker_log = BrokerLog("127.0.0.1:1", "tests", clock)
    since = clock.now()

    outages = [broker_log.outage]
    for _ in range(2):
        assert await broker_log.bounds([ZERO]) is None
        outages.append(broker_log.outage)
        clock.advance(60)
    await broker_log.close()

    assert outages == [None, Outage("kafka", since, 1), Outage("kafka", since, 2)]
