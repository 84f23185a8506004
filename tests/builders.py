"""Events for tests: each builder gives a valid one, and what a test cares about is named."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

from huleedu_streams.contracts.enums import (
    ContentType,
    ErrorCode,
    ProcessingEvent,
    ProcessingStage,
)
from huleedu_streams.contracts.envelope import EVENT_NAMESPACE, EventEnvelope, WireModel
from huleedu_streams.contracts.events import (
    BatchEssaysRegistered,
    EntityReference,
    EssayLifecycleStateUpdatedV1,
    SpellcheckRequestedDataV1,
    SpellcheckResultDataV1,
    StorageReferenceMetadata,
    SystemProcessingMetadata,
    state_updated_id,
)
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.lifecycle import EssayStatus

NOON = datetime(2025, 5, 27, 12, 0, tzinfo=UTC)
ESSAY = "essay-1"
BATCH = "batch-1"
CORRECTIONS_MADE = 4
CORRELATION_ID = UUID("0b2e0000-0000-4000-8000-000000000001")

REQUESTED = topic_name(ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED)
COMPLETED = topic_name(ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED)
REGISTERED = topic_name(ProcessingEvent.BATCH_ESSAYS_REGISTERED)
STATE_UPDATED = topic_name(ProcessingEvent.ESSAY_LIFECYCLE_STATE_UPDATED)
PHASE_COMPLETED = topic_name(ProcessingEvent.BATCH_SPELLCHECK_PHASE_COMPLETED)

DataT = TypeVar("DataT", bound=WireModel)


def an_id(name: str) -> UUID:
    """Return the event id that `name` stands for; the same name gives the same id."""
    return uuid5(EVENT_NAMESPACE, f"tests/{name}")


def a_storage_id(name: str) -> str:
    """Return the content store's id that `name` stands for."""
    return an_id(f"text/{name}").hex


def an_envelope(
    topic: str,
    data: DataT,
    *,
    name: str = "event",
    at: datetime = NOON,
    metadata: dict[str, str] | None = None,
) -> EventEnvelope[DataT]:
    """Return `data` in an envelope whose event id is that of `name`."""
    model: Any = EventEnvelope
    envelope: EventEnvelope[DataT] = model[type(data)](
        event_id=an_id(name),
        event_type=topic,
        event_timestamp=at,
        source_service="tests",
        correlation_id=CORRELATION_ID,
        metadata=metadata,
        data=data,
    )
    return envelope


def later(envelope: EventEnvelope[DataT], seconds: float) -> EventEnvelope[DataT]:
    """Return the envelope as of so many seconds after noon."""
    return envelope.model_copy(update={"event_timestamp": NOON + timedelta(seconds=seconds)})


def a_request(
    name: str = "request",
    *,
    essay_id: str = ESSAY,
    batch_id: str | None = BATCH,
    text: str = "text",
    language: str = "en",
    at: datetime = NOON,
) -> EventEnvelope[SpellcheckRequestedDataV1]:
    """Return the event that asks for a spell check."""
    entity = EntityReference(entity_id=essay_id, entity_type="essay", parent_id=batch_id)
    data = SpellcheckRequestedDataV1(
        event_name=ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED,
        entity_ref=entity,
        timestamp=at,
        status=EssayStatus.AWAITING_SPELLCHECK,
        system_metadata=_metadata(entity, at, ProcessingStage.PENDING),
        text_storage_id=a_storage_id(text),
        language=language,
    )
    return an_envelope(REQUESTED, data, name=name, at=at)


def a_result(
    name: str = "result",
    *,
    of: str | None = "request",
    status: EssayStatus = EssayStatus.SPELLCHECKED_SUCCESS,
    essay_id: str = ESSAY,
    batch_id: str | None = BATCH,
    text: str = "text",
) -> EventEnvelope[SpellcheckResultDataV1]:
    """Return the result of the request named `of` (`None`: it names no cause), at noon."""
    entity = EntityReference(entity_id=essay_id, entity_type="essay", parent_id=batch_id)
    is_failure = status is EssayStatus.SPELLCHECK_FAILED
    data = SpellcheckResultDataV1(
        event_name=ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED,
        entity_ref=entity,
        timestamp=NOON,
        status=status,
        system_metadata=_failed(entity) if is_failure else _metadata(entity, NOON),
        original_text_storage_id=a_storage_id(text),
        storage_metadata=None if is_failure else _references(name),
        corrections_made=None if is_failure else CORRECTIONS_MADE,
    )
    metadata = None if of is None else {"causation_id": str(an_id(of))}
    return an_envelope(COMPLETED, data, name=name, metadata=metadata)


def a_registration(
    essay_ids: Iterable[str] = (ESSAY,),
    *,
    name: str = "registration",
    batch_id: str = BATCH,
    at: datetime = NOON,
) -> EventEnvelope[BatchEssaysRegistered]:
    """Return the event that registers a batch."""
    ids = list(essay_ids)
    entity = EntityReference(entity_id=batch_id, entity_type="batch")
    data = BatchEssaysRegistered(
        batch_id=batch_id,
        expected_essay_count=len(ids),
        essay_ids=ids,
        metadata=_metadata(entity, at, ProcessingStage.PENDING),
    )
    return an_envelope(REGISTERED, data, name=name, at=at)


def an_update(
    essay_id: str = ESSAY,
    status: EssayStatus = EssayStatus.SPELLCHECKED_SUCCESS,
    *,
    version: int = 2,
    batch_id: str | None = BATCH,
    corrections_made: int | None = None,
    at: datetime = NOON,
) -> EventEnvelope[EssayLifecycleStateUpdatedV1]:
    """Return the event that tells of an essay's new status."""
    data = EssayLifecycleStateUpdatedV1(
        event_name=ProcessingEvent.ESSAY_LIFECYCLE_STATE_UPDATED,
        entity_ref=EntityReference(entity_id=essay_id, entity_type="essay", parent_id=batch_id),
        timestamp=at,
        status=status,
        attempt=1,
        version=version,
        corrections_made=corrections_made,
        language="en",
    )
    cause = an_id(f"{essay_id}/{version}")
    metadata = {"causation_id": str(cause)}
    envelope = an_envelope(STATE_UPDATED, data, at=at, metadata=metadata)
    return envelope.model_copy(update={"event_id": state_updated_id(cause, version)})


def _metadata(
    entity: EntityReference, at: datetime, stage: ProcessingStage = ProcessingStage.COMPLETED
) -> SystemProcessingMetadata:
    return SystemProcessingMetadata(entity=entity, timestamp=at, processing_stage=stage)


def _failed(entity: EntityReference) -> SystemProcessingMetadata:
    return SystemProcessingMetadata(
        entity=entity,
        timestamp=NOON,
        processing_stage=ProcessingStage.FAILED,
        error_info={
            "error_code": ErrorCode.RESOURCE_NOT_FOUND.value,
            "fetch_error": "the content store has no text under this id",
        },
    )


def _references(name: str) -> StorageReferenceMetadata:
    return StorageReferenceMetadata(
        references={
            ContentType.CORRECTED_TEXT: {"default": a_storage_id(f"{name}/corrected")},
            ContentType.PROCESSING_LOG: {"default": a_storage_id(f"{name}/log")},
        }
    )
