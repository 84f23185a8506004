from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from huleedu_streams.contracts.enums import ContentType, ProcessingEvent
from huleedu_streams.contracts.envelope import EventEnvelope, derived_id
from huleedu_streams.contracts.events import (
    MAX_BATCH_ESSAYS,
    BatchEssaysRegistered,
    EntityReference,
    ProcessingUpdate,
    StorageReferenceMetadata,
    SystemProcessingMetadata,
)
from huleedu_streams.domain.batches import BatchStatus
from huleedu_streams.domain.lifecycle import EssayStatus
from tests.builders import NOON, a_registration, a_request, a_result, an_id


def an_entity(kind: str) -> EntityReference:
    return EntityReference(entity_id="id-1", entity_type=kind)


def a_processing_update(kind: str, status: object) -> ProcessingUpdate:
    entity = an_entity(kind)
    fields: dict[str, Any] = {
        "event_name": ProcessingEvent.PROCESSING_STARTED,
        "entity_ref": entity,
        "timestamp": NOON,
        "status": status,
        "system_metadata": SystemProcessingMetadata(entity=entity, timestamp=NOON),
    }
    return ProcessingUpdate(**fields)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("essay", EssayStatus.UPLOADED),
        ("batch", BatchStatus.UPLOADED),
        ("essay", EssayStatus.NLP_FAILED),
        ("batch", BatchStatus.CANCELLED),
    ],
)
def test_status_comes_back_as_the_enum_of_its_entity(
    kind: str, status: EssayStatus | BatchStatus
) -> None:
    update = a_processing_update(kind, status)

    read = ProcessingUpdate.model_validate_json(update.model_dump_json())

    assert read.status is status
    assert read == update


@pytest.mark.parametrize(
    ("kind", "status"), [("essay", BatchStatus.CANCELLED), ("batch", EssayStatus.NLP_FAILED)]
)
def test_status_of_the_other_kind_of_entity_is_refused(kind: str, status: object) -> None:
    with pytest.raises(ValidationError, match="as its entity_type wants"):
        a_processing_update(kind, status)


def test_events_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        a_request().data.entity_ref.parent_id = None  # type: ignore[misc] # that it fails


def test_result_names_its_request_as_its_cause() -> None:
    assert a_result(of="request").causation_id == str(an_id("request"))


@pytest.mark.parametrize("metadata", [None, {}, {"causation_id": "no uuid"}])
def test_cause_that_is_missing_or_no_id_is_none(metadata: dict[str, str] | None) -> None:
    assert a_result().model_copy(update={"metadata": metadata}).causation_id is None


def test_derived_id_is_the_same_for_every_replay_and_differs_by_step() -> None:
    event_id = UUID("6f1c0000-0000-4000-8000-000000000001")

    assert derived_id(event_id, "result") == derived_id(str(event_id), "result")
    assert derived_id(event_id, "result") != derived_id(event_id, "other")


def test_envelope_made_here_has_an_id_and_a_time_of_its_own() -> None:
    data = a_request().data

    one, other = (
        EventEnvelope(event_type="a.v1", source_service="tests", data=data) for _ in range(2)
    )

    assert one.event_id != other.event_id
    assert one.event_timestamp.utcoffset() is not None


@pytest.mark.parametrize(
    ("essay_ids", "count", "message"),
    [
        (["a", "b"], 3, "not the number of essay_ids"),
        (["a", "a"], 2, "names an essay twice"),
        ([], 0, "at least 1 item"),
        ([f"e{n}" for n in range(MAX_BATCH_ESSAYS + 1)], MAX_BATCH_ESSAYS + 1, "at most 10000"),
    ],
)
def test_registration_whose_ids_do_not_add_up_is_refused(
    essay_ids: list[str], count: int, message: str
) -> None:
    metadata = a_registration().data.metadata

    with pytest.raises(ValidationError, match=message):
        BatchEssaysRegistered(
            batch_id="b", expected_essay_count=count, essay_ids=essay_ids, metadata=metadata
        )


@pytest.mark.parametrize(
    "reference",
    [
        {"default": "../../etc/passwd"},
        {"storage_id": "an id"},
        {"path": "x" * 1025},
        {"k" * 65: "x"},
        {f"key-{n}": "x" for n in range(9)},
    ],
)
def test_reference_that_is_no_id_or_has_no_bound_is_refused(reference: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        StorageReferenceMetadata(references={ContentType.CORRECTED_TEXT: reference})
