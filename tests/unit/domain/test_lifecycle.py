from __future__ import annotations

import pytest

from huleedu_streams.domain.lifecycle import (
    RESULT_STATUSES,
    TERMINAL_STATUSES,
    TRANSITIONS,
    EssayStatus,
    LifecycleRecord,
    Step,
    advance,
    next_statuses,
)
from huleedu_streams.errors import IllegalTransitionError
from tests.builders import NOON

S = EssayStatus


def a_record(status: EssayStatus | str) -> LifecycleRecord:
    return LifecycleRecord(
        essay_id="essay-1",
        current_status=status,
        attempt=1,
        version=3,
        created_at=NOON,
        updated_at=NOON,
    )


def a_step(status: EssayStatus) -> Step:
    return Step(status=status, attempt=1, at=NOON, event_id="event", cause_id="event")


def reachable_from(start: EssayStatus) -> set[EssayStatus]:
    seen: set[EssayStatus] = set()
    to_visit = [start]
    while to_visit:
        status = to_visit.pop()
        if status not in seen:
            seen.add(status)
            to_visit.extend(TRANSITIONS[status])
    return seen


def every_pair() -> list[tuple[EssayStatus, EssayStatus]]:
    return [(before, after) for before in EssayStatus for after in EssayStatus]


def test_every_status_has_a_row_of_transitions() -> None:
    assert set(TRANSITIONS) == set(EssayStatus)


def test_transitions_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[S.UPLOADED] = frozenset()  # type: ignore[index] # that it fails is the point


def test_terminal_statuses_are_the_three_ends() -> None:
    assert {
        S.ESSAY_ALL_PROCESSING_COMPLETED,
        S.ESSAY_PARTIALLY_PROCESSED_WITH_FAILURES,
        S.ESSAY_CRITICAL_FAILURE,
    } == TERMINAL_STATUSES


@pytest.mark.parametrize("status", sorted(TERMINAL_STATUSES))
def test_terminal_statuses_have_no_way_out(status: EssayStatus) -> None:
    assert next_statuses(status) == frozenset()


@pytest.mark.parametrize("status", sorted(set(EssayStatus) - TERMINAL_STATUSES))
def test_every_other_status_may_fail_critically(status: EssayStatus) -> None:
    assert S.ESSAY_CRITICAL_FAILURE in TRANSITIONS[status]


def test_every_status_is_reachable_from_submission() -> None:
    assert reachable_from(S.UPLOADED) == set(EssayStatus)


@pytest.mark.parametrize("status", sorted(set(EssayStatus) - TERMINAL_STATUSES))
def test_every_status_leads_to_an_end(status: EssayStatus) -> None:
    assert reachable_from(status) & TERMINAL_STATUSES


@pytest.mark.parametrize(
    ("status", "targets"),
    [
        (S.UPLOADED, {S.TEXT_EXTRACTED, S.AWAITING_SPELLCHECK}),
        (S.TEXT_EXTRACTED, {S.AWAITING_SPELLCHECK}),
        (S.SPELLCHECKING_IN_PROGRESS, {S.SPELLCHECKED_SUCCESS, S.SPELLCHECK_FAILED}),
        (S.SPELLCHECKED_SUCCESS, {S.AWAITING_NLP, S.ESSAY_ALL_PROCESSING_COMPLETED}),
        (
            S.SPELLCHECK_FAILED,
            {
                S.AWAITING_SPELLCHECK,
                S.AWAITING_NLP,
                S.ESSAY_PARTIALLY_PROCESSED_WITH_FAILURES,
            },
        ),
        (S.NLP_COMPLETED_SUCCESS, {S.AWAITING_AI_FEEDBACK}),
        (S.GRAMMAR_CHECK_COMPLETED_SUCCESS, {S.AWAITING_CJ_INCLUSION}),
        (S.CJ_RANKING_COMPLETED, {S.ESSAY_ALL_PROCESSING_COMPLETED}),
        (
            S.EDITOR_REVISION_FAILED,
            {
                S.AWAITING_EDITOR_REVISION,
                S.AWAITING_GRAMMAR_CHECK,
                S.AWAITING_CJ_INCLUSION,
                S.ESSAY_PARTIALLY_PROCESSED_WITH_FAILURES,
            },
        ),
    ],
)
def test_status_leads_where_the_walk_says(status: EssayStatus, targets: set[EssayStatus]) -> None:
    assert TRANSITIONS[status] == targets | {S.ESSAY_CRITICAL_FAILURE}


def test_result_may_say_progress_success_failure_or_loss() -> None:
    assert {
        S.SPELLCHECKING_IN_PROGRESS,
        S.SPELLCHECKED_SUCCESS,
        S.SPELLCHECK_FAILED,
        S.ESSAY_CRITICAL_FAILURE,
    } == RESULT_STATUSES


@pytest.mark.parametrize(("before", "after"), every_pair())
def test_advance_takes_the_edges_of_the_table_and_no_other(
    before: EssayStatus, after: EssayStatus
) -> None:
    record = a_record(before)

    if after in TRANSITIONS[before]:
        advanced = advance(record, a_step(after))

        assert advanced.current_status is after
        assert advanced.version == record.version + 1
        assert advanced.timeline[-1].previous_status is before
    else:
        with pytest.raises(IllegalTransitionError):
            advance(record, a_step(after))


def test_advance_leaves_the_record_given_unchanged() -> None:
    record = a_record(S.AWAITING_SPELLCHECK)
    row = record.to_row()

    advance(record, a_step(S.SPELLCHECKED_SUCCESS))

    assert record.to_row() == row


def test_status_of_a_newer_writer_leads_nowhere() -> None:
    record = a_record("awaiting_translation")

    with pytest.raises(IllegalTransitionError):
        advance(record, a_step(S.SPELLCHECKED_SUCCESS))


def test_row_of_a_newer_writer_is_kept_as_it_is() -> None:
    row = advance(a_record(S.AWAITING_SPELLCHECK), a_step(S.SPELLCHECKED_SUCCESS)).to_row()
    row["current_status"] = "awaiting_translation"
    row["translated_into"] = ["sv"]
    row["timeline"][0]["status"] = "awaiting_translation"
    row["timeline"][0]["translator"] = {"name": "x"}

    assert LifecycleRecord.from_row(row).to_row() == row
