"""A batch: what its pages of members add up to, and when its spell check is over.

Lives here: registration, the sums, completion. Not here: the single essays (`domain/rosters.py`).

A batch that nobody registered is made by its first essay and never completes. One that is
registered completes once, when every expected essay has a result, or when its deadline passes,
whatever comes after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import Field

from huleedu_streams.domain.lifecycle import Remembered
from huleedu_streams.domain.rosters import (
    FAILED_STATUSES,
    UNCHECKED_STATUSES,
    MemberPage,
)
from huleedu_streams.domain.tallies import Tallies

MAX_LISTED_ESSAYS = 100


class BatchStatus(StrEnum):
    """Where a batch stands on HuleEdu's wire."""

    UPLOADED = "uploaded"
    PARTIALLY_UPLOADED = "partially_uploaded"
    PENDING_CONFIGURATION = "pending_configuration"
    PENDING_PROCESSING_INITIATION = "pending_processing_initiation"
    PROCESSING_CONTENT_ENRICHMENT = "processing_content_enrichment"
    AWAITING_CJ_ASSESSMENT = "awaiting_cj_assessment"
    PROCESSING_CJ_ASSESSMENT = "processing_cj_assessment"
    COMPLETED = "completed"
    PARTIALLY_COMPLETED = "partially_completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PhaseOutcome(StrEnum):
    """How a batch's spell-check phase ended."""

    COMPLETED_SUCCESSFULLY = "COMPLETED_SUCCESSFULLY"
    COMPLETED_WITH_FAILURES = "COMPLETED_WITH_FAILURES"
    FAILED_CRITICALLY = "FAILED_CRITICALLY"


class BatchRegistered(Remembered):
    """Fact: somebody registered a batch and the essays that it expects."""

    event_id: str
    batch_id: str
    essay_ids: tuple[str, ...]
    correlation_id: str | None
    at: datetime


class Completion(Remembered):
    """How a batch was as its last result came, or its deadline; kept to be told again the same."""

    cause_id: str
    at: datetime
    outcome: PhaseOutcome
    expected_essay_count: int
    successful: int
    failed: int
    failed_essay_ids: tuple[str, ...]
    failed_essay_ids_truncated: bool
    missing_essay_ids: tuple[str, ...] = ()
    missing_essay_ids_truncated: bool = False
    corrections_made: int
    duration_seconds: float


class BatchRecord(Remembered):
    """One batch: the row of the `batches` table. A `version` of 0 is a row not yet written.

    A crash may leave pages in the changelog and not the row that they were added up to. So the row
    says nothing that depends on how often it was written: its version is the sum of its pages'.

    Attributes:
        expected_essay_count: `None` until somebody registers the batch.
        counts: Essays by status: the expected ones, or all while nobody registered the batch.
        tallies: What each page adds up to (`domain/tallies.py`); `counts` is their sum.
        unexpected_essay_ids: Essays that the registration does not name, in order; at most 100.
    """

    batch_id: str
    expected_essay_count: int | None = None
    counts: dict[str, int] = Field(default_factory=dict)
    corrections_made: int = 0
    registered_at: datetime | None = None
    registered_by: str | None = None
    completed_at: datetime | None = None
    outcome: PhaseOutcome | None = None
    completion: Completion | None = None
    unexpected_essay_ids: tuple[str, ...] = ()
    unexpected_essay_ids_truncated: bool = False
    correlation_id: str | None = None
    created_at: datetime
    updated_at: datetime
    tallies: dict[str, Any] = Field(default_factory=dict)
    version: int = 0

    @property
    def finished(self) -> int:
        """How many of the essays counted have a result."""
        return sum(n for status, n in self.counts.items() if status not in UNCHECKED_STATUSES)

    @property
    def failed(self) -> int:
        """How many of the essays counted failed their spell check."""
        return sum(n for status, n in self.counts.items() if status in FAILED_STATUSES)

    @property
    def is_ready_to_complete(self) -> bool:
        """Whether every expected essay has a result and nobody has been told yet."""
        return self.completion is None and self.finished == self.expected_essay_count

    def registered(self, fact: BatchRegistered) -> Self:
        """Return the batch with its registration noted; its pages' tallies come separately."""
        changes = {
            "expected_essay_count": len(fact.essay_ids),
            "registered_at": fact.at,
            "registered_by": fact.event_id,
            "correlation_id": fact.correlation_id,
        }
        return self.model_copy(update=changes)

    def adding_up(self, pages: Iterable[MemberPage]) -> Self:
        """Return the batch with these pages' tallies in place of what it knew of them."""
        tallies = Tallies.from_row(self.tallies)
        tallies.put(pages)
        counts = tallies.expected.totals()
        corrections_made = sum(tallies.expected.corrections_made)
        is_registered = self.registered_by is not None
        if not is_registered:
            counts = dict(sorted((Counter(counts) + Counter(tallies.others.totals())).items()))
            corrections_made += sum(tallies.others.corrections_made)
        changes = {
            "tallies": tallies.to_row(with_others=not is_registered),
            "counts": counts,
            "corrections_made": corrections_made,
            "version": sum(tallies.versions),
        }
        return self.model_copy(update=changes)

    def listing_unexpected(self, essay_id: str) -> Self:
        """Return the batch with this essay among those that no registration names."""
        listed = {*self.unexpected_essay_ids, essay_id}
        is_truncated = self.unexpected_essay_ids_truncated
        return self.with_unexpected(listed, is_truncated=is_truncated)

    def with_unexpected(self, essay_ids: Collection[str], *, is_truncated: bool = False) -> Self:
        """Return the batch with these as all the essays that no registration names.

        Args:
            essay_ids: The essays.
            is_truncated: Whether there are more of them.
        """
        changes = {
            "unexpected_essay_ids": tuple(sorted(essay_ids)[:MAX_LISTED_ESSAYS]),
            "unexpected_essay_ids_truncated": is_truncated or len(essay_ids) > MAX_LISTED_ESSAYS,
        }
        return self.model_copy(update=changes)

    def completed(
        self,
        cause_id: str,
        at: datetime,
        failed_essay_ids: list[str],
        missing_essay_ids: Sequence[str] = (),
    ) -> Self:
        """Return the batch complete, by the event that brought the last result or the deadline.

        Args:
            cause_id: That event.
            at: Its time.
            failed_essay_ids: All expected essays that failed, in order.
            missing_essay_ids: All expected essays without a result, in order.
        """
        expected = self.expected_essay_count or 0
        successful = expected - self.failed - len(missing_essay_ids)
        started_at = self.registered_at or at
        completion = Completion(
            cause_id=cause_id,
            at=at,
            outcome=_outcome(expected, successful),
            expected_essay_count=expected,
            successful=successful,
            failed=self.failed,
            failed_essay_ids=tuple(failed_essay_ids[:MAX_LISTED_ESSAYS]),
            failed_essay_ids_truncated=len(failed_essay_ids) > MAX_LISTED_ESSAYS,
            missing_essay_ids=tuple(missing_essay_ids[:MAX_LISTED_ESSAYS]),
            missing_essay_ids_truncated=len(missing_essay_ids) > MAX_LISTED_ESSAYS,
            corrections_made=self.corrections_made,
            # Clocks of different machines may put the last result before the registration.
            duration_seconds=max(0.0, (at - started_at).total_seconds()),
        )
        changes = {"completed_at": at, "outcome": completion.outcome, "completion": completion}
        return self.model_copy(update=changes)


def _outcome(expected: int, successful: int) -> PhaseOutcome:
    if successful == expected:
        return PhaseOutcome.COMPLETED_SUCCESSFULLY
    if successful == 0:
        return PhaseOutcome.FAILED_CRITICALLY
    return PhaseOutcome.COMPLETED_WITH_FAILURES
