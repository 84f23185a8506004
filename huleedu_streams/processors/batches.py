"""One event folded into one batch: a registration, or an essay's new status.

Lives here: which rows an event touches, and the event that tells of a complete batch. Not here:
the sums (`domain/batches.py`), writes and sends (`agents/batches.py`).

Every event is applied as if it were new, repeats too: pages and sums are set, never stepped, so a
repeat changes no row, and mends what a crash between two writes left apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from huleedu_streams.contracts.codec import OutgoingEvent, encode
from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.envelope import EventEnvelope, derived_id
from huleedu_streams.contracts.events import (
    BatchEssaysRegistered,
    BatchSpellcheckPhaseCompletedV1,
    EntityReference,
    EssayLifecycleStateUpdatedV1,
    state_updated_id,
)
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.attempts import FoldKind
from huleedu_streams.domain.batches import (
    BatchRecord,
    BatchRegistered,
    Completion,
)
from huleedu_streams.domain.rosters import (
    PAGE_COUNT,
    EssayUpdated,
    MemberPage,
    by_page,
    page_of,
)

SOURCE_SERVICE = "essay-lifecycle-service"
_TOPIC = topic_name(ProcessingEvent.BATCH_SPELLCHECK_PHASE_COMPLETED)

Row = Mapping[str, Any]


class BatchRows(Protocol):
    """What is remembered of batches, to read."""

    def batch(self, batch_id: str) -> Row | None:
        """Return the batch's row."""
        ...

    def page(self, batch_id: str, page: int) -> Row | None:
        """Return the row of one page of the batch's members, 0 to 63."""
        ...


@dataclass(frozen=True, slots=True)
class BatchDecision:
    """What one event does to its batch.

    Attributes:
        kind: What came of the event.
        batch_id: The batch, `None` if the event has none.
        batch: The batch's row to write; `None` if the event touches none.
        pages: The rows to write of pages of members, by page.
        outputs: The event of a complete batch, from the event that completed it; again from its
            repeat.
    """

    kind: FoldKind
    batch_id: str | None = None
    batch: Row | None = None
    pages: Mapping[int, Row] = field(default_factory=dict)
    outputs: tuple[OutgoingEvent, ...] = ()


def decide_registration(
    rows: BatchRows, envelope: EventEnvelope[BatchEssaysRegistered]
) -> BatchDecision:
    """Return what a registration makes of its batch; the first one of a batch stands."""
    fact = _registration(envelope)
    batch = _batch(rows, fact.batch_id, fact.at)
    pages = _pages(rows, fact.batch_id)
    expected = by_page(fact.essay_ids)
    has_room = all(pages[number].has_room_for(ids) for number, ids in expected.items())
    if not (has_room and _may_register(batch, pages, fact)):
        return BatchDecision(FoldKind.ILLEGAL, fact.batch_id)
    after_pages = {
        number: page.expecting(expected.get(number, ())) for number, page in pages.items()
    }
    after = (
        batch.registered(fact)
        .adding_up(page for page in after_pages.values() if page.members)
        .with_unexpected(_unexpected(after_pages))
    )
    if after.is_ready_to_complete:
        after = after.completed(fact.event_id, fact.at, _failed(after_pages))
    touched = {n: page for n, page in after_pages.items() if page.members}
    kind = FoldKind.APPLIED if batch.registered_by is None else FoldKind.DUPLICATE
    return _decision(kind, batch, after, touched, fact)


def decide_update(
    rows: BatchRows, envelope: EventEnvelope[EssayLifecycleStateUpdatedV1]
) -> BatchDecision:
    """Return what an essay's new status makes of its batch; an essay without one is ignored.

    An update whose id is not the one that the lifecycle role gives is nobody's to send: with a
    large enough version it would hold the essay's place against every true one.
    """
    update = _update(envelope)
    if update is None:
        return BatchDecision(FoldKind.IGNORED)
    if not _is_ours(envelope):
        return BatchDecision(FoldKind.ILLEGAL, update.batch_id)
    batch = _batch(rows, update.batch_id, update.at)
    page = _page(rows, update.batch_id, page_of(update.essay_id))
    if not page.has_room_for([update.essay_id]):
        return BatchDecision(FoldKind.ILLEGAL, update.batch_id)
    after_page = page.updated(update)
    after = batch.adding_up([after_page])
    member = after_page.member(update.essay_id)
    if after.registered_by is not None and not member["is_expected"]:
        after = after.listing_unexpected(update.essay_id)
    if after.is_ready_to_complete:
        pages = {**_pages(rows, update.batch_id), after_page.page: after_page}
        after = after.completed(update.event_id, update.at, _failed(pages))
    kind = FoldKind.APPLIED
    if after_page is page:
        is_repeat = update.version == member["version"]
        kind = FoldKind.DUPLICATE if is_repeat else FoldKind.STALE
    return _decision(kind, batch, after, {after_page.page: after_page}, update)


def decide_deadline(
    rows: BatchRows, envelope: EventEnvelope[BatchEssaysRegistered]
) -> BatchDecision:
    """Return what a passed deadline makes of its batch: an outcome, if it has none yet.

    The event is the registration once more (`processors/sweeping.py`); what does not stem from
    the registration that stands changes nothing.
    """
    fact = _registration(envelope)
    batch = _batch(rows, fact.batch_id, fact.at)
    if batch.registered_by is None or envelope.event_id != deadline_id(batch.registered_by):
        return BatchDecision(FoldKind.ILLEGAL, fact.batch_id)
    if batch.completion is not None:
        is_repeat = batch.completion.cause_id == fact.event_id
        return _decision(
            FoldKind.DUPLICATE if is_repeat else FoldKind.STALE, batch, batch, {}, fact
        )
    pages = {n: page for n, page in _pages(rows, fact.batch_id).items() if page.members}
    missing = sorted(essay_id for page in pages.values() for essay_id in page.missing_essay_ids())
    after = batch.adding_up(pages.values()).completed(
        fact.event_id, fact.at, _failed(pages), missing
    )
    return _decision(FoldKind.APPLIED, batch, after, pages, fact)


def deadline_id(registration_id: str) -> UUID:
    """Return the id of the event that says that a batch's deadline has passed; one for ever."""
    return derived_id(registration_id, "deadline-passed")


def _registration(envelope: EventEnvelope[BatchEssaysRegistered]) -> BatchRegistered:
    return BatchRegistered(
        event_id=str(envelope.event_id),
        batch_id=envelope.data.batch_id,
        essay_ids=tuple(envelope.data.essay_ids),
        correlation_id=str(envelope.correlation_id) if envelope.correlation_id else None,
        at=envelope.event_timestamp,
    )


def _may_register(
    batch: BatchRecord, pages: Mapping[int, MemberPage], fact: BatchRegistered
) -> bool:
    """Whether nobody has registered the batch, or the very event did, with the very essays.

    A crash may have lost pages that the repeat mends, so those that are left must be among its.
    """
    if batch.registered_by is None:
        return True
    expected = {essay_id for page in pages.values() for essay_id in page.expected_essay_ids()}
    return (
        batch.registered_by == fact.event_id
        and batch.expected_essay_count == len(fact.essay_ids)
        and expected <= set(fact.essay_ids)
    )


def _is_ours(envelope: EventEnvelope[EssayLifecycleStateUpdatedV1]) -> bool:
    cause_id = envelope.causation_id
    if cause_id is None:
        return False
    return envelope.event_id == state_updated_id(cause_id, envelope.data.version)


def _decision(
    kind: FoldKind,
    before: BatchRecord,
    after: BatchRecord,
    pages: Mapping[int, MemberPage],
    fact: BatchRegistered | EssayUpdated,
) -> BatchDecision:
    """Return the rows touched, and the completion if this event is the one that caused it.

    Rows that stay the same are written again: a process may have died between a row's write and
    its way into the changelog, and the repeat is what mends that.
    """
    outputs: tuple[OutgoingEvent, ...] = ()
    if after.completion is not None and after.completion.cause_id == fact.event_id:
        outputs = (encode(_phase_completed(after, after.completion)),)
    after = after.model_copy(update={"updated_at": max(before.updated_at, fact.at)})
    return BatchDecision(
        kind=kind,
        batch_id=fact.batch_id,
        batch=after.to_row(),
        pages={number: page.to_row() for number, page in pages.items()},
        outputs=outputs,
    )


def _phase_completed(
    batch: BatchRecord, completion: Completion
) -> EventEnvelope[BatchSpellcheckPhaseCompletedV1]:
    """Return the event of a complete batch; its id is the batch's alone, so there is one for ever.

    Made of what the row keeps of the completion: what comes later cannot change it.
    """
    return EventEnvelope[BatchSpellcheckPhaseCompletedV1](
        event_id=derived_id(batch.batch_id, "spellcheck-phase-completed"),
        event_type=_TOPIC,
        event_timestamp=completion.at,
        source_service=SOURCE_SERVICE,
        correlation_id=UUID(batch.correlation_id) if batch.correlation_id else None,
        metadata={"causation_id": completion.cause_id},
        data=BatchSpellcheckPhaseCompletedV1(
            event_name=ProcessingEvent.BATCH_SPELLCHECK_PHASE_COMPLETED,
            entity_ref=EntityReference(entity_id=batch.batch_id, entity_type="batch"),
            timestamp=completion.at,
            outcome=completion.outcome,
            expected_essay_count=completion.expected_essay_count,
            successful=completion.successful,
            failed=completion.failed,
            failed_essay_ids=list(completion.failed_essay_ids),
            failed_essay_ids_truncated=completion.failed_essay_ids_truncated,
            missing_essay_ids=list(completion.missing_essay_ids),
            missing_essay_ids_truncated=completion.missing_essay_ids_truncated,
            corrections_made=completion.corrections_made,
            duration_seconds=completion.duration_seconds,
        ),
    )


def _update(envelope: EventEnvelope[EssayLifecycleStateUpdatedV1]) -> EssayUpdated | None:
    data = envelope.data
    if data.entity_ref.parent_id is None:
        return None
    return EssayUpdated(
        event_id=str(envelope.event_id),
        batch_id=data.entity_ref.parent_id,
        essay_id=data.entity_ref.entity_id,
        status=data.status,
        attempt=data.attempt,
        version=data.version,
        corrections_made=data.corrections_made,
        at=envelope.event_timestamp,
    )


def _batch(rows: BatchRows, batch_id: str, at: datetime) -> BatchRecord:
    row = rows.batch(batch_id)
    if row is None:
        return BatchRecord(batch_id=batch_id, created_at=at, updated_at=at)
    return BatchRecord.from_row(row)


def _page(rows: BatchRows, batch_id: str, number: int) -> MemberPage:
    row = rows.page(batch_id, number)
    if row is None:
        return MemberPage(batch_id=batch_id, page=number)
    return MemberPage.from_row(row)


def _pages(rows: BatchRows, batch_id: str) -> dict[int, MemberPage]:
    return {number: _page(rows, batch_id, number) for number in range(PAGE_COUNT)}


def _failed(pages: Mapping[int, MemberPage]) -> list[str]:
    return sorted(essay_id for page in pages.values() for essay_id in page.failed_essay_ids())


def _unexpected(pages: Mapping[int, MemberPage]) -> list[str]:
    return [essay_id for page in pages.values() for essay_id in page.unexpected_essay_ids()]
