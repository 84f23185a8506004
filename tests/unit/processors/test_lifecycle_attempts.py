from __future__ import annotations

import pytest

from huleedu_streams.contracts.enums import ErrorCode
from huleedu_streams.domain.attempts import FoldKind
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.processors.lifecycle import (
    Decision,
    Transition,
    decide,
)
from tests.builders import (
    BATCH,
    CORRECTIONS_MADE,
    ESSAY,
    a_request,
    a_result,
    an_id,
)
from tests.essay_rows import row_after, told, walk

S = EssayStatus


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


def test_every_result_before_the_newest_request_waits_for_it() -> None:
    progress = a_result("progress", of="second", status=S.SPELLCHECKING_IN_PROGRESS)

    early = row_after(progress, a_result(of="second"), a_request("first"), a_request("second"))
    late = row_after(progress, a_request("first"), a_result(of="second"), a_request("second"))

    for row in (early, late):
        assert row["attempt"] == 3
        assert [entry["status"] for entry in row["timeline"][-3:]] == [
            "awaiting_spellcheck",
            "spellchecking_in_progress",
            "spellchecked_success",
        ]


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
