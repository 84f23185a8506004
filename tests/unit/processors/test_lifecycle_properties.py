"""Whatever order the two topics are read in, and whatever is read twice: the same essay."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.contracts.codec import OutgoingEvent
from huleedu_streams.domain.attempts import FoldKind
from huleedu_streams.domain.lifecycle import RESULT_STATUSES, TRANSITIONS, EssayStatus
from huleedu_streams.processors.lifecycle import Decision, RequestOrResult, decide
from tests.builders import BATCH, a_request, a_result, an_id

S = EssayStatus
ENDS = [S.SPELLCHECKED_SUCCESS, S.SPELLCHECK_FAILED]


@dataclass
class Essay:
    """A row as an agent keeps it, and all that was ever sent for it."""

    row: dict[str, Any] | None = None
    outputs: dict[str, tuple[OutgoingEvent, ...]] = field(default_factory=dict)

    def take(self, envelope: RequestOrResult) -> Decision:
        decision = decide(self.row, envelope)
        event_id = str(envelope.event_id)
        is_new = event_id not in self.outputs
        if is_new:
            self.outputs[event_id] = decision.outputs
        elif decision.kind is FoldKind.DUPLICATE:
            assert decision.outputs == self.outputs[event_id]
            assert decision.row is self.row
        self.row = json.loads(json.dumps(decision.row))
        return decision


@dataclass(frozen=True)
class Log:
    """What lies on the two topics, each in its order, and how one reader came across it."""

    requests: list[RequestOrResult]
    results: list[RequestOrResult]
    walk: list[RequestOrResult]
    last_end: EssayStatus


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Draw up to four requests with their results, read in any interleaving, some of it twice."""
    requests: list[RequestOrResult] = []
    results: list[RequestOrResult] = []
    end = S.SPELLCHECKED_SUCCESS
    names_cause = draw(st.booleans())
    for number in range(draw(st.integers(1, 4))):
        # Without causes the texts alone tell the attempts apart.
        text = "text" if names_cause and draw(st.booleans()) else f"text-{number}"
        name = f"request-{number}"
        of = name if names_cause else None
        requests.append(a_request(name, text=text, batch_id=draw(st.sampled_from([BATCH, None]))))
        if draw(st.booleans()):
            progress = S.SPELLCHECKING_IN_PROGRESS
            results.append(a_result(f"progress-{number}", of=of, text=text, status=progress))
        end = draw(st.sampled_from(ENDS))
        results.append(a_result(f"result-{number}", of=of, text=text, status=end))
    walk = draw(interleavings(requests, results))
    return Log(requests, results, draw(with_repeats(walk)), end)


@st.composite
def interleavings(
    draw: st.DrawFn, requests: list[RequestOrResult], results: list[RequestOrResult]
) -> list[RequestOrResult]:
    turns = draw(st.permutations([True] * len(requests) + [False] * len(results)))
    left, right = iter(requests), iter(results)
    return [next(left if is_request else right) for is_request in turns]


@st.composite
def with_repeats(draw: st.DrawFn, walk: list[RequestOrResult]) -> list[RequestOrResult]:
    taken: list[RequestOrResult] = []
    for position, envelope in enumerate(walk):
        taken.append(envelope)
        again = draw(st.lists(st.integers(0, position), max_size=2))
        taken += [walk[earlier] for earlier in again]
    return taken


def row_of(log: Log) -> dict[str, Any]:
    essay = Essay()
    for envelope in log.walk:
        essay.take(envelope)
    assert essay.row is not None
    return essay.row


@given(logs())
def test_newest_request_wins_in_any_order(log: Log) -> None:
    row = row_of(log)

    assert row["attempts"][-1]["event_id"] == str(log.requests[-1].event_id)
    assert row["attempt"] == row["attempts"][-1]["number"]
    assert row["current_status"] == log.last_end.value
    assert row["parked"] == []


@given(logs())
def test_outcome_is_that_of_the_newest_request(log: Log) -> None:
    row = row_of(log)

    expected = log.results[-1].event_id
    references = json.dumps(row["storage_references"])
    is_success = log.last_end is S.SPELLCHECKED_SUCCESS
    name = f"result-{len(log.requests) - 1}"
    assert expected == an_id(name)
    assert (an_id(f"text/{name}/corrected").hex in references) == is_success
    assert (row["last_error"] is None) == is_success


@given(logs())
def test_every_attempt_is_a_path_of_the_transitions(log: Log) -> None:
    row = row_of(log)

    current: dict[int, str] = {}
    for entry in row["timeline"]:
        attempt, status = entry["attempt"], entry["status"]
        if not entry.get("applied", True):
            continue
        if attempt not in current:
            assert status in {S.AWAITING_SPELLCHECK, *RESULT_STATUSES}
        elif entry.get("joined"):
            assert status == current[attempt]
        else:
            assert status in TRANSITIONS[S(current[attempt])]
        current[attempt] = status


@given(logs())
def test_each_change_has_a_version_of_its_own(log: Log) -> None:
    row = row_of(log)

    versions = [entry["version"] for entry in row["timeline"]]
    assert versions == sorted(set(versions))
    assert versions[-1] <= row["version"]


@given(logs())
def test_batch_once_known_stays_known(log: Log) -> None:
    row = row_of(log)

    # Results always name it, so that it is known in the end.
    assert row["batch_id"] == BATCH


@given(logs())
def test_repeats_leave_no_trace(log: Log) -> None:
    once: list[RequestOrResult] = []
    for envelope in log.walk:
        if envelope not in once:
            once.append(envelope)

    assert row_of(log) == row_of(Log(log.requests, log.results, once, log.last_end))


@given(logs())
def test_read_all_over_again_changes_nothing_and_tells_all_again(log: Log) -> None:
    essay = Essay()
    for envelope in log.walk:
        essay.take(envelope)
    row = essay.row

    again = [essay.take(envelope) for envelope in log.requests + log.results]

    assert essay.row == row
    assert {decision.kind for decision in again} <= {FoldKind.DUPLICATE, FoldKind.ILLEGAL}
