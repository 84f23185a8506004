"""Schedules of faults. The seed draws what the schedule leaves open."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tests.chaos import faults, harm, wire
from tests.chaos.plan import Sizes
from tests.chaos.site import Site
from tests.chaos.store import Behaviour


@dataclass(frozen=True, slots=True)
class Scenario:
    """A schedule and how much work it is made for."""

    play: Callable[[Site, random.Random], Awaitable[None]]
    sizes: Sizes
    has_three_nodes: bool = False


async def smoke(site: Site, _rng: random.Random) -> None:
    """One worker, one kill."""
    await faults.start(site, "a")
    site.producer.release(0.2)
    await site.until_done(0.1)
    await faults.sigkill_with_held_produce(site, "a", release=0.6)
    await site.until_settled()


async def gate(site: Site, rng: random.Random) -> None:
    """Four SIGKILLs, with an outage, a wipe, a damaged disk; a zombie; a broker's crash."""
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
    await site.until_done(0.6)
    await harm.damage(site, "a", "empty CURRENT", release=0.75)
    await site.until_done(0.7)
    await harm.freeze(site, "b", release=0.85)
    await site.until_done(0.8)
    producer.release(0.95)
    await faults.bounce_broker(site, 2)
    await site.until_settled()


async def calm(site: Site, _rng: random.Random) -> None:
    """No fault, and slow texts among the others."""
    await faults.start(site, "a", "b")
    await _let_the_calm_out(site)
    await site.until_settled()


async def full(site: Site, rng: random.Random) -> None:
    """Every fault there is, in an order that the seed draws, ten SIGKILLs among them."""
    await faults.start_without_broker(site, "a", "b")
    await _let_the_calm_out(site)
    site.producer.rate_per_second = 1_000
    first = site.plan.calm_share
    phases = _phases(rng)
    rng.shuffle(phases)
    for number, phase in enumerate(phases):
        share = first + (_LAST_SHARE - first) * (number + 1) / len(phases)
        await site.until_done(share - 2 * _STEP)
        await phase(site, share)
    await site.until_settled()


async def _let_the_calm_out(site: Site) -> None:
    site.producer.rate_per_second = _CALM_RATE
    site.producer.release(site.plan.calm_share)
    await site.until_bombs_are_over()


_LAST_SHARE, _STEP = 0.95, 0.02
# What two workers on two cores have done as soon as it comes.
_CALM_RATE = 30.0
Phase = Callable[[Site, float], Awaitable[None]]


def _phases(rng: random.Random) -> list[Phase]:
    """Return what happens to the site, each with the share of the records to let out for it."""
    kills: list[Phase] = [_killing(rng.choice("ab"), is_wiped=is_wiped) for is_wiped in _WIPES]
    points: list[Phase] = [_dying_at(rng.choice("ab"), point, rng) for point in faults.POINTS]
    networks: list[Phase] = [_network(how) for how in ("latency", "cut", "reset", "half-open")]
    stores: list[Phase] = [_store(how) for how in Behaviour if how not in _NO_TROUBLE]
    stores += [_store(how, 40) for how in (Behaviour.TRUNCATED, Behaviour.NO_WRITES)]
    harms = [_harming(rng.choice("ab"), how) for how in harm.DAMAGES]
    harms += [_freezing("a"), _freezing("b"), _skewing("a", 5), _skewing("b", -5)]
    harms += [_filling(rng.choice("ab")), _unspelling(rng.choice("ab"))]
    others = [_hold, _roll, _storm, _bounce, _down, _outage]
    return [*kills, *points, *networks, *stores, *harms, *others]


_WIPES = (False, False, False, True, False, True)
_NO_TROUBLE = {Behaviour.WELL, Behaviour.REFUSE_DERIVED}


def _killing(name: str, *, is_wiped: bool) -> Phase:
    async def phase(site: Site, share: float) -> None:
        await faults.sigkill(site, name, release=share, is_wiped=is_wiped)

    return phase


def _dying_at(name: str, point: str, rng: random.Random) -> Phase:
    async def phase(site: Site, share: float) -> None:
        await faults.die_at(site, name, point, rng.randint(10, 60), release=share)

    return phase


def _harming(name: str, how: str) -> Phase:
    return lambda site, share: harm.damage(site, name, how, release=share)


def _freezing(name: str) -> Phase:
    return lambda site, share: harm.freeze(site, name, release=share)


def _skewing(name: str, hours: int) -> Phase:
    return lambda site, share: harm.skew(site, name, hours, release=share)


def _filling(name: str) -> Phase:
    return lambda site, share: harm.fill_disk(site, name, release=share)


def _unspelling(name: str) -> Phase:
    return lambda site, share: harm.kill_spellers(site, name, release=share)


def _network(how: str) -> Phase:
    async def phase(site: Site, share: float) -> None:
        site.producer.release(share)
        await faults.trouble_network(site, how, 8)
        await site.until_ready(f"after network {how}")

    return phase


def _store(how: Behaviour, seconds: float = 5) -> Phase:
    async def phase(site: Site, share: float) -> None:
        site.producer.release(share)
        await faults.trouble_content(site, how, seconds)

    return phase


async def _hold(site: Site, share: float) -> None:
    await faults.sigkill_with_held_produce(site, "a", release=share)


async def _roll(site: Site, share: float) -> None:
    site.producer.release(share)
    await faults.roll(site, "a", "b")


async def _storm(site: Site, share: float) -> None:
    """A third worker comes and goes, six times."""
    site.producer.release(share)
    for _ in range(6):
        await faults.start(site, "c")
        await faults.stop(site, "c")
    await site.until_ready("after the storm")


async def _bounce(site: Site, share: float) -> None:
    site.producer.release(share)
    await faults.bounce_broker(site, 2)


async def _down(site: Site, share: float) -> None:
    site.producer.release(share)
    await faults.bounce_broker(site, 70)


async def _outage(site: Site, share: float) -> None:
    await faults.refuse_content(site, 180, release=share, kill="b")


async def cluster(site: Site, rng: random.Random) -> None:
    """Three nodes: one that leads what is read, and the one that leads the others, crash."""
    producer, nodes = site.producer, site.nodes
    producer.rate_per_second = 500
    await faults.start(site, "a", "b")
    producer.release(0.3)
    await site.until_done(0.1)
    leader = await asyncio.to_thread(nodes.leader_of, wire.REQUESTED, rng.randrange(6))
    await faults.bounce_node(site, leader, 8)
    await faults.sigkill(site, "a", release=0.6)
    await site.until_done(0.4)
    producer.release(0.9)
    await faults.bounce_node(site, await asyncio.to_thread(nodes.controller), 8)
    await site.until_settled()


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "smoke": Scenario(smoke, Sizes(essays=200, poison=20, specials=1)),
        "cluster": Scenario(cluster, Sizes(essays=2_000, poison=20), has_three_nodes=True),
        "gate": Scenario(gate, Sizes(essays=2_000, poison=50)),
        "calm": Scenario(calm, Sizes(essays=1_600, poison=20, calm_bombs=3, calm_share=1.0)),
        "full": Scenario(
            full,
            Sizes(essays=20_000, poison=500, specials=10, large_texts=3, cpu_bombs=3, calm_bombs=3),
        ),
    }
)
