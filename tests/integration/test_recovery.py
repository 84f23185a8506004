"""Workers that die: no row and no output is lost, whenever it happens."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from tests.builders import COMPLETED, PHASE_COMPLETED, STATE_UPDATED
from tests.integration.essays import SUCCESS, Batch, a_batch, completed_batch
from tests.integration.kafka import evict_members, produce, tapped
from tests.integration.workers import (
    APP_ID,
    TABLES,
    RunningWorker,
    Site,
    talking_to,
    wait_until_ready,
)

pytestmark = pytest.mark.kafka

# Each dies later in the batch than the one before: a point is passed anew by every process.
FAULTS = ("after-table-write@9", "after-send@17", "before-ack@25")


async def start(site: Site, name: str, **settings: object) -> RunningWorker:
    """Start the only worker of the group, those before it being dead."""
    await evict_members(site.bootstrap, APP_ID)
    return site.start(name, **settings)


def all_rows(worker: RunningWorker) -> dict[str, str]:
    return {table: json.dumps(worker.rows(table), sort_keys=True) for table in TABLES}


async def test_killed_worker_keeps_its_rows_and_a_wiped_one_rebuilds_them(site: Site) -> None:
    batch = await a_batch(site, 30)
    worker = await start(site, "killed")
    wait_until_ready(worker)
    await produce(site.bootstrap, batch.events)
    async with talking_to(worker) as api:
        await completed_batch(api, batch.batch_id)
    before = all_rows(worker)
    worker.kill()

    restarted = await start(site, "killed")
    wait_until_ready(restarted)
    after_kill = all_rows(restarted)
    restarted.kill()
    shutil.rmtree(restarted.data_dir)
    rebuilt = await start(site, "killed")
    wait_until_ready(rebuilt)
    after_wipe = all_rows(rebuilt)
    rebuilt.stop()

    assert set(batch.essay_ids) <= set(rows_by_key(before["essays"]))
    assert before["batch_members"].count(batch.batch_id) == len(batch.essay_ids)
    assert after_kill == before
    assert after_wipe == before


async def test_worker_killed_at_any_fault_point_loses_no_output(site: Site) -> None:
    batch = await a_batch(site, 20)
    await produce(site.bootstrap, batch.events)

    deaths = []
    for fault in FAULTS:
        dying = await start(site, "dying", fault_points=fault)
        deaths.append(dying.exit_code(40))
    survivor = await start(site, "dying")
    wait_until_ready(survivor)
    async with talking_to(survivor) as api:
        answer = await completed_batch(api, batch.batch_id)
    rows = {row["key"]: row for row in survivor.rows("essays")}
    async with tapped(site.bootstrap, COMPLETED, STATE_UPDATED, PHASE_COMPLETED) as tap:
        records = await tap.read_to_end()

    assert deaths == [-signal.SIGKILL] * len(FAULTS)
    assert answer["status_breakdown"] == {SUCCESS: len(batch.essay_ids)}
    assert_nothing_is_missing(batch, rows, records)
    of_batch = batch.batch_id.encode()
    assert_repeats_are_equal(
        [record for record in records if record.topic == STATE_UPDATED and record.key == of_batch]
    )


def assert_nothing_is_missing(
    batch: Batch, rows: dict[str, dict[str, Any]], records: Sequence[ConsumerRecord]
) -> None:
    # By key: what other tests of this broker produced, poison too, is none of this batch's.
    keys = {key.encode() for key in (batch.batch_id, *batch.essay_ids)}
    results, updates, completions = (
        [
            json.loads(record.value or b"")
            for record in records
            if record.topic == topic and record.key in keys
        ]
        for topic in (COMPLETED, STATE_UPDATED, PHASE_COMPLETED)
    )
    for essay_id in batch.essay_ids:
        assert len({event["event_id"] for event in results if about(event) == essay_id}) == 1
        told = {event["data"]["version"] for event in updates if about(event) == essay_id}
        assert told == {entry["version"] for entry in rows[essay_id]["timeline"]}
    ids = {event["event_id"] for event in completions if about(event) == batch.batch_id}
    assert len(ids) == 1


def assert_repeats_are_equal(records: Sequence[ConsumerRecord]) -> None:
    by_id: dict[str, set[bytes]] = {}
    for record in records:
        value = record.value or b""
        by_id.setdefault(json.loads(value)["event_id"], set()).add(value)
    assert {len(values) for values in by_id.values()} == {1}


def about(event: dict[str, Any]) -> str:
    return str(event["data"]["entity_ref"]["entity_id"])


def rows_by_key(rows: str) -> dict[str, Any]:
    return {row["key"]: row for row in json.loads(rows)}
