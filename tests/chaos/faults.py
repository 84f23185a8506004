"""What is done to a running site. Each kill asserts that the run is not over."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping

from tests.chaos.site import COMMIT_SECONDS, Site, StalledError
from tests.chaos.store import Behaviour
from tests.chaos.workers import Worker

POINTS = ("after-table-write", "after-send", "before-ack")
_EARLIEST, _LATEST = 0.05, 0.95
_LEAST_WAITING = 0.01


def note_kill(site: Site, worker: Worker, how: str) -> None:
    """Assert that there is work to lose, and count the kill.

    Raises:
        AssertionError: the work has hardly begun or is as good as over.
    """
    done, waiting = site.done, site.sent - site.done
    site.note("kill", worker=worker.name, how=how, done=round(done, 4), sent=round(site.sent, 4))
    assert _EARLIEST <= done <= _LATEST, f"{how} at {done:.1%} of the work proves nothing"
    assert waiting > 0, f"{how} with nothing to do proves nothing"
    site.tally.kills.append(done)


async def start(site: Site, *names: str) -> None:
    """Start workers and wait until all that should run are ready."""
    for name in names:
        site.worker(name).start()
        site.tally.rebalances += 1
        site.note("start", worker=name)
    await site.until_ready(f"start of {', '.join(names)}")


async def start_without_broker(site: Site, *names: str) -> None:
    """Start workers while nobody is there, and the broker after them."""
    site.note("broker killed")
    site.cluster.kill()
    for name in names:
        site.worker(name).start()
        site.tally.rebalances += 1
        site.note("start", worker=name)
    await asyncio.sleep(3)
    await site.cluster.start()
    await site.until_ready("broker there at last")


async def sigkill(
    site: Site, name: str, *, release: float | None = None, is_wiped: bool = False
) -> None:
    """SIGKILL a worker and start it again at once, with its RocksDB folders or without.

    Args:
        release: Up to this share of the records go out first, so that there is work to lose.
    """
    worker = site.worker(name)
    await let_out(site, release)
    note_kill(site, worker, "SIGKILL, wiped" if is_wiped else "SIGKILL")
    worker.kill()
    await start_again(site, worker, is_wiped=is_wiped)


async def sigkill_with_held_produce(site: Site, name: str, *, release: float | None = None) -> None:
    """Hold what workers produce while all else passes, then SIGKILL one and drop what was held.

    Whatever is acknowledged meanwhile was acknowledged without its outputs; the hold outlasts the
    commit interval, so that such offsets are committed by then.
    """
    worker = site.worker(name)
    site.note("hold produce")
    site.proxy.hold_produce()
    await let_out(site, release)
    await asyncio.sleep(2.5 * COMMIT_SECONDS)
    note_kill(site, worker, "SIGKILL while produce is held")
    worker.kill()
    dropped = site.proxy.cut_produce()
    site.proxy.flow()
    site.note("flow", dropped_connections=dropped)
    await start_again(site, worker)


async def die_at(
    site: Site, name: str, point: str, passes: int, *, release: float | None = None
) -> None:
    """Let a worker, started again for it, kill itself at a fault point; then start it once more."""
    worker = site.worker(name)
    if worker.is_running:
        await stop(site, name)
    worker.start({"fault_points": f"{point}@{passes}"})
    worker.life.was_meant = True  # it will end by itself
    site.tally.rebalances += 1
    site.note("armed", worker=name, point=point, passes=passes)
    while worker.is_running and not await worker.is_ready(site.session):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    await let_out(site, release)
    await site.until(lambda: not worker.is_running, f"{name} dies at {point}@{passes}")
    note_kill(site, worker, f"{point}@{passes}")
    await start_again(site, worker)


async def let_out(site: Site, share: float | None) -> None:
    """Let more work out, and wait until some of it is there."""
    if share is not None:
        site.producer.release(share)
    await site.until(lambda: site.done + _LEAST_WAITING < site.sent, "some work to do")


async def start_again(
    site: Site,
    worker: Worker,
    *,
    is_wiped: bool = False,
    settings: Mapping[str, object] | None = None,
) -> None:
    """Start a worker that was killed; `settings` are for this life only."""
    if is_wiped:
        worker.wipe()
        site.note("wipe", worker=worker.name)
    worker.start(settings or {})
    site.tally.rebalances += 2  # the dead one leaves, the new one joins
    await site.until_ready(f"{worker.name} killed")


async def stop(site: Site, name: str) -> None:
    """SIGTERM a worker; how it ended is kept."""
    code, seconds = await site.worker(name).stop()
    site.tally.stops.append((code, seconds))
    site.tally.rebalances += 1
    site.note("stop", worker=name, code=code, seconds=round(seconds, 2))


async def roll(site: Site, *names: str) -> None:
    """SIGTERM and start each worker in turn."""
    for name in names:
        await stop(site, name)
        await start(site, name)


async def bounce_broker(site: Site, down_seconds: float) -> None:
    """SIGKILL the broker and start it again."""
    site.note("broker killed")
    site.cluster.kill()
    await asyncio.sleep(down_seconds)
    await site.cluster.start()
    site.tally.rebalances += len(site.wanted)
    site.note("broker back", after=down_seconds)
    await site.until_ready("broker back")


async def bounce_node(site: Site, number: int, down_seconds: float) -> None:
    """SIGKILL one node of three and start it again; the others go on."""
    nodes = site.nodes
    site.note("node killed", node=number, done=round(site.done, 4))
    await asyncio.to_thread(nodes.kill, number)
    site.tally.rebalances += len(site.wanted)
    await resume(site, f"work goes on without node {number}")
    await asyncio.sleep(down_seconds)
    await asyncio.to_thread(nodes.start_again, number)
    site.tally.rebalances += len(site.wanted)
    await site.until_ready(f"node {number} back")


async def refuse_content(
    site: Site, seconds: float, *, release: float | None = None, kill: str | None = None
) -> None:
    """Have nobody listen where the content store was.

    Args:
        release: Up to this share of the records go out meanwhile.
        kill: A worker to SIGKILL meanwhile, with all that it waits to do, and to start again
            without its RocksDB folders.
    """
    site.note("content refused")
    await site.store.refuse()
    if release is not None:
        site.producer.release(release)
    await asyncio.sleep(seconds)
    if kill is not None:
        await sigkill(site, kill, is_wiped=True)
    await site.store.accept()
    await resume(site, "content back")


async def trouble_content(site: Site, behaviour: Behaviour, seconds: float) -> None:
    """Have the content store as a whole behave badly."""
    site.note("content trouble", behaviour=behaviour.value)
    site.store.behaviour = behaviour
    await asyncio.sleep(seconds)
    site.store.behaviour = Behaviour.WELL
    await resume(site, f"content well after {behaviour}")


async def trouble_network(site: Site, how: str, seconds: float) -> None:
    """Delay, cut, reset or freeze the connections between workers and broker."""
    site.note("network trouble", how=how)
    if how == "latency":
        site.proxy.latency_seconds = 0.2
    elif how == "cut":
        site.proxy.cut()
    elif how == "reset":
        site.proxy.reset()
    else:
        site.proxy.hold_all()
        site.tally.rebalances += len(site.wanted)
    await asyncio.sleep(seconds)
    if how == "half-open":
        site.proxy.cut()
    site.proxy.flow()
    await resume(site, f"network well after {how}")


async def resume(site: Site, why: str) -> None:
    """Measure how long it takes until essays come to rest again."""
    before, began = site.done, time.monotonic()
    if before + _LEAST_WAITING < site.sent:
        with contextlib.suppress(StalledError):  # the seconds tell
            await site.until(lambda: site.done > before, f"work goes on: {why}", 30)
    seconds = time.monotonic() - began
    site.tally.resume_seconds.append(seconds)
    site.note(why, resumed_after=round(seconds, 2))


def a_fault_point(rng: random.Random) -> tuple[str, int]:
    return rng.choice(POINTS), rng.randint(10, 60)
