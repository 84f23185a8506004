"""/livez while a consumer really stands still, and while it only waits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.essays import SUCCESS, a_batch, completed_batch
from tests.integration.kafka import evict_members, produce, until
from tests.integration.workers import APP_ID, Api, Site, talking_to, wait_until_ready

pytestmark = pytest.mark.kafka

# More than a busy machine lets any partition wait that nothing holds.
LIMIT_SECONDS = 6
WATCHED = {"wedged_after_seconds": LIMIT_SECONDS, "spell_timeout_seconds": LIMIT_SECONDS - 1}
# Of six partitions each gets some of so many essays.
ENOUGH = 60
NOWHERE = "http://127.0.0.1:1/v1/content"


async def wedged(api: Api) -> dict[str, Any] | None:
    answer = await api.get("/livez")
    return answer.body if answer.status == 503 else None


async def catch_up(site: Site) -> None:
    """Have all handled that other tests left: a backlog fills the hands of the agent that stalls.

    Then nothing is read any more, and every partition is wedged indeed.
    """
    batch = await a_batch(site, ENOUGH)
    worker = site.start("wedged")
    wait_until_ready(worker)
    await produce(site.bootstrap, batch.events)
    async with talking_to(worker) as api:
        await completed_batch(api, batch.batch_id)
    assert worker.stop() == 0


async def test_stalled_partition_fails_livez_and_a_restart_mends_it(site: Site) -> None:
    await evict_members(site.bootstrap, APP_ID)
    await catch_up(site)
    first, second = await a_batch(site, 1), await a_batch(site, ENOUGH)
    worker = site.start("wedged", fault_points="before-ack@1:stall", **WATCHED)
    wait_until_ready(worker)

    async with talking_to(worker) as api:
        assert (await api.get("/livez")).status == 200
        await produce(site.bootstrap, first.events)
        await produce(site.bootstrap, second.events)
        problem = await until(lambda: wedged(api), "the wedge shows in /livez", 60)
        metrics = await api.metrics()
        ready = await api.get("/readyz")
        # Another partition goes on: it must not hide this one.
        last = await a_batch(site, ENOUGH)
        await produce(site.bootstrap, last.events)
        still = await wedged(api)
    assert worker.stop() == 0
    restarted = site.start("wedged", **WATCHED)
    wait_until_ready(restarted)
    async with talking_to(restarted) as api:
        answers = [await completed_batch(api, each.batch_id) for each in (first, second, last)]
        alive = await api.get("/livez")

    assert problem["error"] == "consumer-wedged"
    assert ".v1-0 " in problem["detail"]
    assert "restart this worker" in problem["detail"]
    assert {entry["partition"] for entry in worker.entries("consumer_wedged")} == {0}
    assert 'huleedu_partition_stalled_seconds{partition="0"' in metrics
    assert ready.status == 200
    assert still is not None
    assert all(set(answer["status_breakdown"]) == {SUCCESS} for answer in answers)
    assert alive.status == 200


async def test_outage_is_no_wedge_however_long_it_lasts(site: Site) -> None:
    batch = await a_batch(site, 12)
    worker = site.start("waiting", roles="spellcheck", content_store_url=NOWHERE, **WATCHED)
    wait_until_ready(worker)
    await produce(site.bootstrap, batch.events)

    async with talking_to(worker) as api:
        statuses = set()

        async def long_outage() -> dict[str, Any] | None:
            statuses.add((await api.get("/livez")).status)
            waits = (await api.get("/readyz")).body["waiting_for"]
            is_long = waits and seconds_since(waits[0]["since"]) > 2 * LIMIT_SECONDS
            return waits[0] if is_long else None

        wait = await until(long_outage, "an outage twice as long as the limit", 60)

    assert statuses == {200}
    assert wait["dependency"] == "content-store"
    assert wait["tries"] > 1
    assert len(worker.entries("dependency_down")) == 1
    assert worker.entries("consumer_wedged") == []


def seconds_since(moment: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
