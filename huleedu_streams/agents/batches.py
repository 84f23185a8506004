"""Fold registrations and essays' changes into the batches, and tell when one is complete."""

from __future__ import annotations

from typing import Any

import structlog
from faust.streams import current_event

from huleedu_streams.agents.handling import Handled, Outcome, Work
from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.attempts import FoldKind
from huleedu_streams.domain.in_flight import InFlight, batch_step
from huleedu_streams.processors.batches import (
    BatchDecision,
    Row,
    decide_deadline,
    decide_registration,
    decide_update,
)
from huleedu_streams.processors.sweeping import is_deadline
from tables.batches import BatchTables

log = structlog.get_logger(__name__)

REGISTERED_HELP = """Note a batch and the essays that it expects.

Reads: huleedu.batch.essays.registered.v1, key batch id, value BatchEssaysRegistered.
Emits: huleedu.batch.spellcheck.phase.completed.v1, key batch id, if its last result came before,
or if the event says that its deadline has passed.
Tables: writes batches and batch_members.
Failure: bytes that are no event, and unexpected errors after their tries, go to the .DLT of the
topic; a second, different registration of a batch changes nothing, is counted as refused and
logged, also one that repeats the first one's event id.
Delivery: at least once; a repeat changes no row.
"""
UPDATED_HELP = """Count each essay's status in its batch.

Reads: huleedu.essay.lifecycle.state.updated.v1, key batch id, value EssayLifecycleStateUpdatedV1.
Emits: huleedu.batch.spellcheck.phase.completed.v1, key batch id, once every expected essay has a
result: always the same event id.
Tables: writes batches and batch_members.
Failure: bytes that are no event, and unexpected errors after their tries, go to the .DLT of the
topic; an update that the lifecycle role did not make changes nothing, is counted as refused and
logged.
Delivery: at least once; a repeated or late update counts once.
"""

_OUTCOMES = {FoldKind.DUPLICATE: Outcome.DUPLICATE, FoldKind.ILLEGAL: Outcome.REFUSED}


class BatchesAgent:
    """What the two agents of the batches' tables do with one event."""

    def __init__(self, tables: BatchTables, in_flight: InFlight | None) -> None:
        """Take the tables, and the index of a sweep if there are sweeps."""
        self._tables = tables
        self._in_flight = in_flight

    @property
    def registered(self) -> Work:
        """The work of the agent that reads registrations."""
        topic = topic_name(ProcessingEvent.BATCH_ESSAYS_REGISTERED)
        return Work(topic, owns_poison=True, fold=self.register)

    @property
    def updated(self) -> Work:
        """The work of the agent that reads essays' changes."""
        topic = topic_name(ProcessingEvent.ESSAY_LIFECYCLE_STATE_UPDATED)
        return Work(topic, owns_poison=True, fold=self.update)

    def register(self, envelope: EventEnvelope[Any]) -> Handled:
        """Fold one registration, or the news that its batch's deadline has passed."""
        decide = decide_deadline if is_deadline(envelope) else decide_registration
        decision = decide(self._tables, envelope)
        if decision.kind is FoldKind.ILLEGAL:
            log.warning("batch_registration_refused", batch_id=decision.batch_id)
        return self._write(decision, envelope)

    def update(self, envelope: EventEnvelope[Any]) -> Handled:
        """Fold one essay's change."""
        decision = decide_update(self._tables, envelope)
        if decision.kind is FoldKind.ILLEGAL:
            essay_id = envelope.data.entity_ref.entity_id
            log.warning("batch_update_refused", batch_id=decision.batch_id, essay_id=essay_id)
        return self._write(decision, envelope)

    def _write(self, decision: BatchDecision, envelope: EventEnvelope[Any]) -> Handled:
        if decision.batch_id is not None:
            for number, page in decision.pages.items():
                self._tables.put_page(decision.batch_id, number, page)
            if decision.batch is not None:
                self._tables.put_batch(decision.batch_id, decision.batch)
                self._note_waiting(decision.batch_id, decision.batch)
        if decision.outputs and decision.kind is not FoldKind.DUPLICATE:
            log.info("batch_completed", batch_id=decision.batch_id)
        outcome = _OUTCOMES.get(decision.kind, Outcome.DONE)
        return Handled(decision.outputs, outcome, envelope.event_type)

    def _note_waiting(self, batch_id: str, row: Row) -> None:
        """Tell the sweep's index whether the batch waits for its outcome."""
        event = current_event()
        if event is not None and self._in_flight is not None:
            self._in_flight.note(event.message.partition, batch_id, batch_step(row), 0)
