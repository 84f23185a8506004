"""Step 6 of 6: where an essay stands, what was corrected, and once more from the start.

Rows are shown as they are: a status that only a newer version knows is shown too. A view never
writes a table; a retry is an event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal
from uuid import UUID, uuid4

from aiohttp import web

from huleedu_streams.contracts.enums import ContentType
from huleedu_streams.contracts.envelope import derived_id
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.errors import ContentError, ContentNotFoundError
from huleedu_streams.processors.submission import (
    Origin,
    Submission,
    keyed_event_id,
    spellcheck_request,
)
from huleedu_streams.protocols import Clock, ContentStore
from huleedu_streams.views.corrections import corrections_answer, window_of
from huleedu_streams.views.essay_answers import status_answer, timeline_answer
from huleedu_streams.views.guards import (
    Body,
    correlation_id,
    entity_id,
    idempotency_key,
    read_json,
)
from huleedu_streams.views.problems import ProblemError, content_store_failed, not_found
from huleedu_streams.views.publishing import AcknowledgedPublisher
from huleedu_streams.views.routing import StateRouter
from huleedu_streams.views.rows import EssayRows, Row
from huleedu_streams.views.server import Views, json_response, view_of

ESSAYS_TABLE = "essays"
_RETRY_MAX_BYTES = 4_096
_LOGS_READ_AT_ONCE = 2


class RetryEssay(Body):
    """`POST /v1/essays/{essay_id}/retry`."""

    phase: Literal["spellcheck"]
    force: bool = False


@dataclass(frozen=True, slots=True)
class EssayParts:
    """What the essay views are made of."""

    rows: EssayRows
    router: StateRouter
    store: ContentStore
    publisher: AcknowledgedPublisher
    clock: Clock


def build_essay_views(parts: EssayParts) -> Views:
    """Return the views by path."""
    essays = EssayHandlers(parts)
    return {
        "/v1/essays/{essay_id}/status": view_of("essay-status", get=essays.status),
        "/v1/essays/{essay_id}/timeline": view_of("essay-timeline", get=essays.timeline),
        "/v1/essays/{essay_id}/corrections": view_of("essay-corrections", get=essays.corrections),
        "/v1/essays/{essay_id}/retry": view_of("essay-retry", post=essays.retry),
    }


class EssayHandlers:
    """The handlers; each runs on the worker that holds the essay's row."""

    def __init__(self, parts: EssayParts) -> None:
        self._parts = parts
        # A log has up to 16 MB: a few at a time, whoever asks.
        self._reading = asyncio.Semaphore(_LOGS_READ_AT_ONCE)

    async def status(self, request: web.Request, essay_id: str) -> web.StreamResponse:
        """Show where an essay stands."""

        async def show(row: Row) -> web.Response:
            return json_response(status_answer(essay_id, row))

        return await self._at_owner(request, essay_id, show)

    async def timeline(self, request: web.Request, essay_id: str) -> web.StreamResponse:
        """Show the way an essay took."""

        async def show(row: Row) -> web.Response:
            return json_response(timeline_answer(essay_id, row))

        return await self._at_owner(request, essay_id, show)

    async def corrections(self, request: web.Request, essay_id: str) -> web.StreamResponse:
        """Show what was corrected in an essay, by offset into the original text."""
        window = window_of(request)

        async def show(row: Row) -> web.Response:
            async with self._reading:
                log = await self._processing_log(row)
                return await corrections_answer(essay_id, log, window)

        return await self._at_owner(request, essay_id, show)

    async def retry(self, request: web.Request, essay_id: str) -> web.StreamResponse:
        """Ask for the spell check of the essay's last text once more."""
        entity_id(essay_id, "essay_id")

        async def send(row: Row) -> web.Response:
            return await self._retry(request, essay_id, row)

        return await self._at_owner(request, essay_id, send)

    async def _at_owner(
        self,
        request: web.Request,
        essay_id: str,
        answer: Callable[[Row], Awaitable[web.Response]],
    ) -> web.StreamResponse:
        entity_id(essay_id, "essay_id")

        async def here() -> web.Response:
            row = self._parts.rows.get(essay_id)
            if row is None:
                raise not_found("essay")
            return await answer(row)

        return await self._parts.router.answer(request, ESSAYS_TABLE, essay_id, here)

    async def _processing_log(self, row: Row) -> bytes:
        storage_id = _reference(row, ContentType.PROCESSING_LOG)
        if storage_id is None:
            raise ProblemError(
                HTTPStatus.NOT_FOUND,
                "no-corrections",
                f"the essay has no corrections; it is {row.get('current_status')}",
            )
        try:
            content = await self._parts.store.get(storage_id)
        except ContentNotFoundError:
            raise not_found("processing log in the content store any more") from None
        except ContentError as error:
            raise content_store_failed(error) from error
        return content.body

    async def _retry(self, request: web.Request, essay_id: str, row: Row) -> web.Response:
        body = await read_json(request, RetryEssay, _RETRY_MAX_BYTES)
        status, attempts = row.get("current_status"), row.get("attempts") or []
        if not attempts or (status != EssayStatus.SPELLCHECK_FAILED and not body.force):
            raise ProblemError(
                HTTPStatus.CONFLICT,
                "not-retryable",
                f"the essay is {status}; only spellcheck_failed is retried without `force`",
            )
        submission = _last_submission(essay_id, row)
        origin = self._retry_origin(request, essay_id, row)
        await self._parts.publisher.publish(request, spellcheck_request(submission, origin))
        answer = {
            "essay_id": essay_id,
            "batch_id": submission.batch_id,
            "phase": body.phase,
            "text_storage_id": submission.text_storage_id,
            "event_id": origin.event_id,
            "correlation_id": origin.correlation_id,
        }
        return json_response(answer, HTTPStatus.ACCEPTED)

    def _retry_origin(self, request: web.Request, essay_id: str, row: Row) -> Origin:
        key = idempotency_key(request)
        event_id = uuid4() if key is None else keyed_event_id(key, "retry", essay_id)
        known = row.get("correlation_id")
        trace = UUID(known) if known else derived_id(event_id, "correlation")
        return Origin(event_id, correlation_id(request, trace), self._parts.clock.now())


def _reference(row: Row, content_type: ContentType) -> str | None:
    reference = (row.get("storage_references") or {}).get(content_type.value) or {}
    storage_id: str | None = reference.get("default") or reference.get("storage_id")
    return storage_id


def _last_submission(essay_id: str, row: Row) -> Submission:
    last = row["attempts"][-1]
    return Submission(
        essay_id=essay_id,
        batch_id=row.get("batch_id"),
        text_storage_id=last["text_storage_id"],
        language=last.get("language") or row.get("language") or "en",
    )
