from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from huleedu_streams.contracts.codec import OutgoingEvent, decode
from huleedu_streams.contracts.enums import ErrorCode
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.domain.attempts import FoldKind
from huleedu_streams.domain.batches import MAX_LISTED_ESSAYS, PhaseOutcome
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.domain.resending import MAX_RESENDS
from huleedu_streams.processors.batches import decide_deadline
from huleedu_streams.processors.lifecycle import Row
from huleedu_streams.processors.sweeping import (
    Action,
    deadline_passed,
    is_deadline,
    sweep_essay,
)
from tests.batch_rows import MemoryRows, told
from tests.builders import (
    COMPLETED,
    CORRELATION_ID,
    NOON,
    REQUESTED,
    a_registration,
    a_request,
    a_result,
    a_storage_id,
    an_id,
    an_update,
)
from tests.essay_rows import row_after, walk

LATER = NOON + timedelta(minutes=10)
SUCCESS, FAILED = EssayStatus.SPELLCHECKED_SUCCESS, EssayStatus.SPELLCHECK_FAILED


def event_of(event: OutgoingEvent) -> EventEnvelope[Any]:
    return decode(event.topic, event.key.encode(), event.value, 1_000_000)


def swept(row: Row) -> EventEnvelope[Any]:
    """Return the event that is sent for a stuck essay."""
    found = sweep_essay(row, LATER)
    assert found is not None
    return event_of(found.event)


def resent(times: int) -> list[EventEnvelope[Any]]:
    """Return a request and so many resends of it."""
    events: list[EventEnvelope[Any]] = [a_request(language="sv")]
    for _ in range(times):
        events.append(swept(row_after(*events)))
    return events


def test_stuck_request_is_asked_again_for_the_same_text() -> None:
    first, again = resent(1)

    assert again.event_type == REQUESTED
    assert again.event_id != first.event_id
    assert again.metadata == {
        "causation_id": str(first.event_id),
        "resend_of": str(first.event_id),
        "resend_count": "1",
    }
    assert again.correlation_id == CORRELATION_ID
    assert again.data.entity_ref == first.data.entity_ref
    assert again.data.text_storage_id == a_storage_id("text")
    assert (again.data.language, again.event_timestamp) == ("sv", LATER)


def test_resends_are_counted_in_the_attempts_that_they_open() -> None:
    events = resent(MAX_RESENDS)
    row = row_after(*events)

    assert [each.get("resend_count", 0) for each in row["attempts"]] == [0, 1, 2, 3]
    assert {each.get("resend_of") for each in row["attempts"]} == {None, str(an_id("request"))}
    assert [each.causation_id for each in events[1:]] == [str(e.event_id) for e in events[:-1]]
    assert len({each.event_id for each in events}) == 4


def test_last_resend_without_answer_fails_the_essay() -> None:
    events = resent(MAX_RESENDS)
    result = swept(row_after(*events))
    row = row_after(*events, result)

    assert result.event_type == COMPLETED
    assert result.causation_id == str(events[-1].event_id)
    assert result.correlation_id == CORRELATION_ID
    assert result.data.corrections_made is None
    assert result.data.system_metadata.error_info["error_code"] == ErrorCode.TIMEOUT
    assert row["current_status"] == FAILED
    assert row["last_error"]["error_code"] == ErrorCode.TIMEOUT
    assert sweep_essay(row, LATER) is None


def test_second_worker_sends_the_same_event_and_changes_nothing() -> None:
    row = row_after(a_request())
    mine, theirs = swept(row), swept(dict(row, version=row["version"]))

    decisions = walk(a_request(), mine, theirs)

    assert mine.event_id == theirs.event_id
    assert [each.kind for each in decisions[1:]] == [FoldKind.APPLIED, FoldKind.DUPLICATE]
    assert decisions[1].outputs == decisions[2].outputs
    assert decisions[1].row == decisions[2].row


@pytest.mark.parametrize("of", ["request", "resend"])
def test_answer_to_the_resend_counts_and_to_an_earlier_request_does_not(of: str) -> None:
    first, again = resent(1)
    answer = a_result().model_copy(
        update={"metadata": {"causation_id": str((first if of == "request" else again).event_id)}}
    )

    row = row_after(first, again, answer)

    expected = EssayStatus.AWAITING_SPELLCHECK if of == "request" else SUCCESS
    assert row["current_status"] == expected


def test_retry_by_a_teacher_is_resent_from_the_first_again() -> None:
    events = [*resent(MAX_RESENDS), a_request("retry", text="text")]

    found = sweep_essay(row_after(*events), LATER)

    assert found is not None
    assert (found.action, found.resend_count) == (Action.RESEND, 1)


@pytest.mark.parametrize("rows", [[a_result()], [a_request(), a_result()]])
def test_essay_that_waits_for_nothing_is_left_alone(rows: list[Any]) -> None:
    assert sweep_essay(row_after(*rows), LATER) is None


@pytest.mark.parametrize("count", ["", "-1", "99999", "two", "1e3", "٣"])
def test_odd_resend_count_of_a_producer_counts_as_none(count: str) -> None:
    odd = a_request().model_copy(update={"metadata": {"resend_count": count, "resend_of": "x"}})

    assert (odd.resend_count, odd.resend_of) == (0, None)


class Overdue:
    """A batch of which some essays have a result, and its deadline."""

    def __init__(self, expected: int, *results: EssayStatus) -> None:
        self.ids = [f"essay-{number:04}" for number in range(expected)]
        self.rows = MemoryRows()
        self.rows.take(a_registration(self.ids))
        for essay_id, status in zip(self.ids, results, strict=False):
            self.rows.take(an_update(essay_id, status, corrections_made=1))
        found = deadline_passed(self.rows.row(), self.ids, LATER)
        self.event = event_of(found.event)


def test_deadline_is_the_registration_once_more_under_an_id_of_its_own() -> None:
    overdue = Overdue(2)

    assert overdue.event.data.essay_ids == overdue.ids
    assert overdue.event.event_id != an_id("registration")
    assert overdue.event.causation_id == str(an_id("registration"))
    assert is_deadline(overdue.event)
    assert not is_deadline(a_registration())


def test_batch_past_its_deadline_lists_what_is_missing() -> None:
    overdue = Overdue(4, SUCCESS, FAILED, EssayStatus.AWAITING_SPELLCHECK)

    decision = overdue.rows.take(overdue.event)

    outcome = told(decision.outputs[0]).data
    assert outcome.outcome is PhaseOutcome.COMPLETED_WITH_FAILURES
    assert (outcome.successful, outcome.failed, outcome.expected_essay_count) == (1, 1, 4)
    assert outcome.missing_essay_ids == overdue.ids[2:]
    assert outcome.failed_essay_ids == [overdue.ids[1]]
    assert (outcome.missing_essay_ids_truncated, outcome.duration_seconds) == (False, 600)


def test_long_list_of_missing_essays_is_cut_and_says_so() -> None:
    overdue = Overdue(MAX_LISTED_ESSAYS + 1)

    outcome = told(overdue.rows.take(overdue.event).outputs[0]).data

    assert outcome.outcome is PhaseOutcome.FAILED_CRITICALLY
    assert outcome.missing_essay_ids == overdue.ids[:MAX_LISTED_ESSAYS]
    assert outcome.missing_essay_ids_truncated


def test_late_result_changes_the_counts_and_no_outcome() -> None:
    overdue = Overdue(1)
    first = overdue.rows.take(overdue.event)

    late = overdue.rows.take(an_update(overdue.ids[0]))

    assert late.outputs == ()
    assert overdue.rows.row()["counts"] == {"spellchecked_success": 1}
    assert overdue.rows.row()["outcome"] == PhaseOutcome.FAILED_CRITICALLY
    again = overdue.rows.take(overdue.event)
    assert (again.kind, again.outputs) == (FoldKind.DUPLICATE, first.outputs)


def test_deadline_after_the_last_result_says_nothing() -> None:
    overdue = Overdue(1, SUCCESS)

    decision = overdue.rows.take(overdue.event)

    assert (decision.kind, decision.outputs) == (FoldKind.STALE, ())
    assert overdue.rows.row()["outcome"] == PhaseOutcome.COMPLETED_SUCCESSFULLY


def test_deadline_of_another_registration_is_refused() -> None:
    overdue = Overdue(1)
    foreign = overdue.event.model_copy(update={"event_id": an_id("somebody")})

    assert decide_deadline(overdue.rows, foreign).kind is FoldKind.ILLEGAL
    assert decide_deadline(MemoryRows(), overdue.event).batch is None
