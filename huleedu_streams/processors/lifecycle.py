"""Step 5 of 6: one event folded into one essay's row.

Lives here: the way from the wire to facts, and from timeline entries back to events. Not here: the
rules (`domain/attempts.py`), writes and sends (`agents/lifecycle.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huleedu_streams.contracts.codec import OutgoingEvent, encode
from huleedu_streams.contracts.enums import ErrorCode, ProcessingEvent
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.events import (
    EntityReference,
    EssayLifecycleStateUpdatedV1,
    SpellcheckRequestedDataV1,
    SpellcheckResultDataV1,
    StorageReferenceMetadata,
    SystemProcessingMetadata,
    state_updated_id,
)
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.attempts import Fact, FoldKind, fold
from huleedu_streams.domain.lifecycle import (
    MAX_ERROR_LENGTH,
    ErrorNote,
    EssayStatus,
    LifecycleRecord,
    SpellcheckRequested,
    SpellcheckResult,
    TimelineEntry,
)

SOURCE_SERVICE = "essay-lifecycle-service"
_TOPIC = topic_name(ProcessingEvent.ESSAY_LIFECYCLE_STATE_UPDATED)

Row = Mapping[str, Any]
RequestOrResult = EventEnvelope[SpellcheckRequestedDataV1] | EventEnvelope[SpellcheckResultDataV1]


@dataclass(frozen=True, slots=True)
class Transition:
    """A status that changed just now: for the log and the metric; `None` is no row before."""

    from_status: str | None
    to_status: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What one event does to its essay.

    Attributes:
        row: The row afterwards: the very object given if nothing changed, `None` if there is none.
        outputs: What to send, in order; a duplicate's are those of its first time, byte for byte.
        kind: What came of the event.
        transitions: Statuses that changed; none for a duplicate.
    """

    row: Row | None
    outputs: tuple[OutgoingEvent, ...]
    kind: FoldKind
    transitions: tuple[Transition, ...]


def decide(row: Row | None, envelope: RequestOrResult) -> Decision:
    """Return what `envelope` makes of the essay's row; pure, so a replay decides the same."""
    record = None if row is None else LifecycleRecord.from_row(row)
    folded = fold(record, to_fact(envelope))
    after = folded.record
    outputs = tuple(
        encode(_state_updated(after, entry, envelope))
        for entry in folded.entries
        if after is not None and isinstance(entry.status, EssayStatus)
    )
    if after is None or after is record:
        return Decision(row, outputs, folded.kind, ())
    transitions = tuple(
        Transition(entry.previous_status, entry.status)
        for entry in folded.entries
        if not entry.joined
    )
    return Decision(after.to_row(), outputs, folded.kind, transitions)


def to_fact(envelope: RequestOrResult) -> Fact:
    """Return what the envelope says, in the words of the domain."""
    data = envelope.data
    entity = data.entity_ref
    common = {
        "event_id": str(envelope.event_id),
        "essay_id": entity.entity_id,
        "batch_id": entity.parent_id,
        "at": envelope.event_timestamp,
        "correlation_id": str(envelope.correlation_id) if envelope.correlation_id else None,
    }
    if isinstance(data, SpellcheckRequestedDataV1):
        return SpellcheckRequested(
            **common,
            text_storage_id=data.text_storage_id,
            language=data.language,
            resend_of=envelope.resend_of,
            resend_count=envelope.resend_count,
        )
    return SpellcheckResult(
        **common,
        causation_id=envelope.causation_id,
        original_text_storage_id=data.original_text_storage_id,
        status=data.status,
        storage_references=_references(data.storage_metadata),
        corrections_made=data.corrections_made,
        error=_error_note(data.system_metadata),
    )


def _state_updated(
    record: LifecycleRecord, entry: TimelineEntry, cause: RequestOrResult
) -> EventEnvelope[EssayLifecycleStateUpdatedV1]:
    """Return the event that tells of `entry`.

    Made of the essay's ids, the entry and the cause's ids alone: what comes later cannot change it.
    """
    previous = entry.previous_status
    return EventEnvelope[EssayLifecycleStateUpdatedV1](
        event_id=state_updated_id(cause.event_id, entry.version),
        event_type=_TOPIC,
        event_timestamp=entry.at,
        source_service=SOURCE_SERVICE,
        correlation_id=cause.correlation_id,
        metadata={"causation_id": str(cause.event_id)},
        data=EssayLifecycleStateUpdatedV1(
            event_name=ProcessingEvent.ESSAY_LIFECYCLE_STATE_UPDATED,
            entity_ref=EntityReference(
                entity_id=record.essay_id,
                entity_type="essay",
                parent_id=record.batch_id if entry.has_batch else None,
            ),
            timestamp=entry.at,
            status=EssayStatus(entry.status),
            previous_status=previous if isinstance(previous, EssayStatus) else None,
            attempt=entry.attempt,
            version=entry.version,
            corrections_made=entry.corrections_made,
            error_code=None if entry.error_code is None else ErrorCode(entry.error_code),
            language=entry.language,
        ),
    )


def _references(metadata: StorageReferenceMetadata | None) -> dict[str, dict[str, str]]:
    """Return each content type's id in the one shape that rows have."""
    if metadata is None:
        return {}
    ids = {kind.value: metadata.storage_id(kind) for kind in metadata.references}
    return {kind: {"default": storage_id} for kind, storage_id in ids.items() if storage_id}


def _error_note(metadata: SystemProcessingMetadata) -> ErrorNote | None:
    """Return the first message of `error_info`, as one bounded line."""
    code = metadata.error_info.get("error_code")
    known_code = code if isinstance(code, str) and code in set(ErrorCode) else None
    messages = {
        kind: text
        for kind, text in metadata.error_info.items()
        if kind != "error_code" and isinstance(text, str)
    }
    kind, message = next(iter(messages.items()), ("", ""))
    if known_code is None and not message:
        return None
    line = "".join(character if character.isprintable() else " " for character in message)
    return ErrorNote(kind=kind[:64], error_code=known_code, message=line[:MAX_ERROR_LENGTH])
