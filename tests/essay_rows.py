"""The walk of one essay through the fold, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from huleedu_streams.contracts.codec import OutgoingEvent, decode
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.events import EssayLifecycleStateUpdatedV1
from huleedu_streams.processors.lifecycle import Decision, RequestOrResult, Row, decide


def as_stored(row: Row | None) -> Row | None:
    """Return the row as a table gives it back: through JSON."""
    stored: Row | None = json.loads(json.dumps(row))
    return stored


def walk(*envelopes: RequestOrResult, row: Row | None = None) -> list[Decision]:
    """Return the decisions of these events, one after the other."""
    decisions = []
    for envelope in envelopes:
        decision = decide(as_stored(row), envelope)
        row = decision.row
        decisions.append(decision)
    return decisions


def row_after(*envelopes: RequestOrResult) -> dict[str, Any]:
    row = as_stored(walk(*envelopes)[-1].row)
    assert row is not None
    return dict(row)


def told(outputs: Iterable[OutgoingEvent]) -> list[EventEnvelope[EssayLifecycleStateUpdatedV1]]:
    return [decode(event.topic, event.key.encode(), event.value, 10_000) for event in outputs]
