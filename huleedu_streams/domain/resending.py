"""What is done about an essay whose request was read by the speller and never answered.

It is asked again a few times, then it has failed. How often is told by the attempt itself, that
is by the log: every worker, and the same one after a restart, decides the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from huleedu_streams.domain.in_flight import WAITING_STATUSES
from huleedu_streams.domain.lifecycle import Attempt, LifecycleRecord

MAX_RESENDS = 3


@dataclass(frozen=True, slots=True)
class Resend:
    """Ask again for what `attempt` asked.

    Attributes:
        attempt: The one that got no result.
        request_id: Its event.
        of: The request that all resends stand for.
        count: How often that one was asked again, this time included.
    """

    attempt: Attempt
    request_id: str
    of: str
    count: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Fail the essay: `attempt` and all resends before it got no result."""

    attempt: Attempt
    request_id: str


def next_step(record: LifecycleRecord) -> Resend | GiveUp | None:
    """Return what to do about an essay that is stuck; None if it does not wait for a result."""
    attempt = record.attempts[-1] if record.attempts else None
    if record.current_status not in WAITING_STATUSES or attempt is None:
        return None
    if attempt.event_id is None or not attempt.is_requested:
        return None
    if attempt.resend_count >= MAX_RESENDS:
        return GiveUp(attempt, attempt.event_id)
    original = attempt.resend_of or attempt.event_id
    return Resend(attempt, attempt.event_id, original, attempt.resend_count + 1)
