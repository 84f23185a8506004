"""What an agent gives to the delivery loop, and what it gets back for each event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from huleedu_streams.contracts.codec import OutgoingEvent
from huleedu_streams.contracts.dead_letters import DeadLetter
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.errors import HuleeduStreamsError


class Outcome(StrEnum):
    """How an event ended; the `outcome` label of `huleedu_events_consumed_total`."""

    DONE = "done"
    DUPLICATE = "duplicate"
    RETRIED = "retried"
    SKIPPED = "skipped"
    REFUSED = "refused"
    DEAD_LETTERED = "dead-lettered"


@dataclass(frozen=True, slots=True)
class Handled:
    """What came of one event.

    Attributes:
        outputs: The records to send, in order.
        outcome: How it ended.
        event_type: What it was, if it was an event.
        is_served: Whether the content store gave and took a text for it; one that was missing
            says nothing of writes.
    """

    outputs: tuple[OutgoingEvent | DeadLetter, ...]
    outcome: Outcome
    event_type: str | None = None
    is_served: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What one agent does with the events of its topic; either `prepare` or `fold`.

    Attributes:
        topic: The topic read.
        owns_poison: Whether this agent dead-letters what cannot be decoded. One agent a topic
            does; any other counts and acknowledges it.
        prepare: Async and stateless: events are prepared side by side.
        fold: Synchronous and stateful: reads and writes tables, one event at a time.
        give_up: The outputs for an event whose text keeps failing while its store is healthy.
    """

    topic: str
    owns_poison: bool
    prepare: Callable[[EventEnvelope[Any]], Awaitable[Handled]] | None = None
    fold: Callable[[EventEnvelope[Any]], Handled] | None = None
    give_up: Callable[[EventEnvelope[Any], HuleeduStreamsError], Handled] | None = None
