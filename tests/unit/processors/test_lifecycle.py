from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from huleedu_streams.contracts.codec import OutgoingEvent, decode
from huleedu_streams.contracts.enums import ContentType, ErrorCode
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.events import EssayLifecycleStateUpdatedV1, StorageReferenceMetadata
from huleedu_streams.domain.attempts import FoldKind
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.processors.lifecycle import (
    Decision,
    RequestOrResult,
    Row,
    Transition,
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

S = EssayStatus


def as_stored(row: Row | None) -> Row | None:
    """Return the row as a table gives it back: through JSON."""
    stored: Row | None = json.loads(json.dumps(row))
    return stored


def walk(*envelopes: RequestOrResult, row: Row | None = None) -> list[Decision]:
    """Return the decisions of these events, one after the other."""
    decisions = []
    for envelope in envelopes:
        decision = decide(as_stored(row), envelope)
        row = decision.row
        decisions.append(decision)
    return decisions


def row_after(*envelopes: RequestOrResult) -> dict[str, Any]:
    row = as_stored(walk(*envelopes)[-1].row)
    assert row is not None
    return dict(row)


def told(outputs: Iterable[OutgoingEvent]) -> list[EventEnvelope[EssayLifecycleStateUpdatedV1]]:
    return [decode(event.topic, event.key.encode(), event.value, 10_000) for event in outputs]


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


def test_completed_event_for_unknown_essay_creates_its_row() -> None:
    decision = decide(None, a_result())

    assert decision.row is not None
    assert decision.row["current_status"] == "spellchecked_success"
    assert decision.row["attempt"] == 1
    assert decision.transitions == (Transition(None, S.SPELLCHECKED_SUCCESS),)
    assert told(decision.outputs)[0].data.previous_status is None


def test_request_joins_the_attempt_that_its_result_began() -> None:
    _, joined = walk(a_result(batch_id=None), a_request(language="sv"))

    assert joined.row is not None
    assert joined.row["current_status"] == "spellchecked_success"
    assert joined.row["attempt"] == 1
    assert joined.row["batch_id"] == BATCH
    assert joined.row["language"] == "sv"
    assert joined.row["timeline"][-1]["joined"] is True
    assert joined.row["parked"] == []
    assert joined.transitions == ()


def test_joining_request_tells_the_batch_where_the_essay_stands() -> None:
    first, joined = walk(a_result(batch_id=None), a_request())

    [before] = first.outputs
    assert before.key == ESSAY
    [after] = joined.outputs
    assert after.key == BATCH
    data = told([after])[0].data
    assert data.status is data.previous_status is S.SPELLCHECKED_SUCCESS
    assert data.entity_ref.parent_id == BATCH
    assert data.version == 2
    assert data.corrections_made == CORRECTIONS_MADE


def test_request_joins_failed_result_with_its_error_code() -> None:
    _, joined = walk(a_result(status=S.SPELLCHECK_FAILED), a_request())

    assert told(joined.outputs)[0].data.error_code is ErrorCode.RESOURCE_NOT_FOUND


def test_repeat_of_an_event_before_the_join_tells_what_it_told_then() -> None:
    first = a_result(batch_id=None)
    told_first, joined = walk(first, a_request())

    repeated = decide(joined.row, first)

    assert repeated.outputs == told_first.outputs


def test_result_without_cause_is_joined_by_the_request_of_its_text() -> None:
    row = row_after(a_result(of=None, text="a"), a_request(text="a"))

    assert row["current_status"] == "spellchecked_success"
    assert row["attempt"] == 1
    assert row["attempts"][0]["event_id"] == str(an_id("request"))


def test_second_result_before_the_request_goes_on_with_the_attempt() -> None:
    progress = a_result("progress", status=S.SPELLCHECKING_IN_PROGRESS)

    row = row_after(progress, a_result(), a_request())

    assert row["current_status"] == "spellchecked_success"
    assert [entry.get("joined", False) for entry in row["timeline"]] == [False, False, True]


def test_other_request_before_that_of_the_first_result_opens_its_own_attempt() -> None:
    row = row_after(a_result(of="second"), a_request("first"))

    assert row["attempt"] == 2
    assert row["current_status"] == "awaiting_spellcheck"


def test_newest_request_finds_the_result_that_began_the_row() -> None:
    row = row_after(a_result(of="second"), a_request("first"), a_request("second"))

    assert row["attempt"] == 3
    assert row["current_status"] == "spellchecked_success"
    assert row["parked"] == []


def test_unrequested_result_of_another_kind_creates_no_row() -> None:
    decision = decide(None, a_result(status=S.NLP_FAILED))

    assert decision == Decision(None, (), FoldKind.ILLEGAL, ())


def test_result_of_unknown_request_is_parked() -> None:
    _, decision = walk(a_request(), a_result(of="second", text="other"))

    assert decision.kind is FoldKind.PARKED
    assert decision.outputs == ()
    assert decision.row is not None
    assert decision.row["current_status"] == "awaiting_spellcheck"
    assert decision.row["version"] == 2


def test_result_of_another_kind_is_never_parked() -> None:
    first, decision = walk(a_request(), a_result(of="second", status=S.NLP_FAILED))

    assert decision.kind is FoldKind.ILLEGAL
    assert decision.row == first.row


def test_parked_result_is_applied_when_its_request_comes() -> None:
    parked = a_result(of="second")
    *_, decision = walk(a_request(), parked, a_request("second"))

    assert decision.row is not None
    assert decision.row["current_status"] == "spellchecked_success"
    assert decision.row["parked"] == []
    assert [event.data.status for event in told(decision.outputs)] == [
        S.AWAITING_SPELLCHECK,
        S.SPELLCHECKED_SUCCESS,
    ]
    assert len(decision.transitions) == 2


def test_repeated_request_sends_the_outputs_of_its_parked_result_too() -> None:
    request = a_request("second")
    *_, first = walk(a_request(), a_result(of="second"), request)

    again = decide(first.row, request)

    assert again.kind is FoldKind.DUPLICATE
    assert again.outputs == first.outputs


def test_repeated_parked_result_sends_nothing() -> None:
    parked = a_result(of="second")
    *_, last = walk(a_request(), parked, a_request("second"))

    assert decide(last.row, parked).outputs == ()


def test_parked_results_are_bounded_and_the_oldest_goes() -> None:
    strangers = [a_result(f"result-{n}", of=f"stranger-{n}", text="other") for n in range(10)]

    row = row_after(a_request(), *strangers)

    assert len(row["parked"]) == 8
    assert row["parked"][0]["event_id"] == str(an_id("result-2"))


def test_new_request_opens_the_next_attempt_whatever_the_status() -> None:
    *_, decision = walk(a_request(), a_result(), a_request("retry", text="revised"))

    assert decision.row is not None
    assert decision.row["attempt"] == 2
    assert decision.row["current_status"] == "awaiting_spellcheck"
    assert decision.row["corrections_made"] is None
    assert decision.row["storage_references"] == {}
    assert decision.transitions == (Transition(S.SPELLCHECKED_SUCCESS, S.AWAITING_SPELLCHECK),)


@pytest.mark.parametrize("status", [S.ESSAY_CRITICAL_FAILURE, "awaiting_translation"])
def test_new_request_opens_an_attempt_from_an_end_or_an_unknown_status(status: str) -> None:
    row = row_after(a_request())
    row["current_status"] = status

    decision = decide(row, a_request("retry"))

    assert decision.row is not None
    assert decision.row["current_status"] == "awaiting_spellcheck"
    previous = told(decision.outputs)[0].data.previous_status
    assert previous == (status if status in set(S) else None)


def test_result_for_a_row_of_unknown_status_changes_nothing() -> None:
    row = row_after(a_request())
    row["current_status"] = "awaiting_translation"

    decision = decide(row, a_result())

    assert decision.kind is FoldKind.ILLEGAL
    assert decision.row is row


def test_join_of_a_row_of_unknown_status_tells_nobody() -> None:
    row = row_after(a_result())
    row["current_status"] = "awaiting_translation"

    decision = decide(row, a_request())

    assert decision.outputs == ()
    assert decision.kind is FoldKind.APPLIED


def test_result_of_an_earlier_attempt_is_noted_and_changes_no_status() -> None:
    *_, decision = walk(a_request(), a_request("retry"), a_result())

    assert decision.kind is FoldKind.STALE
    assert decision.outputs == ()
    assert decision.row is not None
    assert decision.row["current_status"] == "awaiting_spellcheck"
    assert decision.row["corrections_made"] is None
    entry = decision.row["timeline"][-1]
    assert entry["attempt"] == 1
    assert entry["applied"] is False
    assert entry["previous_status"] is None


def test_result_without_cause_answers_the_newest_attempt_of_its_text() -> None:
    row = row_after(a_request(), a_request("resend"), a_result(of=None))

    assert row["attempt"] == 2
    assert row["current_status"] == "spellchecked_success"


def test_cause_that_is_no_id_counts_as_none() -> None:
    foreign = a_result().model_copy(update={"metadata": {"causation_id": "see above"}})

    row = row_after(a_request(), foreign)

    assert row["current_status"] == "spellchecked_success"


def test_request_never_moves_a_finished_attempt_back() -> None:
    request = a_request()

    _, finished, repeated = walk(request, a_result(), request)

    assert repeated.row == finished.row


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


def test_batch_once_set_never_changes() -> None:
    row = row_after(a_request(), a_request("retry", batch_id="batch-2"))

    assert row["batch_id"] == BATCH


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
    longest = "i" * 128
    kinds = {kind: {"default": "c" * 128} for kind in ContentType}
    envelopes: list[RequestOrResult] = []
    for number in range(80):
        request = a_request(
            f"request-{number}", essay_id=longest, batch_id="b" * 128, language="l" * 35
        )
        result = a_result(f"result-{number}", of=f"request-{number}", essay_id=longest)
        stranger = a_result(f"stranger-{number}", of=f"unknown-{number}", essay_id=longest)
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
