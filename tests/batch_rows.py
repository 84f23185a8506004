"""A stand-in for the batches' tables, and what they are told."""

from __future__ import annotations

import json
from typing import Any

from huleedu_streams.contracts.codec import OutgoingEvent, decode
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.events import (
    BatchEssaysRegistered,
    BatchSpellcheckPhaseCompletedV1,
    EssayLifecycleStateUpdatedV1,
)
from huleedu_streams.domain.rosters import PAGE_COUNT
from huleedu_streams.processors.batches import (
    BatchDecision,
    Row,
    decide_deadline,
    decide_registration,
    decide_update,
)
from huleedu_streams.processors.sweeping import is_deadline
from tests.builders import BATCH

BatchEvent = EventEnvelope[BatchEssaysRegistered] | EventEnvelope[EssayLifecycleStateUpdatedV1]


class MemoryRows:
    """The rows of batches in two dictionaries, kept as JSON."""

    def __init__(self) -> None:
        self.batches: dict[str, str] = {}
        self.pages: dict[tuple[str, int], str] = {}

    def batch(self, batch_id: str) -> Row | None:
        row: Row | None = json.loads(self.batches.get(batch_id, "null"))
        return row

    def page(self, batch_id: str, page: int) -> Row | None:
        row: Row | None = json.loads(self.pages.get((batch_id, page), "null"))
        return row

    def take(self, *envelopes: BatchEvent) -> BatchDecision:
        """Decide and write, event by event; return the last decision."""
        decisions = [self._take(envelope) for envelope in envelopes]
        return decisions[-1]

    def row(self, batch_id: str = BATCH) -> dict[str, Any]:
        return dict(self.batch(batch_id) or {})

    def members(self, batch_id: str = BATCH) -> dict[str, Any]:
        pages = [self.page(batch_id, page) or {} for page in range(PAGE_COUNT)]
        return {key: value for page in pages for key, value in page.get("members", {}).items()}

    def _decide(self, envelope: Any) -> BatchDecision:  # noqa: ANN401 - each kind by its data
        if not isinstance(envelope.data, BatchEssaysRegistered):
            return decide_update(self, envelope)
        decide = decide_deadline if is_deadline(envelope) else decide_registration
        return decide(self, envelope)

    def _take(self, envelope: BatchEvent) -> BatchDecision:
        decision = self._decide(envelope)
        for number, page in decision.pages.items():
            self.pages[str(decision.batch_id), number] = json.dumps(page)
        if decision.batch is not None:
            self.batches[str(decision.batch_id)] = json.dumps(decision.batch)
        return decision


def told(event: OutgoingEvent) -> EventEnvelope[BatchSpellcheckPhaseCompletedV1]:
    envelope: EventEnvelope[BatchSpellcheckPhaseCompletedV1] = decode(
        event.topic, event.key.encode(), event.value, 100_000
    )
    return envelope
