from __future__ import annotations

import pytest

from huleedu_streams.contracts.events import state_updated_id
from huleedu_streams.domain.attempts import FoldKind
from huleedu_streams.domain.batches import PhaseOutcome
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.domain.rosters import (
    page_of,
)
from huleedu_streams.processors.batches import (
    BatchDecision,
)
from tests.batch_rows import MemoryRows, told
from tests.builders import (
    BATCH,
    CORRELATION_ID,
    a_registration,
    an_id,
    an_update,
    later,
)

S = EssayStatus


@pytest.fixture
def rows() -> MemoryRows:
    return MemoryRows()


def test_registration_of_unknown_batch_creates_its_row(rows: MemoryRows) -> None:
    decision = rows.take(a_registration(["a", "b"]))

    assert decision.kind is FoldKind.APPLIED
    assert decision.outputs == ()
    row = rows.row()
    assert row["expected_essay_count"] == 2
    assert row["counts"] == {}
    assert row["registered_at"] == "2025-05-27T12:00:00Z"
    assert row["completed_at"] is row["outcome"] is None
    assert row["version"] == 2, "the sum of its pages' versions"
    assert set(rows.members()) == {"a", "b"}


def test_update_counts_its_essay_under_its_status(rows: MemoryRows) -> None:
    rows.take(
        a_registration(["a", "b"]),
        an_update("a", S.AWAITING_SPELLCHECK, version=1),
        an_update("a", S.SPELLCHECKED_SUCCESS, version=2, corrections_made=3),
        an_update("b", S.AWAITING_SPELLCHECK, version=1),
    )

    assert rows.row()["counts"] == {"awaiting_spellcheck": 1, "spellchecked_success": 1}
    assert rows.row()["corrections_made"] == 3
    assert rows.members()["a"] == {
        "is_expected": True,
        "status": "spellchecked_success",
        "attempt": 1,
        "version": 2,
        "corrections_made": 3,
    }


def test_repeated_update_counts_once(rows: MemoryRows) -> None:
    rows.take(a_registration(["a", "b"]), an_update("a"))
    before = dict(rows.batches), dict(rows.pages)

    decision = rows.take(an_update("a"))

    assert decision.kind is FoldKind.DUPLICATE
    # Both rows are written again, as they are: the changelog may lack them.
    assert decision.batch == rows.row()
    assert list(decision.pages) == [page_of("a")]
    assert (rows.batches, rows.pages) == before


def test_late_update_counts_not_at_all(rows: MemoryRows) -> None:
    rows.take(a_registration(["a", "b"]), an_update("a", version=3))

    decision = rows.take(an_update("a", S.AWAITING_SPELLCHECK, version=1))

    assert decision.kind is FoldKind.STALE
    assert rows.row()["counts"] == {"spellchecked_success": 1}


def test_update_without_batch_is_ignored(rows: MemoryRows) -> None:
    decision = rows.take(an_update("a", batch_id=None))

    assert decision == BatchDecision(FoldKind.IGNORED)


def test_batch_completes_with_its_last_result(rows: MemoryRows) -> None:
    rows.take(a_registration(["a", "b"]), an_update("a", corrections_made=3), an_update("stranger"))

    decision = rows.take(later(an_update("b", corrections_made=4), 90))

    [event] = decision.outputs
    assert event.key == BATCH
    envelope = told(event)
    assert envelope.correlation_id == CORRELATION_ID
    assert envelope.metadata == {"causation_id": str(state_updated_id(an_id("b/2"), 2))}
    assert envelope.data.outcome is PhaseOutcome.COMPLETED_SUCCESSFULLY
    assert envelope.data.expected_essay_count == envelope.data.successful == 2
    assert envelope.data.corrections_made == 7
    assert envelope.data.duration_seconds == 90
    assert rows.row()["outcome"] == "COMPLETED_SUCCESSFULLY"
    assert rows.row()["completed_at"] == "2025-05-27T12:01:30Z"


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ([S.SPELLCHECKED_SUCCESS, S.SPELLCHECK_FAILED], PhaseOutcome.COMPLETED_WITH_FAILURES),
        ([S.AWAITING_NLP, S.ESSAY_CRITICAL_FAILURE], PhaseOutcome.COMPLETED_WITH_FAILURES),
        ([S.SPELLCHECK_FAILED, S.SPELLCHECK_FAILED], PhaseOutcome.FAILED_CRITICALLY),
        ([S.SPELLCHECKED_SUCCESS, S.AWAITING_NLP], PhaseOutcome.COMPLETED_SUCCESSFULLY),
    ],
)
def test_outcome_follows_from_how_many_essays_failed(
    rows: MemoryRows, statuses: list[EssayStatus], outcome: PhaseOutcome
) -> None:
    essays = dict(zip("ab", statuses, strict=True))

    decision = rows.take(
        a_registration(essays), *(an_update(essay, status) for essay, status in essays.items())
    )

    data = told(decision.outputs[0]).data
    assert data.outcome is outcome
    assert len(data.failed_essay_ids) == data.failed == 2 - data.successful


@pytest.mark.parametrize("status", [S.UPLOADED, S.TEXT_EXTRACTED, S.SPELLCHECKING_IN_PROGRESS])
def test_batch_waits_for_essays_that_have_no_result(rows: MemoryRows, status: EssayStatus) -> None:
    decision = rows.take(a_registration(["a", "b"]), an_update("a"), an_update("b", status))

    assert decision.outputs == ()
    assert rows.row()["outcome"] is None


def test_batch_waits_for_the_retry_of_a_failed_essay(rows: MemoryRows) -> None:
    rows.take(
        a_registration(["a", "b"]),
        an_update("a", S.SPELLCHECK_FAILED, version=2),
        an_update("a", S.AWAITING_SPELLCHECK, version=3),
    )

    assert rows.take(an_update("b")).outputs == ()
    [event] = rows.take(an_update("a", version=4)).outputs
    assert told(event).data.outcome is PhaseOutcome.COMPLETED_SUCCESSFULLY


def test_repeat_of_the_completing_event_tells_again_byte_for_byte(rows: MemoryRows) -> None:
    first = rows.take(a_registration(["a", "b"]), an_update("a"), an_update("b"))
    rows.take(an_update("a", S.AWAITING_SPELLCHECK, version=3))

    again = rows.take(an_update("b"))

    assert again.kind is FoldKind.DUPLICATE
    assert again.outputs == first.outputs


def test_batch_completes_once_whatever_comes_after(rows: MemoryRows) -> None:
    rows.take(a_registration(["a"]), an_update("a", S.SPELLCHECK_FAILED))

    retried = rows.take(an_update("a", S.AWAITING_SPELLCHECK, version=3), an_update("a", version=4))

    assert retried.outputs == ()
    assert rows.row()["outcome"] == "FAILED_CRITICALLY"
    assert rows.row()["counts"] == {"spellchecked_success": 1}


def test_event_of_a_complete_batch_has_the_id_of_the_batch_alone() -> None:
    one, other = MemoryRows(), MemoryRows()

    [first] = one.take(a_registration(["a", "b"]), an_update("a"), an_update("b")).outputs
    [second] = other.take(a_registration(["a", "b"]), an_update("b"), an_update("a")).outputs

    assert told(first).event_id == told(second).event_id


def test_failed_essays_are_listed_up_to_a_hundred(rows: MemoryRows) -> None:
    essays = [f"essay-{number:03}" for number in range(120)]

    decision = rows.take(
        a_registration(essays), *(an_update(essay, S.SPELLCHECK_FAILED) for essay in essays)
    )

    data = told(decision.outputs[0]).data
    assert data.failed == 120
    assert data.failed_essay_ids == essays[:100]
    assert data.failed_essay_ids_truncated


def test_batch_nobody_registered_never_completes(rows: MemoryRows) -> None:
    decision = rows.take(an_update("a", corrections_made=2))

    assert decision.outputs == ()
    row = rows.row()
    assert row["expected_essay_count"] is None
    assert row["counts"] == {"spellchecked_success": 1}
    assert row["corrections_made"] == 2
    assert row["unexpected_essay_ids"] == []


def test_registration_after_every_result_completes_the_batch(rows: MemoryRows) -> None:
    rows.take(an_update("a"), an_update("stranger"))
    registration = a_registration(["a"])

    first = rows.take(registration)
    before = rows.row()
    again = rows.take(registration)

    assert told(first.outputs[0]).data.successful == 1
    assert again.kind is FoldKind.DUPLICATE
    assert again.outputs == first.outputs
    assert again.batch == before
    assert rows.row()["unexpected_essay_ids"] == ["stranger"]


def test_result_dated_before_its_registration_takes_no_time(rows: MemoryRows) -> None:
    decision = rows.take(a_registration(["a"]), later(an_update("a"), -60))

    assert told(decision.outputs[0]).data.duration_seconds == 0


def test_essay_that_nobody_expects_is_listed_and_not_counted(rows: MemoryRows) -> None:
    decision = rows.take(a_registration(["a"]), an_update("stranger", corrections_made=9))

    assert decision.outputs == ()
    assert rows.row()["counts"] == {}
    assert rows.row()["corrections_made"] == 0
    assert rows.row()["unexpected_essay_ids"] == ["stranger"]


def test_unexpected_essays_are_listed_up_to_a_hundred(rows: MemoryRows) -> None:
    rows.take(a_registration(["a"]), *(an_update(f"stranger-{n}") for n in range(101)))

    assert len(rows.row()["unexpected_essay_ids"]) == 100
    assert rows.row()["unexpected_essay_ids_truncated"]


def test_second_registration_of_a_batch_changes_nothing(rows: MemoryRows) -> None:
    rows.take(a_registration(["a"]))

    decision = rows.take(a_registration(["a", "b"], name="other"))

    assert decision == BatchDecision(FoldKind.ILLEGAL, BATCH)
    assert rows.row()["expected_essay_count"] == 1


@pytest.mark.parametrize("others", [["c", "d"], ["a", "c"], ["a"], ["a", "b", "c"]])
def test_repeated_registration_with_other_essays_changes_nothing(
    rows: MemoryRows, others: list[str]
) -> None:
    rows.take(a_registration(["a", "b"]), an_update("a"), an_update("b"))
    before = dict(rows.batches), dict(rows.pages)

    decision = rows.take(a_registration(others))

    assert decision == BatchDecision(FoldKind.ILLEGAL, BATCH)
    assert (rows.batches, rows.pages) == before


def test_repeated_registration_in_another_order_is_a_repeat(rows: MemoryRows) -> None:
    rows.take(a_registration(["a", "b"]))

    assert rows.take(a_registration(["b", "a"])).kind is FoldKind.DUPLICATE


@pytest.mark.parametrize("fault", [{"event_id": an_id("stranger")}, {"metadata": None}])
def test_update_of_a_stranger_holds_no_essay_up(rows: MemoryRows, fault: dict[str, object]) -> None:
    rows.take(a_registration(["a"]))
    stranger = an_update("a", S.AWAITING_SPELLCHECK, version=2_147_483_647)

    refused = rows.take(stranger.model_copy(update=fault))

    assert refused == BatchDecision(FoldKind.ILLEGAL, BATCH)
    assert rows.take(an_update("a")).outputs != ()


@pytest.mark.parametrize("lost", ["batch", "page"])
def test_repeat_mends_what_a_crash_between_two_writes_left_apart(
    rows: MemoryRows, lost: str
) -> None:
    rows.take(a_registration(["a", "b"]))
    batches, pages = dict(rows.batches), dict(rows.pages)
    rows.take(an_update("a"))
    whole = dict(rows.batches), dict(rows.pages)
    if lost == "batch":
        rows.batches = batches
    else:
        rows.pages = pages

    rows.take(an_update("a"))

    assert rows.row()["counts"] == {"spellchecked_success": 1}
    assert (rows.batches, rows.pages) == whole


def test_repeated_registration_mends_pages_that_a_crash_lost(rows: MemoryRows) -> None:
    registration = a_registration(["a", "b"])
    rows.take(registration)
    whole = dict(rows.pages)
    rows.pages.clear()

    decision = rows.take(registration)

    assert decision.kind is FoldKind.DUPLICATE
    assert rows.pages == whole


def test_registration_without_correlation_is_told_without(rows: MemoryRows) -> None:
    registration = a_registration(["a"]).model_copy(update={"correlation_id": None})

    decision = rows.take(registration, an_update("a"))

    assert told(decision.outputs[0]).correlation_id is None
