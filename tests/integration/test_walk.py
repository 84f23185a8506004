"""An essay's whole walk through one worker, and the rows it leaves behind."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import confluent_kafka
import pytest

from huleedu_streams.contracts.envelope import EventEnvelope
from tests.builders import COMPLETED, PHASE_COMPLETED, REQUESTED
from tests.integration.essays import FAILED, SUCCESS, finished_essay, known_batch
from tests.integration.kafka import decoded, tapped
from tests.integration.smoke import run_smoke_test
from tests.integration.workers import (
    CANARY,
    TEXT,
    Api,
    RunningWorker,
    Site,
    run_command,
    talking_to,
    wait_until_ready,
)

pytestmark = pytest.mark.kafka

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def worker(site: Site) -> RunningWorker:
    started = site.start("alone")
    wait_until_ready(started)
    return started


async def submit_batch(api: Api, essays: dict[str, dict[str, str]]) -> tuple[str, dict[str, Any]]:
    """Register a batch and hand its essays in; return its id and what was answered for each."""
    registered = await api.post("/v1/batches/register", {"essay_ids": list(essays)})
    assert registered.status == 202, registered.body
    batch_id = registered.body["batch_id"]
    accepted = {}
    for essay_id, content in essays.items():
        answer = await api.post(
            f"/v1/batches/{batch_id}/essays",
            {"essay_id": essay_id, **content},
            {"traceparent": TRACEPARENT},
        )
        assert answer.status == 202, answer.body
        accepted[essay_id] = answer.body
    return batch_id, accepted


async def test_essay_walks_from_a_request_to_its_row_and_completed_batch(
    worker: RunningWorker, site: Site
) -> None:
    essay_id, missing_id = f"essay-{uuid4().hex}", f"essay-{uuid4().hex}"

    async with talking_to(worker) as api, tapped(site.bootstrap, COMPLETED, PHASE_COMPLETED) as tap:
        batch_id, accepted = await submit_batch(
            api, {essay_id: {"text": TEXT}, missing_id: {"text_storage_id": uuid4().hex}}
        )
        row = await finished_essay(api, essay_id)
        missing = await finished_essay(api, missing_id)
        corrections = (await api.get(f"/v1/essays/{essay_id}/corrections")).body["corrections"]
        await tap.until(
            lambda records: any(record.key == batch_id.encode() for record in records),
            "the batch's completion",
        )
        await tap.read_to_end()
        batch = (await api.get(f"/v1/batches/{batch_id}/status")).body
        metrics = await api.metrics()

    (record,) = [record for record in tap.records if record.key == essay_id.encode()]
    result = decoded(record)
    assert result.causation_id == accepted[essay_id]["event_id"]
    assert str(result.correlation_id) == accepted[essay_id]["correlation_id"]
    assert result.data.entity_ref.parent_id == batch_id
    assert_headers_mirror(result, record.headers)
    assert row["current_status"] == SUCCESS
    assert row["batch_id"] == batch_id
    assert row["corrections_made"] == result.data.corrections_made == len(corrections)
    assert row["storage_references"].keys() == {"corrected_text", "processing_log"}
    assert {TEXT[c["offset"] : c["offset"] + c["length"]] for c in corrections} >= {
        "recieved",
        "freind",
    }
    assert missing["current_status"] == FAILED
    assert missing["last_error"]["error_code"] == "RESOURCE_NOT_FOUND"

    completions = [decoded(record) for record in tap.records if record.key == batch_id.encode()]
    assert len({completion.event_id for completion in completions}) == 1
    assert completions[0].data.failed_essay_ids == [missing_id]
    assert batch["outcome"] == "COMPLETED_WITH_FAILURES"
    assert batch["completion_percentage"] == 100
    assert 'huleedu_essay_transitions_total{from_status="awaiting_spellcheck"' in metrics
    assert CANARY not in metrics


def assert_headers_mirror(event: EventEnvelope[Any], headers: Sequence[tuple[str, bytes]]) -> None:
    assert dict(headers) == {
        "event_id": str(event.event_id).encode(),
        "event_type": event.event_type.encode(),
        "correlation_id": str(event.correlation_id).encode(),
        "schema_version": b"1",
        "traceparent": TRACEPARENT.encode(),
    }


@pytest.mark.parametrize(("compression", "hours_ahead"), [("none", -5), ("gzip", 5)])
async def test_foreign_producer_that_omits_optional_fields_and_whose_clock_is_off_is_served(
    worker: RunningWorker, site: Site, compression: str, hours_ahead: int
) -> None:
    essay_id, batch_id = f"essay-{uuid4().hex}", f"batch-{uuid4().hex}"
    entity = {"entity_id": essay_id, "entity_type": "essay", "parent_id": batch_id}
    now = "2025-05-27T12:00:00Z"
    event = {
        "data": {
            "text_storage_id": await site.store_text(),
            "status": "awaiting_spellcheck",
            "system_metadata": {"timestamp": now, "entity": {**entity, "campus": "north"}},
            "timestamp": now,
            "entity_ref": entity,
            "event_name": "essay.spellcheck.requested",
        },
        "source_service": "batch-service",
        "event_timestamp": "2025-05-27T14:00:00+02:00",
        "event_type": REQUESTED,
        "event_id": str(uuid4()),
        "added_later": True,
    }
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": site.bootstrap,
            "partitioner": "murmur2_random",
            "compression.type": compression,
        }
    )
    body = json.dumps(event, separators=(",", ":"))
    stamp = int((time.time() + hours_ahead * 3600) * 1000)
    producer.produce(REQUESTED, body, key=essay_id, timestamp=stamp)
    assert producer.flush(10) == 0

    async with talking_to(worker) as api:
        row = await finished_essay(api, essay_id)
        batch = await known_batch(api, batch_id)

    assert row["current_status"] == SUCCESS
    assert row["language"] == "en"
    assert row["batch_id"] == batch_id
    assert batch["outcome"] is None


async def test_both_tables_commands_show_rows_beside_the_live_worker(worker: RunningWorker) -> None:
    essay_id = f"essay-{uuid4().hex}"
    async with talking_to(worker) as api:
        await submit_batch(api, {essay_id: {"text": TEXT}})
        row = await finished_essay(api, essay_id)
    words = ("tables", "essays", "--key", essay_id, "--json")
    data_dir = worker.data_dir

    ours = run_command("huleedu_streams", *words, data_dir=data_dir)
    fausts = run_command("faust", "-A", "huleedu_streams.app", *words, data_dir=data_dir)

    assert (ours.returncode, ours.stderr) == (0, "")
    (shown,) = json.loads(ours.stdout)
    assert shown["current_status"] == row["current_status"]
    assert shown["updated_at"] == row["updated_at"]
    assert json.loads(fausts.stdout) == [shown], fausts.stderr
    assert "Traceback" not in fausts.stderr


def test_faust_agents_prints_what_an_operator_needs(tmp_path: Path) -> None:
    listing = run_command("faust", "-A", "huleedu_streams.app", "agents", data_dir=tmp_path)

    assert listing.returncode == 0, listing.stderr
    for word in ("spellcheck", "lifecycle_requested", "batch_updated", "Reads:", "Delivery:"):
        assert word in listing.stdout


def test_smoke_script_passes_over_one_worker_with_every_role(
    worker: RunningWorker, site: Site
) -> None:
    done = run_smoke_test("--broker", site.bootstrap, "--url", worker.url)

    assert done.returncode == 0, done.stdout + done.stderr
