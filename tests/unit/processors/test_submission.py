from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from huleedu_streams.contracts.codec import decode, encode
from huleedu_streams.contracts.enums import ProcessingStage
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.processors.submission import (
    Origin,
    Registration,
    Submission,
    batch_registration,
    keyed_event_id,
    spellcheck_request,
    submitted_text_id,
)

NOW = datetime(2025, 5, 27, 12, tzinfo=UTC)
ORIGIN = Origin(
    UUID("6f1c0000-0000-4000-8000-000000000001"),
    UUID("0b2e0000-0000-4000-8000-000000000001"),
    NOW,
)
TEXT_ID = "0123456789abcdef0123456789abcdef"


def test_request_names_essay_batch_text_and_language() -> None:
    envelope = spellcheck_request(Submission("essay-1", "batch-1", TEXT_ID, "sv"), ORIGIN)

    event = encode(envelope)
    assert event.topic == "huleedu.essay.spellcheck.requested.v1"
    assert event.key == "essay-1"
    assert decode(event.topic, b"essay-1", event.value, 262_144) == envelope
    assert envelope.event_id == ORIGIN.event_id
    assert envelope.correlation_id == ORIGIN.correlation_id
    assert envelope.source_service == "batch-service"
    assert envelope.data.entity_ref.parent_id == "batch-1"
    assert envelope.data.system_metadata.entity.parent_id == "batch-1"
    assert envelope.data.system_metadata.processing_stage is ProcessingStage.PENDING
    assert envelope.data.status is EssayStatus.AWAITING_SPELLCHECK
    assert (envelope.data.text_storage_id, envelope.data.language) == (TEXT_ID, "sv")


def test_registration_carries_ids_count_and_notes() -> None:
    registration = Registration("batch-1", ["a", "b"], {"course_code": "ENG5"})

    envelope = batch_registration(registration, ORIGIN)

    event = encode(envelope)
    assert event.key == "batch-1"
    assert decode(event.topic, b"batch-1", event.value, 262_144) == envelope
    assert envelope.data.expected_essay_count == 2
    assert envelope.data.essay_ids == ["a", "b"]
    assert envelope.metadata == {"course_code": "ENG5"}


def test_registration_without_notes_has_no_metadata() -> None:
    assert batch_registration(Registration("batch-1", ["a"]), ORIGIN).metadata is None


def test_key_stands_for_one_event_within_its_scope() -> None:
    assert keyed_event_id("k", "batch-1", "a") == keyed_event_id("k", "batch-1", "a")
    ids = {
        keyed_event_id("k", "batch-1", "a"),
        keyed_event_id("k", "batch-1", "b"),
        keyed_event_id("k", "batch-2", "a"),
        keyed_event_id("k", "batch-1a", ""),
        keyed_event_id("other", "batch-1", "a"),
    }
    assert len(ids) == 5


def test_text_of_a_key_has_an_id_of_the_content_store() -> None:
    text_id = submitted_text_id(ORIGIN.event_id)

    assert len(text_id) == 32
    assert text_id == submitted_text_id(ORIGIN.event_id)
