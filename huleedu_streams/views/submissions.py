"""Steps 1 and 2 of 6: register a batch, hand in essays (role `batch`).

A 202 means that the broker has acknowledged the event; its effects show in the state views.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Self
from uuid import UUID, uuid4

from aiohttp import web
from pydantic import FailFast, Field, StringConstraints, model_validator

from huleedu_streams.contracts.envelope import (
    RESERVED_BATCH_IDS,
    EntityId,
    LanguageTag,
    derived_id,
)
from huleedu_streams.contracts.events import MAX_BATCH_ESSAYS
from huleedu_streams.errors import ContentError, ContentNotFoundError
from huleedu_streams.processors.spellcheck import TEXT_MEDIA_TYPE
from huleedu_streams.processors.submission import (
    Origin,
    Registration,
    Submission,
    batch_registration,
    keyed_event_id,
    spellcheck_request,
    submitted_text_id,
)
from huleedu_streams.protocols import Clock, ContentStore, EventPublisher
from huleedu_streams.settings import Settings
from huleedu_streams.views.guards import (
    Body,
    correlation_id,
    entity_id,
    idempotency_key,
    read_json,
)
from huleedu_streams.views.problems import ProblemError, bad_request, content_store_failed
from huleedu_streams.views.publishing import AcknowledgedPublisher
from huleedu_streams.views.server import Views, json_response, view_of

# Real misspellings of pupils; four of them, and one name that no dictionary has.
SAMPLE_TEXT = (
    "Yesterday I recieved a letter from my freind Tove. She wants to know wich books we have read"
    " and wether we liked them.\n"
)

ContentId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{32}$", to_lower=True)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=200)]
LongNote = Annotated[str, StringConstraints(min_length=1, max_length=8_000)]


class RegisterBatch(Body):
    """`POST /v1/batches/register`."""

    # The first wrong one ends the reading: there may be half a million.
    essay_ids: Annotated[
        list[EntityId], Field(min_length=1, max_length=MAX_BATCH_ESSAYS), FailFast()
    ]
    expected_essay_count: int | None = Field(default=None, ge=1)
    batch_id: EntityId | None = None
    course_code: Note | None = None
    class_designation: Note | None = None
    essay_instructions: LongNote | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.essay_ids)) != len(self.essay_ids):
            raise ValueError("essay_ids must not repeat an id")
        if self.batch_id in RESERVED_BATCH_IDS:
            raise ValueError(f"batch_id must not be {self.batch_id}, a word of the routes")
        if self.expected_essay_count not in {None, len(self.essay_ids)}:
            raise ValueError("expected_essay_count must be the number of essay_ids")
        return self

    def notes(self) -> dict[str, str]:
        """Return what the teacher said besides the ids."""
        said = {
            "course_code": self.course_code,
            "class_designation": self.class_designation,
            "essay_instructions": self.essay_instructions,
        }
        return {name: text for name, text in said.items() if text is not None}


class SubmitEssay(Body):
    """`POST /v1/batches/{batch_id}/essays`."""

    essay_id: EntityId | None = None
    text: str | None = None
    text_storage_id: ContentId | None = None
    language: LanguageTag = "en"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.text is None) == (self.text_storage_id is None):
            raise ValueError("give either text or text_storage_id")
        if self.text is not None and not self.text.strip():
            raise ValueError("text must not be empty")
        return self


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the client gets back for an essay."""

    essay_id: str
    batch_id: str
    text_storage_id: str
    event_id: UUID
    correlation_id: UUID


def build_submission_views(
    store: ContentStore, publisher: EventPublisher, clock: Clock, settings: Settings
) -> Views:
    """Return the views by path."""
    submissions = SubmissionHandlers(store, publisher, clock, settings)
    return {
        "/v1/batches/register": view_of("batch-register", post=submissions.register),
        "/v1/batches/{batch_id}/essays": view_of("essay-submit", post=submissions.submit),
        "/v1/batches/trigger-spellcheck-test": view_of(
            "spellcheck-test", post=submissions.trigger_test
        ),
    }


class SubmissionHandlers:
    """The handlers, over one store and one publisher."""

    def __init__(
        self, store: ContentStore, publisher: EventPublisher, clock: Clock, settings: Settings
    ) -> None:
        self._store = store
        self._clock = clock
        self._text_max_bytes = settings.text_max_bytes
        self._batch_max_essays = settings.batch_max_essays
        self._publisher = AcknowledgedPublisher(
            publisher,
            timeout_seconds=settings.publish_timeout_seconds,
            event_max_bytes=settings.event_max_bytes,
        )

    async def register(self, request: web.Request) -> web.Response:
        """Register a batch and the essays that belong to it; the given ids are used."""
        body = await read_json(request, RegisterBatch, self._text_max_bytes)
        if len(body.essay_ids) > self._batch_max_essays:
            raise bad_request("too-many-essays", f"a batch has {self._batch_max_essays} at most")
        key = idempotency_key(request)
        event_id = uuid4() if key is None else keyed_event_id(key, body.batch_id or "", "register")
        batch_id = body.batch_id or str(derived_id(event_id, "batch"))
        origin = self._origin(request, event_id)
        registration = Registration(batch_id, body.essay_ids, body.notes())
        event = self._publisher.encoded(request, batch_registration(registration, origin))
        if key is not None:
            await self._refuse_another_body(event_id, body)
        await self._publisher.send(event)
        answer = {
            "batch_id": batch_id,
            "correlation_id": origin.correlation_id,
            "status": "registered",
        }
        return json_response(answer, HTTPStatus.ACCEPTED)

    async def submit(self, request: web.Request, batch_id: str) -> web.Response:
        """Take one essay of a batch: store its text, ask for its spell check."""
        entity_id(batch_id, "batch_id")
        if batch_id in RESERVED_BATCH_IDS:
            raise bad_request(
                "invalid-id", f"batch_id must not be {batch_id}, a word of the routes"
            )
        body = await read_json(request, SubmitEssay, self._text_max_bytes)
        key = idempotency_key(request)
        essay_scope = body.essay_id or ""
        event_id = uuid4() if key is None else keyed_event_id(key, batch_id, essay_scope)
        if key is not None:
            await self._refuse_another_body(event_id, body)
        storage_id = body.text_storage_id
        if storage_id is None:
            storage_id = await self._keep(body.text or "", event_id, is_keyed=key is not None)
        essay_id = body.essay_id or str(derived_id(event_id, "essay"))
        submission = Submission(essay_id, batch_id, storage_id, body.language)
        accepted = await self._ask(request, submission, event_id)
        return json_response(asdict(accepted), HTTPStatus.ACCEPTED)

    async def trigger_test(self, request: web.Request) -> web.Response:
        """Submit a sample text with errors, to see the whole walk work."""
        event_id = uuid4()
        storage_id = await self._keep(SAMPLE_TEXT, event_id, is_keyed=False)
        essay_id = f"test-essay-{event_id.hex[:12]}"
        submission = Submission(essay_id, f"test-batch-{event_id.hex[:12]}", storage_id, "en")
        accepted = await self._ask(request, submission, event_id)
        answer = {
            "message": "spell check of a sample text requested",
            "batch_id": accepted.batch_id,
            "essay_id": essay_id,
            "original_text_storage_id": storage_id,
            "event_id": event_id,
            "correlation_id": accepted.correlation_id,
        }
        return json_response(answer, HTTPStatus.ACCEPTED)

    def _origin(self, request: web.Request, event_id: UUID) -> Origin:
        trace = correlation_id(request, derived_id(event_id, "correlation"))
        return Origin(event_id, trace, self._clock.now())

    async def _ask(self, request: web.Request, submission: Submission, event_id: UUID) -> Accepted:
        origin = self._origin(request, event_id)
        await self._publisher.publish(request, spellcheck_request(submission, origin))
        return Accepted(
            submission.essay_id,
            submission.batch_id or "",
            submission.text_storage_id,
            event_id,
            origin.correlation_id,
        )

    async def _keep(self, text: str, event_id: UUID, *, is_keyed: bool) -> str:
        """Store the text; with a key, under an id that the same key finds again.

        Raises:
            ProblemError: 502, the store failed.
        """
        storage_id = submitted_text_id(event_id) if is_keyed else uuid4().hex
        try:
            await self._store.put(storage_id, text.encode(), TEXT_MEDIA_TYPE)
        except ContentError as error:
            raise content_store_failed(error) from error
        return storage_id

    async def _refuse_another_body(self, event_id: UUID, body: Body) -> None:
        """Keep a digest of the key's first body beside the texts, and compare later ones.

        Raises:
            ProblemError: 502, the store failed; 422, the key came with another body before.
        """
        digest_id = derived_id(event_id, "idempotent-body").hex
        digest = sha256(body.model_dump_json().encode()).hexdigest().encode()
        try:
            known = (await self._store.get(digest_id)).body
        except ContentNotFoundError:
            known = None
        except ContentError as error:
            raise content_store_failed(error) from error
        if known is None:
            await self._keep_digest(digest_id, digest)
        elif known != digest:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "this Idempotency-Key came with another body before; use a new one",
            )

    async def _keep_digest(self, digest_id: str, digest: bytes) -> None:
        try:
            await self._store.put(digest_id, digest, TEXT_MEDIA_TYPE)
        except ContentError as error:
            raise content_store_failed(error) from error
