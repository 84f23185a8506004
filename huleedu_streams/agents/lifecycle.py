"""Step 5 of 6: fold requests and results into the essays table, and tell of each change.

Two agents, one a topic (Faust's `agents` command refuses an agent of two), share one fold. There
is no `await` between a row's read and its write, so they never lose each other's change.
"""

from __future__ import annotations

from typing import Any

import structlog
from faust.streams import current_event

from huleedu_streams.agents.handling import Handled, Outcome, Work
from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.attempts import FoldKind
from huleedu_streams.domain.in_flight import InFlight, essay_step, request_of
from huleedu_streams.metrics import Metrics
from huleedu_streams.processors.lifecycle import Decision, Row, decide
from tables.essays import EssaysTable

log = structlog.get_logger(__name__)

REQUESTED_HELP = """Note each request for a spell check in its essay's row.

Reads: huleedu.essay.spellcheck.requested.v1, key essay id, value SpellcheckRequestedDataV1.
Emits: huleedu.essay.lifecycle.state.updated.v1, key batch id, one event a change.
Tables: writes essays.
Failure: bytes that are no event are left to the spellcheck agent's .DLT; an unexpected error goes
to the .DLT of the topic after its tries.
Delivery: at least once; a repeat changes no row and sends the same events again.
"""
COMPLETED_HELP = """Fold each result of a spell check into its essay's row.

Reads: huleedu.essay.spellcheck.completed.v1, key essay id, value SpellcheckResultDataV1.
Emits: huleedu.essay.lifecycle.state.updated.v1, key batch id, one event a change.
Tables: writes essays.
Failure: bytes that are no event, and unexpected errors after their tries, go to the .DLT of the
topic; a result that the status machine has no edge for changes nothing and is counted.
Delivery: at least once; a repeat changes no row and sends the same events again.
"""


class LifecycleAgent:
    """What the two agents of the essays table do with one event."""

    def __init__(self, essays: EssaysTable, metrics: Metrics, in_flight: InFlight | None) -> None:
        """Take the table, and the index of a sweep if there are sweeps."""
        self._essays = essays
        self._metrics = metrics
        self._in_flight = in_flight

    @property
    def requested(self) -> Work:
        """The work of the agent that reads requests; poison there is the spellcheck agent's."""
        topic = topic_name(ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED)
        return Work(topic, owns_poison=False, fold=self.fold)

    @property
    def completed(self) -> Work:
        """The work of the agent that reads results."""
        topic = topic_name(ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED)
        return Work(topic, owns_poison=True, fold=self.fold)

    def fold(self, envelope: EventEnvelope[Any]) -> Handled:
        """Fold one event into its essay's row."""
        essay_id = envelope.data.entity_ref.entity_id
        row = self._essays.get(essay_id)
        decision = decide(row, envelope)
        if decision.row is not None:
            # Also where nothing changed: a process may have died between this write and its
            # change's way into the changelog, and the repeat is what mends that.
            self._essays.put(essay_id, decision.row)
            self._note_waiting(essay_id, envelope, decision.row)
        self._tell(essay_id, envelope, decision)
        outcome = Outcome.DUPLICATE if decision.kind is FoldKind.DUPLICATE else Outcome.DONE
        return Handled(decision.outputs, outcome, envelope.event_type)

    def _note_waiting(self, essay_id: str, envelope: EventEnvelope[Any], row: Row) -> None:
        """Tell the sweep's index whether the essay waits, and for an answer to which record."""
        event = current_event()
        if event is None or self._in_flight is None:
            return
        is_request = request_of(row) == str(envelope.event_id)
        offset = event.message.offset if is_request else None
        self._in_flight.note(event.message.partition, essay_id, essay_step(row), offset)

    def _tell(self, essay_id: str, envelope: EventEnvelope[Any], decision: Decision) -> None:
        for transition in decision.transitions:
            log.info(
                "essay_status_changed",
                essay_id=essay_id,
                batch_id=envelope.data.entity_ref.parent_id,
                from_status=transition.from_status,
                to_status=transition.to_status,
            )
            self._metrics.essay_moved(transition.from_status, transition.to_status)
        if decision.kind is FoldKind.ILLEGAL:
            current = decision.row["current_status"] if decision.row else None
            log.warning(
                "essay_transition_refused",
                essay_id=essay_id,
                batch_id=envelope.data.entity_ref.parent_id,
                batch_of_essay=decision.row["batch_id"] if decision.row else None,
                from_status=current,
                to_status=envelope.data.status,
            )
            self._metrics.essay_stayed(current, envelope.data.status)
