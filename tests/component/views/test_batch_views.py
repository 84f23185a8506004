from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from yarl import URL

from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.processors.batches import (
    BatchDecision,
    decide_registration,
    decide_update,
)
from huleedu_streams.views.batches import build_batch_views
from huleedu_streams.views.routing import PeerClient, StateRouter
from tests.builders import a_registration, an_update
from tests.web import Client, assert_problem, serving

HERE = URL("http://127.0.0.1:6066")


class MemoryBatches:
    """The two tables of batches, in dicts."""

    def __init__(self) -> None:
        self.batches: dict[str, Mapping[str, Any]] = {}
        self.pages: dict[tuple[str, int], Mapping[str, Any]] = {}

    def batch(self, batch_id: str) -> Mapping[str, Any] | None:
        return self.batches.get(batch_id)

    def page(self, batch_id: str, page: int) -> Mapping[str, Any] | None:
        return self.pages.get((batch_id, page))

    def write(self, decision: BatchDecision) -> None:
        assert decision.batch_id is not None
        if decision.batch is not None:
            self.batches[decision.batch_id] = decision.batch
        for number, page in decision.pages.items():
            self.pages[decision.batch_id, number] = page


class Everywhere:
    def owner(self, table: str, key: str) -> URL | None:
        return HERE if table == "batches" and key else None

    def is_here(self, table: str, key: str) -> bool:
        return self.owner(table, key) is not None


class Ready:
    def problem(self) -> str | None:
        return None


@pytest.fixture
def rows() -> MemoryBatches:
    return MemoryBatches()


@pytest.fixture
async def client(rows: MemoryBatches) -> AsyncIterator[Client]:
    router = StateRouter(Everywhere(), PeerClient(1, 1), Ready())
    async with serving(build_batch_views(rows, router)) as client:
        yield client


async def status(client: Client, batch_id: str = "batch-1") -> dict[str, Any]:
    async with client.get(f"/v1/batches/{batch_id}/status") as response:
        body: dict[str, Any] = await response.json()
        assert response.status == 200, body
        return body


async def test_failed_essay_counts_as_finished(client: Client, rows: MemoryBatches) -> None:
    rows.write(decide_registration(rows, a_registration(["a", "b", "c", "d"])))
    rows.write(decide_update(rows, an_update("a", EssayStatus.SPELLCHECKED_SUCCESS)))
    rows.write(decide_update(rows, an_update("b", EssayStatus.SPELLCHECK_FAILED)))
    rows.write(decide_update(rows, an_update("c", EssayStatus.AWAITING_SPELLCHECK)))

    shown = await status(client)

    assert shown["batch_id"] == "batch-1"
    assert shown["total_essays"] == 4
    assert shown["completion_percentage"] == 50
    assert shown["outcome"] is None
    assert shown["status_breakdown"] == {
        "awaiting_spellcheck": 1,
        "spellcheck_failed": 1,
        "spellchecked_success": 1,
    }


async def test_complete_batch_shows_outcome_and_failed_essays(
    client: Client, rows: MemoryBatches
) -> None:
    rows.write(decide_registration(rows, a_registration(["a", "b"])))
    rows.write(decide_update(rows, an_update("a", corrections_made=4)))
    rows.write(decide_update(rows, an_update("b", EssayStatus.SPELLCHECK_FAILED)))

    shown = await status(client)

    assert shown["completion_percentage"] == 100
    assert shown["outcome"] == "COMPLETED_WITH_FAILURES"
    assert shown["failed_essay_ids"] == ["b"]
    assert shown["corrections_made"] == 4
    assert shown["completed_at"] == "2025-05-27T12:00:00Z"


async def test_batch_nobody_registered_counts_what_it_has(
    client: Client, rows: MemoryBatches
) -> None:
    rows.write(decide_update(rows, an_update("a")))

    shown = await status(client)

    assert shown["total_essays"] == 1
    assert shown["completion_percentage"] == 100
    assert shown["outcome"] is None


async def test_batch_without_counts_is_at_zero(client: Client, rows: MemoryBatches) -> None:
    rows.batches["batch-1"] = {"batch_id": "batch-1"}

    shown = await status(client)

    assert (shown["total_essays"], shown["completion_percentage"]) == (0, 0)


async def test_unknown_batch_is_not_found(client: Client) -> None:
    async with client.get("/v1/batches/batch-9/status") as response:
        await assert_problem(response, 404, "not-found")


async def test_malformed_batch_id_is_a_bad_request(client: Client) -> None:
    async with client.get("/v1/batches/batch%209/status") as response:
        await assert_problem(response, 400, "invalid-id")
