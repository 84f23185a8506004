"""A worker that is paused, as a container or a laptop is, and goes on when its place is gone."""

from __future__ import annotations

import asyncio
import os
import signal
from uuid import uuid4

import psutil
import pytest

from huleedu_streams.embedded.probe import free_port
from huleedu_streams.embedded.process import wait_until
from huleedu_streams.topics.bootstrap import apply, member_client_ids
from huleedu_streams.topics.catalogue import catalogue
from tests.chaos.proxy import KafkaProxy
from tests.integration.essays import a_batch, completed_batch
from tests.integration.kafka import produce, until
from tests.integration.workers import RunningWorker, Site, talking_to, wait_until_ready

pytestmark = pytest.mark.kafka

SESSION_SECONDS = 6


async def a_stopped_process(site: Site) -> RunningWorker:
    """Return a worker that was ready, and stands still since its group took it for dead."""
    app_id = f"standstill-{uuid4().hex[:8]}"
    await apply(site.bootstrap, catalogue(app_id))
    worker = site.start(app_id, app_id=app_id, session_timeout_seconds=SESSION_SECONDS)
    wait_until_ready(worker)
    os.kill(worker.pid, signal.SIGSTOP)
    await until_it_has_no_members(site, app_id)
    return worker


async def until_it_has_no_members(site: Site, group: str) -> None:
    async def has_no_members() -> bool | None:
        return None if await member_client_ids(site.bootstrap, group) else True

    await until(has_no_members, "the group takes it for dead", 5 * SESSION_SECONDS)


async def test_worker_that_stood_still_for_longer_than_its_session_goes_on_as_a_new_one(
    site: Site,
) -> None:
    worker = await a_stopped_process(site)

    os.kill(worker.pid, signal.SIGCONT)

    assert wait_until(lambda: len(worker.entries("worker_starting")) == 2, 20), worker.log[-2000:]
    (entry,) = worker.entries("worker_stood_still")
    assert entry["seconds"] > SESSION_SECONDS / 2
    wait_until_ready(worker)
    children = psutil.Process(worker.pid).children(recursive=True)
    assert psutil.STATUS_ZOMBIE not in {child.status() for child in children}
    batch = await a_batch(site, 3)
    await produce(site.bootstrap, batch.events)
    async with talking_to(worker) as api:
        await completed_batch(api, batch.batch_id)
    assert worker.stop() == 0


async def test_worker_that_stood_still_in_an_outage_waits_for_its_end_however_long(
    site: Site,
) -> None:
    app_id = f"standstill-{uuid4().hex[:8]}"
    await apply(site.bootstrap, catalogue(app_id))
    proxy = KafkaProxy(free_port())
    proxy.target_port = int(site.bootstrap.rpartition(":")[2])
    await proxy.open()
    worker = site.start(
        app_id,
        app_id=app_id,
        broker_url=f"kafka://127.0.0.1:{proxy.port}",
        broker_wait_seconds=1,
        session_timeout_seconds=SESSION_SECONDS,
    )
    await asyncio.to_thread(wait_until_ready, worker)

    os.kill(worker.pid, signal.SIGSTOP)
    await proxy.close()
    await until_it_has_no_members(site, app_id)
    os.kill(worker.pid, signal.SIGCONT)

    # Each wait is twice the last one: more than a second in all.
    def has_waited() -> bool:
        return len(worker.entries("waiting_for_broker")) > 3

    assert await asyncio.to_thread(wait_until, has_waited, 30), worker.log[-2000:]
    await proxy.open()
    await asyncio.to_thread(wait_until_ready, worker)
    assert await asyncio.to_thread(worker.stop) == 0
    await proxy.close()


async def test_worker_that_is_told_to_stop_while_it_stands_still_does_not_start_again(
    site: Site,
) -> None:
    worker = await a_stopped_process(site)

    os.kill(worker.pid, signal.SIGTERM)
    os.kill(worker.pid, signal.SIGCONT)

    assert worker.exit_code(20) == 0
    assert len(worker.entries("worker_starting")) == 1
    # Its end may be as sudden as a kill's: connections are left to the system.
    site.workers.remove(worker)


@pytest.mark.parametrize("mark", ['"worker_stood_still"', "| pid "])
async def test_worker_that_is_told_to_stop_as_it_starts_again_stops(site: Site, mark: str) -> None:
    worker = await a_stopped_process(site)
    before = worker.log.count(mark)

    os.kill(worker.pid, signal.SIGCONT)
    assert wait_until(lambda: worker.log.count(mark) > before, 20), worker.log[-2000:]
    os.kill(worker.pid, signal.SIGTERM)

    assert worker.exit_code(20) == 0
    assert len(worker.entries("worker_starting")) == 1
    site.workers.remove(worker)
