"""Two workers of one group: either answers for every row, and neither ever denies one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.integration.essays import SUCCESS, Batch, a_batch, completed_batch
from tests.integration.kafka import evict_members, produce, until
from tests.integration.workers import (
    APP_ID,
    Answer,
    Api,
    Site,
    talking_to,
    wait_until_ready,
)

pytestmark = pytest.mark.kafka

ESSAY_COUNT = 200
# Kafka's default lower bound: how long a killed worker's partitions wait for their next owner.
SESSION_SECONDS = 6
_ASKED_AT_ONCE = 16
UNREACHABLE = 0


async def test_either_of_two_workers_answers_every_view_or_says_503(site: Site) -> None:
    batch = await a_batch(site, ESSAY_COUNT)
    await evict_members(site.bootstrap, APP_ID)
    first = site.start("first", session_timeout_seconds=SESSION_SECONDS)
    wait_until_ready(first)
    await produce(site.bootstrap, batch.events)

    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(talking_to(first))
        await completed_batch(one, batch.batch_id)
        second = site.start("second", session_timeout_seconds=SESSION_SECONDS)
        two = await stack.enter_async_context(talking_to(second))

        while_joining = await statuses_until(both_answer(one, two, batch), one, two, batch)
        for api in (one, two):
            await assert_every_view_is_right(api, batch)
        rows_apart = [len(worker.rows("essays")) for worker in (first, second)]
        second.kill()
        while_failing_over = await statuses_until(all_answer(one, batch), one, two, batch)
        await assert_every_view_is_right(one, batch)

    # A false 404 would be the one answer that misleads.
    assert set(while_joining) <= {200, 503, UNREACHABLE}, while_joining
    assert set(while_failing_over) <= {200, 503, UNREACHABLE}, while_failing_over
    assert while_joining[503] + while_failing_over[503] > 0
    assert min(rows_apart) > 0


def both_answer(one: Api, two: Api, batch: Batch) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await all_answer(one, batch)() and await all_answer(two, batch)()

    return ask


def all_answer(api: Api, batch: Batch) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        answers = [await status_of(api, essay_id) for essay_id in batch.essay_ids[:24]]
        return set(answers) == {200}

    return ask


async def statuses_until(
    is_over: Callable[[], Awaitable[bool]], one: Api, two: Api, batch: Batch
) -> Counter[int]:
    """Ask both workers for essays all the time; return how often they said what."""
    seen: Counter[int] = Counter()

    async def ask() -> bool | None:
        for essay_id in batch.essay_ids[:24]:
            seen.update([await status_of(one, essay_id), await status_of(two, essay_id)])
        return True if await is_over() else None

    await until(ask, "every essay is answered again", 60)
    return seen


async def status_of(api: Api, essay_id: str) -> int:
    try:
        return (await api.get(f"/v1/essays/{essay_id}/status")).status
    except (aiohttp.ClientError, OSError):
        return UNREACHABLE


async def assert_every_view_is_right(api: Api, batch: Batch) -> None:
    slots = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def get(path: str) -> Answer:
        async with slots:
            answer = await api.get(path)
        assert answer.status == 200, (path, answer)
        return answer

    async def check(essay_id: str) -> None:
        status = (await get(f"/v1/essays/{essay_id}/status")).body
        timeline = (await get(f"/v1/essays/{essay_id}/timeline")).body
        corrections = (await get(f"/v1/essays/{essay_id}/corrections")).body
        assert status["essay_id"] == timeline["essay_id"] == corrections["essay_id"] == essay_id
        assert status["current_status"] == timeline["current_status"] == SUCCESS
        assert status["batch_id"] == batch.batch_id
        assert status["corrections_made"] == len(corrections["corrections"]) > 0
        assert [entry["status"] for entry in timeline["timeline"]][-1] == SUCCESS

    await asyncio.gather(*map(check, batch.essay_ids))
    answer = (await get(f"/v1/batches/{batch.batch_id}/status")).body
    assert answer["total_essays"] == ESSAY_COUNT
    assert answer["status_breakdown"] == {SUCCESS: ESSAY_COUNT}
