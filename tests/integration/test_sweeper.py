"""What is stuck: a speller that never answers, essays that never come; and what merely waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from huleedu_streams.contracts.enums import ErrorCode
from huleedu_streams.domain.batches import PhaseOutcome
from huleedu_streams.domain.resending import MAX_RESENDS
from huleedu_streams.processors.batches import deadline_id
from tests.builders import COMPLETED, PHASE_COMPLETED, REGISTERED, REQUESTED
from tests.integration.content_server import serving_content
from tests.integration.essays import FAILED, SUCCESS, a_batch, completed_batch
from tests.integration.kafka import evict_members, produce, tapped, until
from tests.integration.workers import APP_ID, TEXT, Site, talking_to, wait_until_ready

pytestmark = pytest.mark.kafka


@asynccontextmanager
async def silent_speller(bootstrap: str) -> AsyncIterator[str]:
    """Run a group that reads every request, commits, and answers none; yield its name."""
    group = f"silent-{uuid4().hex}"
    consumer = AIOKafkaConsumer(
        REQUESTED, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest"
    )
    await consumer.start()

    async def read() -> None:
        while True:
            if await consumer.getmany(timeout_ms=50):
                await consumer.commit()

    reading = asyncio.create_task(read())
    try:
        yield group
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        await consumer.stop()


async def test_request_that_nobody_answers_is_asked_again_and_fails_at_last(site: Site) -> None:
    await evict_members(site.bootstrap, APP_ID)
    batch = await a_batch(site, 2)
    async with silent_speller(site.bootstrap) as group:
        worker = site.start(
            "unanswered", roles="lifecycle", spellcheck_group=group, stuck_after_seconds=1
        )
        wait_until_ready(worker)
        await produce(site.bootstrap, batch.events)
        async with talking_to(worker) as api:
            answer = await completed_batch(api, batch.batch_id, seconds=60)
            essay = (await api.get(f"/v1/essays/{batch.essay_ids[0]}/status")).body
            metrics = await api.metrics()
        assert worker.stop() == 0
    async with tapped(site.bootstrap, REQUESTED, COMPLETED) as tap:
        await tap.read_to_end()

    assert answer["outcome"] == PhaseOutcome.FAILED_CRITICALLY
    assert answer["status_breakdown"] == {FAILED: 2}
    assert essay["current_status"] == FAILED
    for essay_id in batch.essay_ids:
        first, *resends = {each.event_id: each for each in tap.events(REQUESTED, essay_id)}.values()
        assert [each.resend_count for each in resends] == list(range(1, MAX_RESENDS + 1))
        assert {each.resend_of for each in resends} == {str(first.event_id)}
        assert {each.correlation_id for each in resends} == {first.correlation_id}
        assert {each.data.text_storage_id for each in resends} == {first.data.text_storage_id}
        failure, *repeats = tap.events(COMPLETED, essay_id)
        assert {each.event_id for each in repeats} <= {failure.event_id}
        assert failure.causation_id == str(resends[-1].event_id)
        assert failure.data.system_metadata.error_info["error_code"] == ErrorCode.TIMEOUT
    assert 'huleedu_swept_total{action="give-up"}' in metrics


async def test_content_outage_longer_than_the_limit_asks_nothing_again(site: Site) -> None:
    await evict_members(site.bootstrap, APP_ID)
    async with serving_content() as store:
        text = uuid4().hex
        store.keep(text, TEXT)
        store.is_down = True
        batch = await a_batch(site, 8, text)
        worker = site.start("waiting", content_store_url=store.url, stuck_after_seconds=1)
        wait_until_ready(worker)
        await produce(site.bootstrap, batch.events)
        async with talking_to(worker) as api:

            async def swept_often() -> bool | None:
                lines = (await api.metrics()).splitlines()
                done = [x for x in lines if x.startswith('huleedu_sweeps_total{outcome="done"}')]
                return True if done and float(done[0].split()[-1]) >= 30 else None

            # A sweep is a tenth of the limit.
            await until(swept_often, "30 sweeps", 60)
            store.is_down = False
            answer = await completed_batch(api, batch.batch_id)
        assert worker.stop() == 0
    async with tapped(site.bootstrap, REQUESTED) as tap:
        await tap.read_to_end()

    assert answer["status_breakdown"] == {SUCCESS: len(batch.essay_ids)}
    assert {len(tap.events(REQUESTED, essay_id)) for essay_id in batch.essay_ids} == {1}


async def test_batch_past_its_deadline_lists_what_is_missing(site: Site) -> None:
    await evict_members(site.bootstrap, APP_ID)
    batch = await a_batch(site, 5)
    registration, *requests = batch.events
    worker = site.start("deadline", batch_deadline_seconds=2)
    wait_until_ready(worker)
    await produce(site.bootstrap, [registration, *requests[:3]])
    async with talking_to(worker) as api:
        answer = await completed_batch(api, batch.batch_id, seconds=60)
        await produce(site.bootstrap, requests[3:])

        async def all_counted() -> dict[str, object] | None:
            after = (await api.get(f"/v1/batches/{batch.batch_id}/status")).body
            return after if after["status_breakdown"] == {SUCCESS: 5} else None

        after = await until(all_counted, "late results are counted")
    assert worker.stop() == 0
    async with tapped(site.bootstrap, PHASE_COMPLETED, REGISTERED) as tap:
        await tap.read_to_end()
        told = tap.events(PHASE_COMPLETED, batch.batch_id)
        registrations = tap.events(REGISTERED, batch.batch_id)

    assert answer["status_breakdown"] == {SUCCESS: 3}
    assert after["outcome"] == answer["outcome"] == PhaseOutcome.COMPLETED_WITH_FAILURES
    assert len({each.event_id for each in told}) == 1
    assert told[0].data.missing_essay_ids == sorted(batch.essay_ids[3:])
    assert (told[0].data.successful, told[0].data.failed) == (3, 0)
    ids = [each.event_id for each in registrations]
    assert set(ids[1:]) == {deadline_id(str(registration.event_id))}
