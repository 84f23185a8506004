"""Dead letters of a real worker: back after a fix, or buried again as they were."""

from __future__ import annotations

import re
from functools import partial
from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from huleedu_streams.contracts import burials, dead_letters
from huleedu_streams.contracts.topic_names import dead_letter_topic
from tests.builders import REQUESTED
from tests.integration.essays import SUCCESS, Batch, a_batch, completed_batch
from tests.integration.kafka import administering, evict_members, produce, tapped, until
from tests.integration.letters import Dlt, cases, header, put
from tests.integration.workers import APP_ID, Api, RunningWorker, Site, talking_to, wait_until_ready

pytestmark = pytest.mark.kafka

LETTERS = dead_letter_topic(REQUESTED)
ADDED = len(dead_letters.PROVENANCE)
ROUNDS = 3


async def nothing_lags(api: Api) -> bool:
    """Wait until the worker says that it has processed all there is."""

    async def ask() -> bool | None:
        lines = re.findall(
            r"^huleedu_consumer_lag_messages\{.*\} (\S+)$", await api.metrics(), re.MULTILINE
        )
        return True if lines and not any(map(float, lines)) else None

    return await until(ask, "no lag", 30)


async def is_committed(bootstrap: str, letter: ConsumerRecord) -> bool | None:
    """Whether the workers have committed past the record that `letter` was made of."""
    added = dict(letter.headers)
    place = TopicPartition(REQUESTED, int(added[dead_letters.PARTITION]))
    async with administering(bootstrap) as admin:
        committed = await admin.list_consumer_group_offsets(APP_ID, partitions=[place])
    return committed[place].offset > int(added[dead_letters.OFFSET]) or None


async def buried_requests(site: Site, essay_count: int) -> Batch:
    """Return a batch whose requests a worker with too low a limit has dead-lettered."""
    batch = await a_batch(site, essay_count)
    registration, *requests = batch.events
    filled = [one.model_copy(update={"metadata": {"filler": "x" * 5000}}) for one in requests]
    strict = site.start("strict", event_max_bytes=4096)
    wait_until_ready(strict)
    await produce(site.bootstrap, [registration, *filled])
    async with tapped(site.bootstrap, LETTERS) as tap:
        await tap.until(
            lambda records: (
                {record.key.decode() for record in records if record.key} >= set(batch.essay_ids)
            ),
            "each has its letter",
        )
    strict.stop()
    return batch


async def completed(worker: RunningWorker, batch: Batch) -> dict[str, int]:
    """Return how many essays of the batch stand how, once it is complete and nothing lags."""
    async with talking_to(worker) as api:
        answer = await completed_batch(api, batch.batch_id)
        assert await nothing_lags(api)
    counts: dict[str, int] = answer["status_breakdown"]
    return counts


async def test_letters_are_processed_when_they_come_back_after_a_fix(site: Site) -> None:
    dlt = Dlt(site.bootstrap, REQUESTED)
    await evict_members(site.bootstrap, APP_ID)
    batch = await buried_requests(site, 6)
    keys = [word for essay_id in batch.essay_ids for word in ("--key", essay_id)]
    mended = site.start("mended")
    wait_until_ready(mended)

    listed = await dlt.rows("list", *keys)
    # One at a time: the topic gets an end of a transaction behind each record.
    for _ in batch.essay_ids:
        await dlt.rows("replay", *keys, "--yes", "--limit", "1")
    counts = await completed(mended, batch)
    again = await dlt.rows("replay", *keys, "--yes")

    assert sorted(row["key"] for row in listed) == sorted(batch.essay_ids)
    assert {row["reason"] for row in listed} == {"oversize"}
    assert counts == {SUCCESS: len(batch.essay_ids)}
    assert [row["fate"] for row in again] == ["already-replayed"] * len(batch.essay_ids)
    assert mended.entries("dead_lettered") == []


async def test_worker_starts_again_behind_the_end_of_a_transaction(site: Site) -> None:
    site.workers[-1].stop()
    worker = site.start("mended")
    wait_until_ready(worker)
    batch = await a_batch(site, 12)

    await produce(site.bootstrap, batch.events)

    assert await completed(worker, batch) == {SUCCESS: len(batch.essay_ids)}
    assert worker.entries("dead_lettered") == []


@pytest.mark.parametrize(
    ("key", "value"),
    [(b"essay-1", b"{\xff"), (b"\xff", b""), (b"essay-1", None), (None, b"[]"), (None, None)],
)
async def test_poison_that_comes_back_is_buried_again_as_it_was(
    site: Site, key: bytes | None, value: bytes | None
) -> None:
    case = uuid4().hex
    headers = (("case", case.encode()), ("twice", b"1"), ("twice", b"2"), ("raw", b"\xff\x00"))
    dlt = Dlt(site.bootstrap, REQUESTED)
    worker = site.workers[-1]

    partition, _ = await put(site.bootstrap, REQUESTED, key, value, headers)
    async with tapped(site.bootstrap, LETTERS) as tap:

        async def letter(number: int) -> ConsumerRecord:
            await tap.until(lambda records: cases(records).count(case) == number, f"{number} of it")
            return [record for record in tap.records if case in cases([record])][-1]

        before = last = await letter(1)
        for number in range(2, ROUNDS + 2):
            await dlt.rows("replay", "--yes", "--offset", f"{last.partition}/{last.offset}")
            before, last = last, await letter(number)

    # Else the next worker would meet the last of it again.
    await until(partial(is_committed, site.bootstrap, last), "a commit past it")

    assert worker.child.is_alive()
    assert (last.key, last.value) == (key, value)
    assert last.headers[: len(headers)] == headers
    assert len(last.headers) == len(headers) + 1 + ADDED
    (source,) = header(last.headers, burials.REPLAYED_FROM)
    assert source == f"{LETTERS}/{before.partition}/{before.offset}".encode()
    assert header(last.headers, dead_letters.PARTITION) == [str(partition).encode()]
