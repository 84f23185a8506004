from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from huleedu_streams.agents import dependencies
from huleedu_streams.agents.dependencies import Dependency, Trouble
from huleedu_streams.metrics import Metrics
from tests.awaiting import eventually
from tests.component.agents.streams import Store
from tests.fakes import FrozenClock


class Bench:
    """A dependency that is down, asked without pause."""

    def __init__(self) -> None:
        self.registry, self.clock, self.store = (
            CollectorRegistry(),
            FrozenClock(),
            Store(is_up=False),
        )
        self.dependency = Dependency(
            "content-store",
            self.store.is_healthy,
            self.clock,
            Metrics(self.registry),
            poll_seconds=0.001,
        )

    @property
    def waiting(self) -> float | None:
        labels = {"dependency": "content-store"}
        return self.registry.get_sample_value("huleedu_dependency_waiting", labels)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.dependency.close()


async def test_wait_says_since_when_and_how_often_it_was_asked(bench: Bench) -> None:
    since = bench.clock.now()
    waits = [asyncio.create_task(bench.dependency.wait_until_healthy()) for _ in range(3)]

    await eventually(lambda: bench.store.probes >= 4)
    bench.clock.advance(60)

    outage = bench.dependency.outage
    assert outage is not None
    assert (outage.dependency, outage.since) == ("content-store", since)
    # One poller for all three.
    assert 4 <= outage.tries <= bench.store.probes + 1
    assert bench.waiting == 3
    bench.store.is_up = True
    await asyncio.gather(*waits)


async def test_end_of_an_outage_ends_the_wait_of_all(bench: Bench) -> None:
    before = (bench.dependency.outage, bench.waiting)
    waits = [asyncio.create_task(bench.dependency.wait_until_healthy()) for _ in range(3)]
    await eventually(lambda: bench.dependency.outage is not None)

    bench.store.is_up = True
    await asyncio.gather(*waits)

    assert (bench.dependency.outage, bench.waiting) == before == (None, 0)


async def test_next_outage_is_counted_from_its_own_begin(bench: Bench) -> None:
    for _ in range(2):
        bench.store.is_up = False
        began = bench.clock.now()
        wait = asyncio.create_task(bench.dependency.wait_until_healthy())
        await eventually(lambda: bench.dependency.outage is not None)
        outage = bench.dependency.outage
        bench.store.is_up = True
        await wait
        bench.clock.advance(60)

        assert outage is not None
        assert outage.since == began
        assert outage.tries <= 3


async def test_trouble_is_shared_while_several_fail_and_none_is_served(bench: Bench) -> None:
    one, other = Trouble(bench.dependency), Trouble(bench.dependency)

    one.failed()
    alone = one.is_shared
    other.failed()
    together = one.is_shared
    bench.dependency.served += 1
    others_served = one.is_shared

    assert (alone, together, others_served) == (False, True, False)


async def test_trouble_of_few_is_shared_no_longer_than_an_event_may_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependencies, "INSIST_SECONDS", 0.0)
    few = [Trouble(bench.dependency) for _ in range(2)]
    for one in few:
        one.failed()
    shared_by_few = few[0].is_shared
    many = [Trouble(bench.dependency) for _ in range(6)]
    for one in many:
        one.failed()

    shared_by_many = few[0].is_shared

    assert few[0].is_long
    assert (shared_by_few, shared_by_many) == (False, True)


async def test_trouble_of_others_ends_with_them(bench: Bench) -> None:
    one, other = Trouble(bench.dependency), Trouble(bench.dependency)
    one.failed()
    other.failed()
    other.failed()

    other.ended()
    other.ended()

    assert not one.is_shared
    assert bench.dependency.failing == 1
