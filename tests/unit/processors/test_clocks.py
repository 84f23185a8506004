"""Order comes from the log, never from clocks: whatever producers say, the same essay and batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.domain.lifecycle import EssayStatus
from tests.batch_rows import MemoryRows
from tests.builders import NOON, a_registration, a_request, a_result, an_update
from tests.essay_rows import row_after

# The ends of what a timestamp may say, an hour that some zones have twice, and anything between.
moments = st.one_of(
    st.sampled_from(
        [
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2025, 10, 26, 0, 30, fold=1, tzinfo=UTC),
            NOON,
        ]
    ),
    st.datetimes(timezones=st.just(UTC)),
)
TIMES = {"at", "created_at", "updated_at", "registered_at", "completed_at", "duration_seconds"}


def without_times(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if key not in TIMES}
    if isinstance(value, list):
        return [without_times(each) for each in value]
    return value


def essay_of(times: Sequence[datetime]) -> dict[str, Any]:
    """Return the row of an essay that failed and was tried again, its events saying `times`."""
    events: list[EventEnvelope[Any]] = [
        a_request("first"),
        a_result("failure", of="first", status=EssayStatus.SPELLCHECK_FAILED),
        a_request("second"),
        a_result("late", of="first"),
        a_result("success", of="second"),
    ]
    said = [
        event.model_copy(update={"event_timestamp": time})
        for event, time in zip(events, times, strict=True)
    ]
    return row_after(*said)


def batch_of(times: Sequence[datetime]) -> dict[str, Any]:
    """Return the row of a batch whose essays went back and forth, its events saying `times`."""
    rows = MemoryRows()
    rows.take(a_registration(["a", "b"], at=times[0]))
    rows.take(
        an_update("a", EssayStatus.SPELLCHECK_FAILED, version=2, at=times[1]),
        an_update("b", version=2, at=times[2]),
        an_update("a", version=4, at=times[3]),
        an_update("a", EssayStatus.AWAITING_SPELLCHECK, version=3, at=times[4]),
    )
    return rows.row()


@given(st.lists(moments, min_size=5, max_size=5))
def test_clocks_of_producers_do_not_change_an_essay(times: list[datetime]) -> None:
    row = essay_of(times)

    assert without_times(row) == without_times(essay_of([NOON] * 5))
    assert row["current_status"] == EssayStatus.SPELLCHECKED_SUCCESS
    assert row["created_at"] <= row["updated_at"]
    json.dumps(row)


@given(st.lists(moments, min_size=5, max_size=5))
def test_clocks_of_producers_do_not_change_a_batch(times: list[datetime]) -> None:
    row = batch_of(times)

    assert without_times(row) == without_times(batch_of([NOON] * 5))
    assert row["completion"]["duration_seconds"] >= 0
