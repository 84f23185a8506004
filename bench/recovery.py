"""How fast a worker rebuilds its tables from their changelog topics."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import orjson

from bench.kafka import a_kafka, produce
from bench.subjects import Worker
from huleedu_streams.cli.client import open_client
from huleedu_streams.contracts.codec import OutgoingEvent
from huleedu_streams.contracts.enums import ContentType, ProcessingEvent, ProcessingStage
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.events import (
    SpellcheckRequestedDataV1,
    SpellcheckResultDataV1,
    StorageReferenceMetadata,
    SystemProcessingMetadata,
)
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.processors.lifecycle import Row, decide
from huleedu_streams.processors.submission import Origin, Submission, spellcheck_request

CHANGELOG = "huleedu-streams-essays-changelog"
_METRIC = re.compile(r'^huleedu_table_recovery_seconds\{table="essays"\} (\S+)', re.MULTILINE)


async def recovery_rows_per_second(folder: Path, count: int) -> float:
    """Return rows a second, from the start of the rebalance to the end of the recovery."""
    async with a_kafka(folder / "kafka") as bootstrap:
        await asyncio.to_thread(produce, bootstrap, essay_rows(count))
        worker = Worker(folder / "worker", bootstrap, folder / "content")
        try:
            await worker.start()
            async with open_client(worker.url) as client:
                found = _METRIC.search(await client.get_text("/metrics"))
        finally:
            await asyncio.to_thread(worker.end)
    if found is None:
        raise RuntimeError("the worker tells of no recovery")
    return count / float(found[1])


def essay_rows(count: int) -> Iterator[OutgoingEvent]:
    """Yield the rows of so many essays, as their changelog has them."""
    row = dict(_a_row())
    for _ in range(count):
        row["essay_id"] = f"essay-{uuid4().hex}"
        yield OutgoingEvent(CHANGELOG, row["essay_id"], orjson.dumps(row), ())


def _a_row() -> Row:
    """Return the row of an essay that was checked."""
    now = Origin(uuid4(), uuid4(), datetime.now(UTC))
    request = spellcheck_request(
        Submission("essay", f"batch-{uuid4().hex}", uuid4().hex, "en"), now
    )
    row = decide(decide(None, request).row, _a_result(request)).row
    if row is None:
        raise RuntimeError("a request makes a row")
    return row


def _a_result(
    request: EventEnvelope[SpellcheckRequestedDataV1],
) -> EventEnvelope[SpellcheckResultDataV1]:
    event, at, entity = (
        ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED,
        request.event_timestamp,
        request.data.entity_ref,
    )
    return EventEnvelope[SpellcheckResultDataV1](
        event_type=topic_name(event),
        source_service="bench",
        correlation_id=request.correlation_id,
        metadata={"causation_id": str(request.event_id)},
        data=SpellcheckResultDataV1(
            event_name=event,
            entity_ref=entity,
            timestamp=at,
            status=EssayStatus.SPELLCHECKED_SUCCESS,
            system_metadata=SystemProcessingMetadata(
                entity=entity, timestamp=at, processing_stage=ProcessingStage.COMPLETED
            ),
            original_text_storage_id=request.data.text_storage_id,
            storage_metadata=StorageReferenceMetadata(
                references={
                    kind: {"default": uuid4().hex}
                    for kind in (ContentType.CORRECTED_TEXT, ContentType.PROCESSING_LOG)
                }
            ),
            corrections_made=11,
        ),
    )
