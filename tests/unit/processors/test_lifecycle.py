from __future__ import annotations

import json

import pytest

from huleedu_streams.contracts.enums import ContentType
from huleedu_streams.contracts.events import StorageReferenceMetadata
from huleedu_streams.domain.attempts import FoldKind
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.processors.lifecycle import (
    Decision,
    RequestOrResult,
    decide,
)
from tests.builders import (
    BATCH,
    CORRECTIONS_MADE,
    CORRELATION_ID,
    ESSAY,
    NOON,
    a_request,
    a_result,
    a_storage_id,
    an_id,
    later,
)
from tests.essay_rows import as_stored, row_after, told, walk

S = EssayStatus


def with_error(result: RequestOrResult, **error_info: object) -> RequestOrResult:
    metadata = result.data.system_metadata.model_copy(update={"error_info": error_info})
    data = result.data.model_copy(update={"system_metadata": metadata})
    return result.model_copy(update={"data": data})


def test_request_for_unknown_essay_creates_its_row() -> None:
    row = row_after(a_request())

    assert row["essay_id"] == ESSAY
    assert row["batch_id"] == BATCH
    assert row["current_status"] == "awaiting_spellcheck"
    assert row["attempt"] == row["version"] == 1
    assert row["language"] == "en"
    assert row["correlation_id"] == str(CORRELATION_ID)
    assert row["created_at"] == row["updated_at"] == "2025-05-27T12:00:00Z"


def test_completed_event_moves_awaiting_essay_to_success() -> None:
    row = row_after(a_request(), later(a_result(), 5))

    assert row["current_status"] == "spellchecked_success"
    assert row["corrections_made"] == CORRECTIONS_MADE
    assert row["storage_references"] == {
        "corrected_text": {"default": a_storage_id("result/corrected")},
        "processing_log": {"default": a_storage_id("result/log")},
    }
    assert row["created_at"] == "2025-05-27T12:00:00Z"
    assert row["updated_at"] == "2025-05-27T12:00:05Z"
    assert row["version"] == 2


def test_completed_event_moves_essay_in_progress_to_success() -> None:
    progress = a_result("progress", status=S.SPELLCHECKING_IN_PROGRESS)

    row = row_after(a_request(), progress, a_result())

    assert [entry["status"] for entry in row["timeline"]] == [
        "awaiting_spellcheck",
        "spellchecking_in_progress",
        "spellchecked_success",
    ]


def test_failed_result_leaves_its_error_in_the_row() -> None:
    row = row_after(a_request(), a_result(status=S.SPELLCHECK_FAILED))

    assert row["current_status"] == "spellcheck_failed"
    assert row["last_error"] == {
        "kind": "fetch_error",
        "error_code": "RESOURCE_NOT_FOUND",
        "message": "the content store has no text under this id",
    }
    assert row["timeline"][-1]["error_code"] == "RESOURCE_NOT_FOUND"


def test_timeline_entry_says_what_its_event_needs() -> None:
    row = row_after(a_request(), a_result())

    assert row["timeline"][-1] == {
        "status": "spellchecked_success",
        "previous_status": "awaiting_spellcheck",
        "at": "2025-05-27T12:00:00Z",
        "event_id": str(an_id("result")),
        "cause_id": str(an_id("result")),
        "attempt": 1,
        "version": 2,
        "language": "en",
        "has_batch": True,
        "corrections_made": CORRECTIONS_MADE,
    }


def test_illegal_transition_changes_nothing() -> None:
    row = row_after(a_request(), a_result())

    decision = decide(row, a_result("late", status=S.SPELLCHECK_FAILED))

    assert decision == Decision(row, (), FoldKind.ILLEGAL, ())
    assert decision.row is row


@pytest.mark.parametrize("event", [a_request(), a_result()])
def test_same_event_twice_leaves_the_row_unchanged_and_tells_again(event: RequestOrResult) -> None:
    first = walk(a_request(), a_result())
    row = as_stored(first[-1].row)

    again = decide(row, event)

    assert again.row is row
    assert again.kind is FoldKind.DUPLICATE
    assert again.transitions == ()
    assert again.outputs == first[0 if event.event_type.endswith("requested.v1") else 1].outputs


@pytest.mark.parametrize(
    "event", [a_request("other", batch_id="batch-2"), a_result("other", batch_id="batch-2")]
)
def test_essay_of_another_batch_with_the_same_id_changes_nothing(event: RequestOrResult) -> None:
    row = as_stored(walk(a_request(), a_result())[-1].row)

    decision = decide(row, event)

    assert decision == Decision(row, (), FoldKind.ILLEGAL, ())


def test_result_tells_the_batch_that_the_request_did_not_know() -> None:
    _, decision = walk(a_request(batch_id=None), a_result())

    assert [event.key for event in decision.outputs] == [BATCH]


def test_essay_without_a_batch_is_told_under_its_own_id() -> None:
    [decision] = walk(a_request(batch_id=None))

    assert decision.outputs[0].key == ESSAY


def test_output_names_its_cause_and_copies_the_correlation() -> None:
    [event] = told(decide(None, a_request()).outputs)

    assert event.metadata == {"causation_id": str(an_id("request"))}
    assert event.correlation_id == CORRELATION_ID
    assert event.source_service == "essay-lifecycle-service"
    assert event.event_timestamp == NOON


def test_event_without_correlation_keeps_that_of_the_row() -> None:
    result = a_result().model_copy(update={"correlation_id": None})

    _, decision = walk(a_request(), result)

    assert decision.row is not None
    assert decision.row["correlation_id"] == str(CORRELATION_ID)
    assert told(decision.outputs)[0].correlation_id is None


def test_references_of_both_shapes_become_one_in_the_row() -> None:
    references = StorageReferenceMetadata(
        references={
            ContentType.CORRECTED_TEXT: {"storage_id": "abc", "path": "/essays/abc"},
            ContentType.PROCESSING_LOG: {"path": "/essays/log"},
        }
    )
    result = a_result()
    data = result.data.model_copy(update={"storage_metadata": references})

    row = row_after(a_request(), result.model_copy(update={"data": data}))

    assert row["storage_references"] == {"corrected_text": {"default": "abc"}}


@pytest.mark.parametrize(
    ("error_info", "note"),
    [
        ({}, None),
        ({"error_code": ["TIMEOUT"], "count": 3}, None),
        ({"error_code": "NO_SUCH", "fetch_error": ""}, None),
        ({"error_code": "TIMEOUT"}, {"kind": "", "error_code": "TIMEOUT", "message": ""}),
        (
            {"error_code": "NO_SUCH", "fetch_error": "a\nb\x00c"},
            {"kind": "fetch_error", "error_code": None, "message": "a b c"},
        ),
    ],
)
def test_error_of_any_shape_becomes_one_bounded_line(
    error_info: dict[str, object], note: dict[str, object] | None
) -> None:
    failed = with_error(a_result(status=S.SPELLCHECK_FAILED), **error_info)

    assert row_after(a_request(), failed)["last_error"] == note


def test_row_stays_below_64_kib_however_much_happens() -> None:
    longest, batch = "i" * 128, "b" * 128
    kinds = {kind: {"default": "c" * 128} for kind in ContentType}
    envelopes: list[RequestOrResult] = []
    for number in range(80):
        name = f"request-{number}"
        request = a_request(name, essay_id=longest, batch_id=batch, language="l" * 35)
        result = a_result(f"result-{number}", of=name, essay_id=longest, batch_id=batch)
        stranger = a_result(f"stranger-{number}", of=f"x-{number}", essay_id=longest, batch_id=None)
        long_error = {"error_code": "SPELLCHECK_SERVICE_ERROR", "k" * 500: "\U0001f4a9" * 9000}
        for event in (result, stranger):
            data = event.data.model_copy(
                update={
                    "storage_metadata": StorageReferenceMetadata(references=kinds),
                    "original_text_storage_id": "t" * 128,
                }
            )
            filled = with_error(event.model_copy(update={"data": data}), **long_error)
            envelopes += [filled] if event is stranger else [request, filled]

    row = row_after(*envelopes)

    assert len(row["timeline"]) == len(row["event_ids"]) == 64
    assert len(row["attempts"]) == 16
    assert len(row["parked"]) == 8
    assert len(json.dumps(row, ensure_ascii=False).encode()) < 64 * 1024
