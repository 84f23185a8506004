"""Schedules of faults. The seed draws what the schedule leaves open."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tests.chaos import faults
from tests.chaos.plan import Sizes
from tests.chaos.site import Site


@dataclass(frozen=True, slots=True)
class Scenario:
    """A schedule and how much work it is made for."""

    play: Callable[[Site, random.Random], Awaitable[None]]
    sizes: Sizes


async def smoke(site: Site, _rng: random.Random) -> None:
    """One worker, one kill."""
    await faults.start(site, "a")
    site.producer.release(0.2)
    await site.until_done(0.1)
    await faults.sigkill_with_held_produce(site, "a", release=0.6)
    await site.until_settled()


async def gate(site: Site, rng: random.Random) -> None:
    """Three SIGKILLs, a content outage with one of them, a wipe, a broker bounce, two workers."""
    producer = site.producer
    producer.rate_per_second = 1_000
    await faults.start(site, "a")
    producer.release(0.15)
    await site.until_done(0.06)
    # One worker alone: it gets its partitions back, with its own RocksDB folders.
    await faults.sigkill_with_held_produce(site, "a", release=0.3)
    await faults.die_at(site, "b", *faults.a_fault_point(rng), release=0.5)
    await site.until_done(rng.uniform(0.4, 0.48))
    await faults.refuse_content(site, 6, release=0.7, kill="b")
    await site.until_done(0.65)
    producer.release(0.9)
    await faults.bounce_broker(site, 2)
    await site.until_settled()


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "smoke": Scenario(smoke, Sizes(essays=200, poison=20, specials=1)),
        "gate": Scenario(gate, Sizes(essays=2_000, poison=50)),
    }
)
