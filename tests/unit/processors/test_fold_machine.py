"""Essays and their batch through everything that a log, its repeats and crashes do to them.

A state machine in hypothesis's sense: it hands in, checks, repeats, crashes and lets the batch's
agent lag behind, in any order; at rest the batch must be the sum of its essays.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from huleedu_streams.contracts.codec import OutgoingEvent, decode
from huleedu_streams.domain.lifecycle import RESULT_STATUSES, TRANSITIONS, EssayStatus
from huleedu_streams.processors.lifecycle import RequestOrResult, decide
from tests.batch_rows import BatchEvent, MemoryRows, told
from tests.builders import a_registration, a_request, a_result

S = EssayStatus
ESSAYS = ["a", "b", "c", "stranger"]
EXPECTED = ESSAYS[:3]


class FoldMachine(RuleBasedStateMachine):
    """Two topics in, one between them, a batch at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Any]] = {}
        self.log: list[RequestOrResult] = []
        self.committed: dict[str, dict[str, Any]] = {}
        self.uncommitted: list[RequestOrResult] = []
        self.asked: Counter[str] = Counter()
        self.open: list[tuple[str, str]] = []
        self.updates: list[BatchEvent] = []
        self.read = 0
        self.batch = MemoryRows()
        self.completions: list[OutgoingEvent] = []

    @initialize(is_registered_first=st.booleans())
    def begin(self, *, is_registered_first: bool) -> None:
        self.is_registered = is_registered_first
        if is_registered_first:
            self._tell_batch(a_registration(EXPECTED))

    @precondition(lambda self: not self.is_registered)
    @rule()
    def register(self) -> None:
        self.is_registered = True
        self._tell_batch(a_registration(EXPECTED))

    @rule(essay=st.sampled_from(ESSAYS))
    def hand_in(self, essay: str) -> None:
        if self.asked[essay] == 3:
            return
        self.asked[essay] += 1
        name = f"{essay}/{self.asked[essay]}"
        self.open.append((essay, name))
        self._take(a_request(name, essay_id=essay, text=name))

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0), status=st.sampled_from(sorted(RESULT_STATUSES & set(S))))
    def check(self, which: int, status: EssayStatus) -> None:
        essay, name = self.open.pop(which % len(self.open))
        self._take(a_result(f"result {name}", of=name, essay_id=essay, text=name, status=status))

    @precondition(lambda self: self.log)
    @rule(which=st.integers(0))
    def repeat(self, which: int) -> None:
        before = dict(self.rows)
        self._take(self.log[which % len(self.log)])
        assert self.rows == before

    @rule()
    def commit(self) -> None:
        self.committed, self.uncommitted = dict(self.rows), []

    @rule(lost=st.sets(st.sampled_from(ESSAYS)))
    def crash(self, lost: set[str]) -> None:
        """Lose what some rows have become since the last commit; read on from there."""
        for essay in lost:
            self.rows.pop(essay, None)
            if essay in self.committed:
                self.rows[essay] = self.committed[essay]
        for envelope in list(self.uncommitted):
            self._fold(envelope)

    @rule(count=st.integers(1, 5))
    def read_updates(self, count: int) -> None:
        for update in self.updates[self.read : self.read + count]:
            self._tell_batch(update)
        self.read = min(self.read + count, len(self.updates))

    @invariant()
    def every_attempt_is_a_path(self) -> None:
        for row in self.rows.values():
            current: dict[int, str] = {}
            for entry in row["timeline"]:
                attempt, status = entry["attempt"], entry["status"]
                if not entry.get("applied", True):
                    continue
                if attempt in current and not entry.get("joined"):
                    assert status in TRANSITIONS[S(current[attempt])]
                current[attempt] = status

    @invariant()
    def a_batch_completes_once(self) -> None:
        assert len(set(self.completions)) <= 1

    def teardown(self) -> None:
        """Come to rest: the batch is the sum of its essays."""
        self.read_updates(len(self.updates) + 1)
        row = self.batch.row()
        if not row:
            return
        counted = EXPECTED if self.is_registered else ESSAYS
        statuses = [self.rows[essay]["current_status"] for essay in counted if essay in self.rows]
        assert row["counts"] == Counter(statuses)
        assert bool(self.completions) == (row["outcome"] is not None)

    def _take(self, envelope: RequestOrResult) -> None:
        self.log.append(envelope)
        self.uncommitted.append(envelope)
        self._fold(envelope)

    def _fold(self, envelope: RequestOrResult) -> None:
        essay = envelope.data.entity_ref.entity_id
        decision = decide(self.rows.get(essay), envelope)
        if decision.row is not None:
            self.rows[essay] = json.loads(json.dumps(decision.row))
        self.updates += [
            decode(event.topic, event.key.encode(), event.value, 100_000)
            for event in decision.outputs
        ]

    def _tell_batch(self, envelope: BatchEvent) -> None:
        self.completions += self.batch.take(envelope).outputs
        for event in self.completions:
            assert told(event).data.expected_essay_count == len(EXPECTED)


FoldMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestFoldMachine = FoldMachine.TestCase
