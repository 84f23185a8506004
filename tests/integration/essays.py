"""Batches of essays as a producer sends them, and what must have come of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.processors.submission import (
    Origin,
    Registration,
    Submission,
    batch_registration,
    spellcheck_request,
)
from tests.integration.kafka import until
from tests.integration.workers import Api, Site

SUCCESS = EssayStatus.SPELLCHECKED_SUCCESS.value
FAILED = EssayStatus.SPELLCHECK_FAILED.value


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, its essays, and the events that a producer sends of it."""

    batch_id: str
    essay_ids: Sequence[str]
    events: Sequence[EventEnvelope[Any]]


async def a_batch(site: Site, essay_count: int, storage_id: str | None = None) -> Batch:
    """Return a new batch; its essays share one text, by default one that is stored now."""
    batch_id = f"batch-{uuid4().hex}"
    essay_ids = [f"essay-{uuid4().hex}" for _ in range(essay_count)]
    text = storage_id or await site.store_text()
    requests = [
        spellcheck_request(Submission(essay_id, batch_id, text, "en"), _now())
        for essay_id in essay_ids
    ]
    registration = batch_registration(Registration(batch_id, essay_ids), _now())
    return Batch(batch_id, essay_ids, [registration, *requests])


async def finished_essay(api: Api, essay_id: str, seconds: float = 20) -> dict[str, Any]:
    """Return the essay's status answer once it has a result."""

    async def ask() -> dict[str, Any] | None:
        answer = await api.get(f"/v1/essays/{essay_id}/status")
        is_finished = answer.status == 200 and answer.body["current_status"] in {SUCCESS, FAILED}
        return answer.body if is_finished else None

    return await until(ask, f"a result for {essay_id}", seconds)


async def completed_batch(api: Api, batch_id: str, seconds: float = 30) -> dict[str, Any]:
    """Return the batch's status answer once it is complete."""

    async def ask() -> dict[str, Any] | None:
        answer = await api.get(f"/v1/batches/{batch_id}/status")
        return answer.body if answer.status == 200 and answer.body["outcome"] else None

    return await until(ask, f"completion of {batch_id}", seconds)


async def known_batch(api: Api, batch_id: str) -> dict[str, Any]:
    """Return the batch's status answer once there is one: a batch is known after its essays."""

    async def ask() -> dict[str, Any] | None:
        answer = await api.get(f"/v1/batches/{batch_id}/status")
        return answer.body if answer.status == 200 else None

    return await until(ask, f"a row of {batch_id}")


def _now() -> Origin:
    return Origin(uuid4(), uuid4(), datetime.now(UTC))
