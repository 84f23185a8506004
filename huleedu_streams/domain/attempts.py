"""The fold: one fact about an essay at a time, in whatever order the two topics give them.

Lives here: which request a result answers, what a repeat does, and what waits for what. Not here:
which status may follow which (`domain/lifecycle.py`). Step 5 of 6 on the walk.

An attempt is one request. Its results name it, and the newest request is the current attempt.
Requests and results travel on two topics that are not ordered against each other, so a result may
come before its request:

- for an essay not seen before it makes the row at once, as attempt 1, and its request joins later;
- in a row that exists it is parked, and its request applies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from huleedu_streams.domain.lifecycle import (
    MAX_ATTEMPTS,
    MAX_EVENT_IDS,
    MAX_PARKED_RESULTS,
    RESULT_STATUSES,
    Attempt,
    EssayStatus,
    LifecycleRecord,
    Mark,
    SpellcheckRequested,
    SpellcheckResult,
    Step,
    TimelineEntry,
    advance,
    note,
)
from huleedu_streams.errors import IllegalTransitionError

Fact = SpellcheckRequested | SpellcheckResult


class FoldKind(StrEnum):
    """What came of a fact: a metric label and a log field."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    STALE = "stale"
    PARKED = "parked"
    ILLEGAL = "illegal"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Folded:
    """A record after a fact.

    Attributes:
        record: The very record that was given if nothing changed; `None` if there is none yet.
        entries: The timeline entries to tell of, in order; a duplicate's are those of its first
            time.
        kind: What came of the fact.
    """

    record: LifecycleRecord | None
    entries: tuple[TimelineEntry, ...]
    kind: FoldKind


def fold(record: LifecycleRecord | None, fact: Fact) -> Folded:
    """Return what `fact` makes of the essay's record."""
    if record is not None and fact.event_id in record.event_ids:
        return Folded(record, _told(record, fact), FoldKind.DUPLICATE)
    if record is not None and _is_of_another_batch(record, fact):
        return Folded(record, (), FoldKind.ILLEGAL)
    if isinstance(fact, SpellcheckRequested):
        return _fold_request(record or _unwritten(fact), fact)
    if record is None:
        return _begin_with_result(_unwritten(fact), fact)
    return _fold_result(record, fact)


def _is_of_another_batch(record: LifecycleRecord, fact: Fact) -> bool:
    """Whether two essays were given the same id: the first one keeps it."""
    return None not in {record.batch_id, fact.batch_id} and record.batch_id != fact.batch_id


def _fold_request(record: LifecycleRecord, request: SpellcheckRequested) -> Folded:
    """Join the attempt that its result began, or open the next; then apply what was parked."""
    begun = _begun_by_result(record)
    if begun is not None and _asks_for(request, begun.event_id, begun.text_storage_id):
        after = _join(record, request, begun)
    else:
        after = _open(record, request)
    # A parked copy of what the joined attempt has already is no legal edge, so nothing doubles.
    for result in record.parked:
        if _asks_for(request, result.causation_id, result.original_text_storage_id):
            after = _apply_if_legal(after, result, cause_id=request.event_id)
            after = after.model_copy(update={"parked": _without(after.parked, result)})
    after = _remember(after, request)
    return Folded(after, _told(after, request), FoldKind.APPLIED)


def _fold_result(record: LifecycleRecord, result: SpellcheckResult) -> Folded:
    """Apply the result to the current attempt, note it for an earlier one, or park it."""
    attempt = _answered_attempt(record, result)
    if attempt is None:
        return _park(record, result)
    if attempt.number != record.attempt:
        late = note(record, _step(result, attempt.number, result.event_id), Mark.STALE)
        return Folded(_remember(late, result), (), FoldKind.STALE)
    after = _apply_if_legal(record, result, cause_id=result.event_id)
    if after is record:
        return Folded(record, (), FoldKind.ILLEGAL)
    if not attempt.is_requested:
        after = _with_parked(after, result)
    after = _remember(after, result)
    return Folded(after, _told(after, result), FoldKind.APPLIED)


def _begin_with_result(record: LifecycleRecord, result: SpellcheckResult) -> Folded:
    """Make the row with a result whose request has not come yet, as attempt 1.

    The result stays parked too: should another request come first, that one is older in the log
    than this result's own, which then opens the next attempt and finds its result waiting.
    """
    if result.status not in RESULT_STATUSES:
        return Folded(None, (), FoldKind.ILLEGAL)
    begun = Attempt(
        number=1,
        event_id=result.causation_id,
        text_storage_id=result.original_text_storage_id,
        is_requested=False,
    )
    record = record.model_copy(
        update={"attempt": 1, "attempts": (begun,), "batch_id": result.batch_id}
    )
    after = note(record, _step(result, 1, result.event_id))
    after = _remember(_with_parked(_with_outcome(after, result), result), result)
    return Folded(after, _told(after, result), FoldKind.APPLIED)


def _park(record: LifecycleRecord, result: SpellcheckResult) -> Folded:
    """Keep the result of a request that has not come; the oldest goes where there is no room."""
    if result.status not in RESULT_STATUSES:
        return Folded(record, (), FoldKind.ILLEGAL)
    after = _remember(_with_parked(record.changed(), result), result)
    return Folded(after, (), FoldKind.PARKED)


def _join(record: LifecycleRecord, request: SpellcheckRequested, begun: Attempt) -> LifecycleRecord:
    """Let the request join the attempt that its result began; it tells batch and language."""
    joined = begun.model_copy(
        update={
            "event_id": request.event_id,
            "text_storage_id": request.text_storage_id,
            "language": request.language,
            "is_requested": True,
            "resend_of": request.resend_of,
            "resend_count": request.resend_count,
        }
    )
    record = record.model_copy(
        update={
            "batch_id": record.batch_id or request.batch_id,
            "language": request.language,
            "attempts": (*record.attempts[:-1], joined),
        }
    )
    step = Step(
        status=record.current_status,
        attempt=joined.number,
        at=request.at,
        event_id=request.event_id,
        cause_id=request.event_id,
        corrections_made=record.corrections_made,
        error_code=record.last_error.error_code if record.last_error else None,
    )
    return note(record, step, Mark.JOINED)


def _open(record: LifecycleRecord, request: SpellcheckRequested) -> LifecycleRecord:
    """Open the next attempt: a path of its own, whatever the status before."""
    attempt = Attempt(
        number=record.attempt + 1,
        event_id=request.event_id,
        text_storage_id=request.text_storage_id,
        language=request.language,
        resend_of=request.resend_of,
        resend_count=request.resend_count,
    )
    requested = tuple(earlier for earlier in record.attempts if earlier.is_requested)
    record = record.model_copy(
        update={
            "batch_id": record.batch_id or request.batch_id,
            "language": request.language,
            "attempt": attempt.number,
            "attempts": (*requested, attempt)[-MAX_ATTEMPTS:],
            "storage_references": {},
            "corrections_made": None,
            "last_error": None,
        }
    )
    step = Step(
        status=EssayStatus.AWAITING_SPELLCHECK,
        attempt=attempt.number,
        at=request.at,
        event_id=request.event_id,
        cause_id=request.event_id,
    )
    return note(record, step)


def _apply_if_legal(
    record: LifecycleRecord, result: SpellcheckResult, cause_id: str
) -> LifecycleRecord:
    """Return the record advanced by the result, or the very record given if it may not be."""
    known = record.model_copy(update={"batch_id": record.batch_id or result.batch_id})
    try:
        after = advance(known, _step(result, record.attempt, cause_id))
    except IllegalTransitionError:
        return record
    return _with_outcome(after, result)


def _begun_by_result(record: LifecycleRecord) -> Attempt | None:
    """Return the attempt that still waits for its request; only a row's first can."""
    newest = record.attempts[-1] if record.attempts else None
    return newest if newest is not None and not newest.is_requested else None


def _answered_attempt(record: LifecycleRecord, result: SpellcheckResult) -> Attempt | None:
    """Return the attempt that the result answers, by its cause, else by its text; newest first."""
    for attempt in reversed(record.attempts):
        if result.causation_id is None:
            is_answered = attempt.text_storage_id == result.original_text_storage_id
        else:
            is_answered = attempt.event_id == result.causation_id
        if is_answered:
            return attempt
    return None


def _asks_for(request: SpellcheckRequested, causation_id: str | None, text_id: str) -> bool:
    """Whether the request is the one that caused a result; without a cause the text tells."""
    if causation_id is None:
        return request.text_storage_id == text_id
    return request.event_id == causation_id


def _step(result: SpellcheckResult, attempt: int, cause_id: str) -> Step:
    return Step(
        status=result.status,
        attempt=attempt,
        at=result.at,
        event_id=result.event_id,
        cause_id=cause_id,
        corrections_made=result.corrections_made,
        error_code=result.error.error_code if result.error else None,
    )


def _with_outcome(record: LifecycleRecord, result: SpellcheckResult) -> LifecycleRecord:
    return record.model_copy(
        update={
            "storage_references": result.storage_references,
            "corrections_made": result.corrections_made,
            "last_error": result.error,
        }
    )


def _with_parked(record: LifecycleRecord, result: SpellcheckResult) -> LifecycleRecord:
    return record.model_copy(update={"parked": (*record.parked, result)[-MAX_PARKED_RESULTS:]})


def _without(
    parked: tuple[SpellcheckResult, ...], applied: SpellcheckResult
) -> tuple[SpellcheckResult, ...]:
    return tuple(result for result in parked if result.event_id != applied.event_id)


def _remember(record: LifecycleRecord, fact: Fact) -> LifecycleRecord:
    """Note the event's id, and the span of time that the essay's events cover."""
    return record.model_copy(
        update={
            "event_ids": (*record.event_ids, fact.event_id)[-MAX_EVENT_IDS:],
            "correlation_id": fact.correlation_id or record.correlation_id,
            "created_at": min(record.created_at, fact.at),
            "updated_at": max(record.updated_at, fact.at),
        }
    )


def _told(record: LifecycleRecord, fact: Fact) -> tuple[TimelineEntry, ...]:
    """Return the entries that the processing of `fact` appended and that are told to others."""
    return tuple(
        entry for entry in record.timeline if entry.cause_id == fact.event_id and entry.applied
    )


def _unwritten(fact: Fact) -> LifecycleRecord:
    return LifecycleRecord(essay_id=fact.essay_id, created_at=fact.at, updated_at=fact.at)
