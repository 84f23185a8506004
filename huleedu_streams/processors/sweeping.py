"""The events of a sweep: a request asked again, a failure after the last one, a deadline.

Lives here: which event says what was decided. Not here: what is stuck (`domain/in_flight.py`,
`runtime/sweeping.py`), what is done about it (`domain/resending.py`).

Each id is made of that of the event that got no answer, so a repeat, a worker that was thought dead
and another one on the same partition all send one and the same event: a duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from huleedu_streams.contracts.codec import OutgoingEvent, encode
from huleedu_streams.contracts.enums import ErrorCode
from huleedu_streams.contracts.envelope import (
    RESEND_COUNT,
    RESEND_OF,
    DataT,
    EventEnvelope,
    derived_id,
)
from huleedu_streams.contracts.events import BatchEssaysRegistered, SpellcheckRequestedDataV1
from huleedu_streams.domain.lifecycle import LifecycleRecord
from huleedu_streams.domain.resending import GiveUp, Resend, next_step
from huleedu_streams.processors.batches import deadline_id
from huleedu_streams.processors.spellcheck import Failure, FailureKind, failed_result
from huleedu_streams.processors.submission import (
    Origin,
    Registration,
    Submission,
    batch_registration,
    spellcheck_request,
)

SOURCE_SERVICE = "essay-lifecycle-service"
# A member of `metadata`: the registration of the batch whose deadline has passed.
DEADLINE_OF = "deadline_of"

_NO_ANSWER = Failure(
    FailureKind.SPELLCHECK,
    ErrorCode.TIMEOUT,
    "the speller has read the request and all its resends, and answered none",
)

Row = Mapping[str, Any]


class Action(StrEnum):
    """What a sweep did; a metric label."""

    RESEND = "resend"
    GIVE_UP = "give-up"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Swept:
    """What to send for one row.

    Attributes:
        action: Which of them it is.
        event: The event.
        resend_count: How often the request was asked again by then.
    """

    action: Action
    event: OutgoingEvent
    resend_count: int = 0


def sweep_essay(row: Row, at: datetime) -> Swept | None:
    """Return what to send for an essay that is stuck; nothing if it does not wait any more."""
    record = LifecycleRecord.from_row(row)
    step = next_step(record)
    if step is None:
        return None
    if isinstance(step, GiveUp):
        return Swept(Action.GIVE_UP, encode(_given_up(record, step, at)), step.attempt.resend_count)
    return Swept(Action.RESEND, encode(_asked_again(record, step, at)), step.count)


def is_deadline(envelope: EventEnvelope[BatchEssaysRegistered]) -> bool:
    """Whether a registration says that the deadline of its batch has passed."""
    return DEADLINE_OF in (envelope.metadata or {})


def deadline_passed(row: Row, essay_ids: Sequence[str], at: datetime) -> Swept:
    """Return the event that says that a batch's deadline has passed: its registration once more.

    It travels with the registrations, since that topic is read where the batch's row is. Whoever
    else reads it learns nothing new.

    Args:
        row: The batch's, registered.
        essay_ids: All essays that it expects.
        at: When that was found.
    """
    registration_id: str = row["registered_by"]
    event_id = deadline_id(registration_id)
    notes = {"causation_id": registration_id, DEADLINE_OF: registration_id}
    registration = Registration(row["batch_id"], essay_ids, notes)
    envelope = batch_registration(registration, Origin(event_id, event_id, at))
    return Swept(Action.DEADLINE, encode(_ours(envelope, row.get("correlation_id"))))


def _asked_again(
    record: LifecycleRecord, step: Resend, at: datetime
) -> EventEnvelope[SpellcheckRequestedDataV1]:
    """Return the request that asks for the same once more."""
    envelope = _request(record, step, derived_id(step.request_id, f"resend/{step.count}"), at)
    metadata = {
        "causation_id": step.request_id,
        RESEND_OF: step.of,
        RESEND_COUNT: str(step.count),
    }
    return envelope.model_copy(update={"metadata": metadata})


def _given_up(record: LifecycleRecord, step: GiveUp, at: datetime) -> EventEnvelope[Any]:
    """Return the result that says that nobody answered.

    Its id is not that of the answer, should one come after all.
    """
    request = _request(record, step, UUID(step.request_id), at)
    result = failed_result(request, _NO_ANSWER, at, at)
    changes = {
        "event_id": derived_id(step.request_id, "given-up"),
        "source_service": SOURCE_SERVICE,
    }
    return result.model_copy(update=changes)


def _request(
    record: LifecycleRecord, step: Resend | GiveUp, event_id: UUID, at: datetime
) -> EventEnvelope[SpellcheckRequestedDataV1]:
    """Return the attempt's request as an event of this id and time."""
    attempt = step.attempt
    submission = Submission(
        record.essay_id, record.batch_id, attempt.text_storage_id, attempt.language or "en"
    )
    envelope = spellcheck_request(submission, Origin(event_id, event_id, at))
    return _ours(envelope, record.correlation_id)


def _ours(envelope: EventEnvelope[DataT], correlation_id: str | None) -> EventEnvelope[DataT]:
    """Return the event as one of the lifecycle role, of the trace of the request, if it has one."""
    changes = {
        "source_service": SOURCE_SERVICE,
        "correlation_id": None if correlation_id is None else UUID(correlation_id),
    }
    return envelope.model_copy(update=changes)
