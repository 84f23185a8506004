"""Step 1 of 6: what a teacher hands in becomes events.

Lives here: the envelopes of a registration and of a request, and the ids that an idempotency key
stands for. Not here: storing the text and sending (`views/submissions.py`, `views/essays.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

import orjson

from huleedu_streams.contracts.enums import ProcessingEvent, ProcessingStage
from huleedu_streams.contracts.envelope import EVENT_NAMESPACE, EventEnvelope, derived_id
from huleedu_streams.contracts.events import (
    BatchEssaysRegistered,
    EntityReference,
    SpellcheckRequestedDataV1,
    SystemProcessingMetadata,
)
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.lifecycle import EssayStatus

SOURCE_SERVICE = "batch-service"


@dataclass(frozen=True, slots=True)
class Origin:
    """What makes an event this one: its ids and its time."""

    event_id: UUID
    correlation_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """One essay handed in, its text already in the content store."""

    essay_id: str
    batch_id: str | None
    text_storage_id: str
    language: str


@dataclass(frozen=True, slots=True)
class Registration:
    """A batch and the essays that it expects.

    Attributes:
        notes: What else the teacher said of it (course code, …); travels as event metadata.
    """

    batch_id: str
    essay_ids: Sequence[str]
    notes: Mapping[str, str] = field(default_factory=dict)


def keyed_event_id(idempotency_key: str, *scope: str) -> UUID:
    """Return the event id that a client's key stands for within `scope`, e.g. batch and essay."""
    return uuid5(
        EVENT_NAMESPACE, orjson.dumps(["idempotency-key", idempotency_key, *scope]).decode()
    )


def submitted_text_id(event_id: UUID) -> str:
    """Return the content id of the text handed in with an event whose id came from a key."""
    return derived_id(event_id, "original-essay").hex


def spellcheck_request(
    submission: Submission, origin: Origin
) -> EventEnvelope[SpellcheckRequestedDataV1]:
    """Return the event that asks for the spell check of a submission."""
    event = ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED
    entity = EntityReference(
        entity_id=submission.essay_id, entity_type="essay", parent_id=submission.batch_id
    )
    return EventEnvelope[SpellcheckRequestedDataV1](
        event_id=origin.event_id,
        event_type=topic_name(event),
        event_timestamp=origin.at,
        source_service=SOURCE_SERVICE,
        correlation_id=origin.correlation_id,
        data=SpellcheckRequestedDataV1(
            event_name=event,
            entity_ref=entity,
            timestamp=origin.at,
            status=EssayStatus.AWAITING_SPELLCHECK,
            system_metadata=_pending(entity, event, origin.at),
            text_storage_id=submission.text_storage_id,
            language=submission.language,
        ),
    )


def batch_registration(
    registration: Registration, origin: Origin
) -> EventEnvelope[BatchEssaysRegistered]:
    """Return the event that registers a batch."""
    event = ProcessingEvent.BATCH_ESSAYS_REGISTERED
    entity = EntityReference(entity_id=registration.batch_id, entity_type="batch")
    return EventEnvelope[BatchEssaysRegistered](
        event_id=origin.event_id,
        event_type=topic_name(event),
        event_timestamp=origin.at,
        source_service=SOURCE_SERVICE,
        correlation_id=origin.correlation_id,
        metadata=dict(registration.notes) or None,
        data=BatchEssaysRegistered(
            batch_id=registration.batch_id,
            expected_essay_count=len(registration.essay_ids),
            essay_ids=list(registration.essay_ids),
            metadata=_pending(entity, event, origin.at),
        ),
    )


def _pending(
    entity: EntityReference, event: ProcessingEvent, at: datetime
) -> SystemProcessingMetadata:
    return SystemProcessingMetadata(
        entity=entity, timestamp=at, processing_stage=ProcessingStage.PENDING, event=event.value
    )
