"""Damaged databases and lost changelogs: mended without an operator, or refused in a line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from huleedu_streams.embedded.process import wait_until
from huleedu_streams.topics.admin import connected
from huleedu_streams.topics.bootstrap import apply
from huleedu_streams.topics.catalogue import catalogue
from tables.reader import tables_folder
from tests.integration.essays import a_batch, completed_batch
from tests.integration.kafka import administering, evict_members, produce, until
from tests.integration.workers import (
    TABLES,
    RunningWorker,
    Site,
    talking_to,
    wait_until_ready,
)

pytestmark = pytest.mark.kafka

_SEVERAL_BLOCKS_BYTES = 10_000


@pytest.fixture
async def app_id(site: Site) -> str:
    """An app of this test's own, so that nobody else's rows are in its tables."""
    name = f"damage-{uuid4().hex[:8]}"
    await apply(site.bootstrap, catalogue(name))
    return name


def all_rows(worker: RunningWorker, app_id: str) -> dict[str, str]:
    return {table: json.dumps(worker.rows(table, app_id), sort_keys=True) for table in TABLES}


async def a_stopped_worker(
    site: Site, app_id: str, essays: int = 40
) -> tuple[RunningWorker, dict[str, str]]:
    """Return a worker that has handled a batch and stopped, and its rows."""
    batch = await a_batch(site, essays)
    worker = site.start(app_id, app_id=app_id)
    wait_until_ready(worker)
    await produce(site.bootstrap, batch.events)
    async with talking_to(worker) as api:
        await completed_batch(api, batch.batch_id)
    worker.stop()
    return worker, all_rows(worker, app_id)


def tables_files(worker: RunningWorker, app_id: str, pattern: str) -> list[Path]:
    folder = tables_folder(worker.data_dir, app_id)
    return [path for path in folder.glob(pattern) if path.stat().st_size]


def flip(path: Path) -> None:
    """Damage every block: one that was just read is still in the cache."""
    body = bytearray(path.read_bytes())
    for place in range(100, len(body) * 3 // 4, 100):
        body[place] ^= 0x55
    path.write_bytes(body)


def flip_later_rows(path: Path) -> None:
    """Damage the blocks behind the first, which has the offset and is read at the opening."""
    body = bytearray(path.read_bytes())
    for place in range(len(body) // 3, len(body) * 3 // 4, 100):
        body[place] ^= 0x55
    path.write_bytes(body)


@pytest.mark.parametrize(
    ("pattern", "damage"),
    [
        ("essays-*.db/*.sst", lambda path: path.write_bytes(path.read_bytes()[:100])),
        ("batch*-*.db/CURRENT", lambda path: path.write_bytes(b"")),
    ],
    ids=["truncated SST", "empty CURRENT"],
)
async def test_damage_found_at_the_start_is_rebuilt_from_the_changelog(
    site: Site, app_id: str, pattern: str, damage: Callable[[Path], object]
) -> None:
    stopped, before = await a_stopped_worker(site, app_id)
    damaged = tables_files(stopped, app_id, pattern)
    for path in damaged:
        damage(path)

    worker = site.start(app_id, app_id=app_id)
    wait_until_ready(worker)

    assert damaged
    assert all_rows(worker, app_id) == before
    assert len(worker.entries("table_is_rebuilt")) == len({path.parent for path in damaged})
    async with talking_to(worker) as api:
        metrics = await api.metrics()
    assert "huleedu_store_corruption_total{table=" in metrics
    assert worker.stop() == 0


async def test_damage_found_at_work_makes_the_worker_start_again_whole(
    site: Site, app_id: str
) -> None:
    stopped, before = await a_stopped_worker(site, app_id)
    worker = site.start(app_id, app_id=app_id, scrub_interval_seconds=1)
    wait_until_ready(worker)
    flip(
        max(
            tables_files(stopped, app_id, "essays-*.db/*.sst"), key=lambda path: path.stat().st_size
        )
    )

    assert wait_until(lambda: bool(worker.entries("table_is_rebuilt")), 40), worker.log[-3000:]
    wait_until_ready(worker)

    assert worker.entries("worker_starts_again")[0]["code"] == "table-damaged"
    again = len(worker.entries("worker_starts_again"))
    assert len(worker.entries("worker_starting")) == again + 2, "the first worker logs here, too"
    assert all_rows(worker, app_id) == before
    assert worker.stop() == 0


async def test_all_damage_is_mended_by_one_start(site: Site, app_id: str) -> None:
    stopped, before = await a_stopped_worker(site, app_id, essays=300)
    damaged = [
        path
        for path in tables_files(stopped, app_id, "essays-*.db/*.sst")
        if path.stat().st_size > _SEVERAL_BLOCKS_BYTES
    ]
    for path in damaged:
        flip_later_rows(path)

    worker = site.start(app_id, app_id=app_id, scrub_interval_seconds=1)
    wait_until_ready(worker)
    assert wait_until(lambda: bool(worker.entries("table_is_rebuilt")), 40), worker.log[-3000:]
    wait_until_ready(worker)

    assert len({path.parent for path in damaged}) > 1
    assert len(worker.entries("table_is_rebuilt")) == len({path.parent for path in damaged})
    assert len(worker.entries("worker_starts_again")) == 1
    assert all_rows(worker, app_id) == before
    assert worker.stop() == 0


async def test_database_that_cannot_be_opened_refuses_the_start_with_what_to_type(
    site: Site, app_id: str
) -> None:
    stopped, before = await a_stopped_worker(site, app_id)
    [folder] = tables_folder(stopped.data_dir, app_id).glob("essays-3.db")
    shutil.rmtree(folder)
    folder.write_text("no folder")
    await evict_members(site.bootstrap, app_id)

    refused = site.start(app_id, app_id=app_id)
    assert refused.exit_code(45) == 2
    (line,) = [line for line in refused.log.splitlines() if line.startswith("huleedu-streams:")]
    assert f"rm -r {folder}" in line
    folder.unlink()
    worker = site.start(app_id, app_id=app_id)
    wait_until_ready(worker)

    assert all_rows(worker, app_id) == before
    assert worker.stop() == 0


async def test_changelog_made_anew_under_rows_is_refused_with_what_to_type(
    site: Site, app_id: str
) -> None:
    _, before = await a_stopped_worker(site, app_id)
    name = f"{app_id}-essays-changelog"
    async with administering(site.bootstrap) as client:
        await client.delete_topics([name])
    async with connected(site.bootstrap) as admin:

        async def is_gone() -> bool | None:
            return name not in await admin.found([name]) or None

        await until(is_gone, "the topic is gone")
    await apply(site.bootstrap, catalogue(app_id))
    await evict_members(site.bootstrap, app_id)

    worker = site.start(app_id, app_id=app_id)

    assert before["essays"] != "[]"
    assert worker.exit_code(45) == 2
    (line,) = [line for line in worker.log.splitlines() if line.startswith("huleedu-streams:")]
    assert "the topic was deleted or made anew" in line
    assert "rm -r " in line


async def test_changelog_cut_at_its_beginning_is_said_and_the_rest_recovered(
    site: Site, app_id: str
) -> None:
    stopped, before = await a_stopped_worker(site, app_id)
    name = f"{app_id}-essays-changelog"
    policy = {"cleanup.policy": "compact,delete"}
    everything = {TopicPartition(name, number): RecordsToDelete(-1) for number in range(6)}
    async with administering(site.bootstrap) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, policy)])
        await client.delete_records(everything)
    await apply(site.bootstrap, catalogue(app_id))
    await evict_members(site.bootstrap, app_id)

    kept = site.start(app_id, app_id=app_id)
    wait_until_ready(kept)
    assert all_rows(kept, app_id) == before
    assert not kept.entries("changelog_begins_late")
    assert kept.stop() == 0
    shutil.rmtree(stopped.data_dir)
    wiped = site.start(app_id, app_id=app_id)
    wait_until_ready(wiped)

    assert {entry["topic"] for entry in wiped.entries("changelog_begins_late")} == {name}
    assert all_rows(wiped, app_id) == before | {"essays": "[]"}
    assert wiped.stop() == 0
