"""Step 6 of 6: how a batch stands; read only."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from huleedu_streams.domain.rosters import UNCHECKED_STATUSES
from huleedu_streams.processors.batches import BatchRows
from huleedu_streams.views.guards import entity_id
from huleedu_streams.views.problems import not_found
from huleedu_streams.views.routing import StateRouter
from huleedu_streams.views.rows import Row
from huleedu_streams.views.server import Views, json_response, view_of

BATCHES_TABLE = "batches"
_SHOWN = (
    "outcome",
    "expected_essay_count",
    "corrections_made",
    "registered_at",
    "completed_at",
    "unexpected_essay_ids",
)


def build_batch_views(rows: BatchRows, router: StateRouter) -> Views:
    """Return the views by path."""
    batches = BatchHandlers(rows, router)
    return {"/v1/batches/{batch_id}/status": view_of("batch-status", get=batches.status)}


class BatchHandlers:
    """The handlers; each runs on the worker that holds the batch's row."""

    def __init__(self, rows: BatchRows, router: StateRouter) -> None:
        self._rows = rows
        self._router = router

    async def status(self, request: web.Request, batch_id: str) -> web.StreamResponse:
        """Show how far a batch is."""
        entity_id(batch_id, "batch_id")

        async def here() -> web.Response:
            row = self._rows.batch(batch_id)
            if row is None:
                raise not_found("batch")
            return json_response(status_answer(batch_id, row))

        return await self._router.answer(request, BATCHES_TABLE, batch_id, here)


def status_answer(batch_id: str, row: Row) -> dict[str, Any]:
    """Return the answer of the status view; a failed essay counts as finished."""
    counts: dict[str, int] = row.get("counts") or {}
    expected = row.get("expected_essay_count")
    total = sum(counts.values()) if expected is None else expected
    finished = sum(n for status, n in counts.items() if status not in UNCHECKED_STATUSES)
    completion: Row = row.get("completion") or {}
    return {
        "batch_id": batch_id,
        "total_essays": total,
        "status_breakdown": counts,
        "completion_percentage": round(100 * finished / total, 2) if total else 0.0,
        "failed_essay_ids": completion.get("failed_essay_ids") or [],
    } | {name: row.get(name) for name in _SHOWN}
