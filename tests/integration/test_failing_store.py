"""A content store that fails: for one text, or as a whole."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest

from huleedu_streams.contracts.topic_names import dead_letter_topic
from tests.builders import REQUESTED
from tests.integration.content_server import serving_content
from tests.integration.essays import FAILED, SUCCESS, Batch, a_batch, completed_batch
from tests.integration.kafka import evict_members, produce, tapped, until
from tests.integration.workers import APP_ID, TEXT, Api, Site, talking_to, wait_until_ready

pytestmark = pytest.mark.kafka

TRIES = 3
# What is promised of an agent whose dependency came back.
GOES_ON_SECONDS = 10


async def buried(site: Site, batches: Iterable[Batch]) -> list[Any]:
    """Return the dead letters of these essays."""
    keys = {essay_id.encode() for batch in batches for essay_id in batch.essay_ids}
    async with tapped(site.bootstrap, dead_letter_topic(REQUESTED)) as tap:
        records = await tap.read_to_end()
    return [record for record in records if record.key in keys]


async def test_text_that_keeps_failing_fails_alone_and_blocks_nobody(site: Site) -> None:
    await evict_members(site.bootstrap, APP_ID)
    async with serving_content() as store:
        good, bad = uuid4().hex, uuid4().hex
        store.keep(good, TEXT)
        store.failing_id = bad
        failing, fine = await a_batch(site, 1, bad), await a_batch(site, 30, good)
        worker = site.start("one-text", content_store_url=store.url, text_tries=TRIES)
        wait_until_ready(worker)
        await produce(site.bootstrap, [*failing.events, *fine.events])
        async with talking_to(worker) as api:
            answers = [await completed_batch(api, each.batch_id) for each in (failing, fine)]
            row = await api.get(f"/v1/essays/{failing.essay_ids[0]}/status")
        assert worker.stop() == 0
        letters = await buried(site, (failing, fine))

    assert answers[0]["status_breakdown"] == {FAILED: 1}
    assert answers[1]["status_breakdown"] == {SUCCESS: len(fine.essay_ids)}
    assert row.body["current_status"] == FAILED
    assert store.asked[bad] == TRIES
    assert worker.entries("dependency_down") == []
    assert letters == []


async def test_agents_go_on_within_seconds_of_the_end_of_an_outage(site: Site) -> None:
    await evict_members(site.bootstrap, APP_ID)
    async with serving_content() as store:
        text = uuid4().hex
        store.keep(text, TEXT)
        store.is_down = True
        batch = await a_batch(site, 12, text)
        # As it is by default: the fast polls of other tests would prove nothing.
        worker = site.start("outage", content_store_url=store.url, dependency_poll_seconds=2)
        wait_until_ready(worker)
        await produce(site.bootstrap, batch.events)
        async with talking_to(worker) as api:
            # Longer than all the tries of one text together.
            await until(lambda: asked_again(api, 4), "the agent asks on and on", 30)
            store.is_down = False
            returned = time.monotonic()
            answer = await completed_batch(api, batch.batch_id)
            seconds = time.monotonic() - returned
            after = (await api.get("/readyz")).body
        assert worker.stop() == 0
        letters = await buried(site, [batch])

    assert answer["status_breakdown"] == {SUCCESS: len(batch.essay_ids)}
    assert seconds < GOES_ON_SECONDS
    assert after == {"status": "ready", "waiting_for": []}
    assert len(worker.entries("dependency_back")) == len(worker.entries("dependency_down"))
    assert letters == []


async def asked_again(api: Api, tries: int) -> bool | None:
    waits = (await api.get("/readyz")).body["waiting_for"]
    return True if waits and waits[0]["tries"] >= tries else None
