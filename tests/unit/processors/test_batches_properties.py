"""Whatever comes first, and whatever comes twice: counts are the sum over the members."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.domain.rosters import UNCHECKED_STATUSES
from tests.batch_rows import BatchEvent, MemoryRows, told
from tests.builders import NOON, a_registration, an_update

S = EssayStatus
STATUSES = [S.AWAITING_SPELLCHECK, S.SPELLCHECKED_SUCCESS, S.SPELLCHECK_FAILED]
EXPECTED = ["a", "b", "c"]
REGISTRATION = a_registration(EXPECTED)

updates = st.builds(
    an_update,
    st.sampled_from([*EXPECTED, "stranger"]),
    st.sampled_from(STATUSES),
    version=st.integers(1, 5),
    corrections_made=st.none() | st.integers(0, 9),
)
# One version of one essay has one status: the first drawn stands for all its repeats.
histories = st.lists(updates, max_size=20, unique_by=lambda update: update.event_id)


@st.composite
def walks(draw: st.DrawFn) -> list[BatchEvent]:
    events: list[BatchEvent] = [*draw(histories), REGISTRATION]
    walk = draw(st.permutations(events))
    repeats = draw(st.lists(st.sampled_from(events), max_size=8))
    return [*walk, *repeats]


@given(walks())
def test_counts_are_the_sum_over_the_members(walk: list[BatchEvent]) -> None:
    rows = MemoryRows()

    for event in walk:
        rows.take(event)
        members = rows.members().values()
        is_registered = rows.row()["expected_essay_count"] is not None
        counted = [member for member in members if member["is_expected"] or not is_registered]
        statuses = Counter(member["status"] for member in counted if member["status"])

        assert rows.row()["counts"] == statuses
        corrections = sum(member["corrections_made"] or 0 for member in counted)
        assert rows.row()["corrections_made"] == corrections


@given(walks())
def test_batch_tells_of_its_end_once_and_always_alike(walk: list[BatchEvent]) -> None:
    rows = MemoryRows()

    outputs = [event for taken in walk for event in rows.take(taken).outputs]

    assert len(set(outputs)) <= 1
    assert bool(outputs) == (rows.row()["outcome"] is not None)
    if outputs:
        data = told(outputs[0]).data
        assert data.successful + data.failed == data.expected_essay_count == len(EXPECTED)


@given(walks())
def test_batch_is_complete_if_every_expected_essay_has_a_result(walk: list[BatchEvent]) -> None:
    rows = MemoryRows()
    rows.take(*walk)

    statuses = [rows.members()[essay]["status"] for essay in EXPECTED]

    has_results = all(status and status not in UNCHECKED_STATUSES for status in statuses)
    assert rows.row()["outcome"] is not None or not has_results


@given(walks())
def test_order_of_events_decides_no_count(walk: list[BatchEvent]) -> None:
    forwards, backwards = MemoryRows(), MemoryRows()

    forwards.take(*walk)
    backwards.take(*reversed(walk))

    assert forwards.members() == backwards.members()
    assert forwards.row()["counts"] == backwards.row()["counts"]


@st.composite
def orderly_walks(draw: st.DrawFn) -> list[BatchEvent]:
    """Each essay asked for and then checked, as its partition's order has it."""
    essays = [*EXPECTED, "stranger"]
    turns = draw(st.permutations([*essays, *essays, None]))
    events: list[BatchEvent] = []
    for place, essay in enumerate(turns):
        if essay is None:
            events.append(REGISTRATION)
            continue
        is_first = essay not in turns[:place]
        status = S.AWAITING_SPELLCHECK if is_first else S.SPELLCHECKED_SUCCESS
        at = NOON + timedelta(minutes=draw(st.integers(0, 60)))
        events.append(an_update(essay, status, version=1 if is_first else 2, at=at))
    return events


@given(orderly_walks(), st.data())
def test_crash_that_keeps_pages_and_loses_the_row_leaves_no_trace(
    walk: list[BatchEvent], data: st.DataObject
) -> None:
    unharmed, crashed = MemoryRows(), MemoryRows()
    committed = data.draw(st.integers(1, len(walk) - 1), label="events acknowledged before it")
    lost = data.draw(st.integers(committed + 1, len(walk)), label="events handled before it")

    unharmed.take(*walk)
    crashed.take(*walk[:committed])
    kept = dict(crashed.batches)
    crashed.take(*walk[committed:lost])
    crashed.batches = kept
    crashed.take(*walk[committed:])

    assert crashed.members() == unharmed.members()
    assert _but_for_the_cause(crashed.row()) == _but_for_the_cause(unharmed.row())


def _but_for_the_cause(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row without which of several results on one page was the last."""
    kept = row["completion"].keys() - {"cause_id", "at", "duration_seconds"}
    return {
        **row,
        "completed_at": None,
        "completion": {name: row["completion"][name] for name in kept},
    }
