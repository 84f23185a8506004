"""A batch's members, in pages: who is expected, and how far each essay is.

Lives here: one page and its tally. Not here: what the tallies add up to (`domain/batches.py`).

A member's status and the counts over its page are one row, so no crash can part them. A batch adds
up its pages' tallies, never single steps: a repeat sets the same tally again and counts nothing
twice. Essays fall on pages by a hash, so an essay is found with one read in a batch of any size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Self
from zlib import crc32

from pydantic import Field

from huleedu_streams.domain.lifecycle import EssayStatus, Remembered, Status

# 5,000 essays are 78 a page; one update writes one page and 64 tallies.
PAGE_COUNT = 64
# Keeps a page below 64 KiB with ids of 128 characters; far above what the hash deals to a page.
MAX_PAGE_MEMBERS = 256

# Not yet past the spell check: an essay of any other status has a result.
UNCHECKED_STATUSES = frozenset(
    {
        EssayStatus.UPLOADED,
        EssayStatus.TEXT_EXTRACTED,
        EssayStatus.AWAITING_SPELLCHECK,
        EssayStatus.SPELLCHECKING_IN_PROGRESS,
    }
)
FAILED_STATUSES = frozenset({EssayStatus.SPELLCHECK_FAILED, EssayStatus.ESSAY_CRITICAL_FAILURE})


class EssayUpdated(Remembered):
    """Fact: an essay of a batch changed its status; `version` is that of the essay's row."""

    event_id: str
    batch_id: str
    essay_id: str
    status: Status
    attempt: int
    version: int
    corrections_made: int | None
    at: datetime


class Member(Remembered):
    """One essay of a batch, as its last update left it; version 0 until there is one."""

    is_expected: bool = False
    status: Status | None = None
    attempt: int = 0
    version: int = 0
    corrections_made: int | None = None


class Tally(Remembered):
    """One page, added up.

    Attributes:
        expected: How many members the registration names.
        counts: Expected members by status; those without an update are in no count.
        corrections_made: Words replaced in the expected members.
        others: Members that no registration names, by status.
        other_corrections_made: Words replaced in those.
    """

    expected: int = 0
    counts: dict[str, int] = Field(default_factory=dict)
    corrections_made: int = 0
    others: dict[str, int] = Field(default_factory=dict, exclude_if=lambda counts: not counts)
    other_corrections_made: int = Field(default=0, exclude_if=lambda count: not count)


class MemberPage(Remembered):
    """One page of a batch's members: a row of the `batch_members` table."""

    batch_id: str
    page: int
    members: dict[str, Member] = Field(default_factory=dict)
    version: int = 0

    def expecting(self, essay_ids: Iterable[str]) -> Self:
        """Return the page with these essays expected; the very page if they were."""
        new = {
            essay_id: self._member(essay_id).model_copy(update={"is_expected": True})
            for essay_id in essay_ids
            if not self._member(essay_id).is_expected
        }
        return self._with(new)

    def updated(self, update: EssayUpdated) -> Self:
        """Return the page after `update`; the very page if a later one was counted before."""
        member = self._member(update.essay_id)
        if update.version <= member.version:
            return self
        changes = {
            "status": update.status,
            "attempt": update.attempt,
            "version": update.version,
            "corrections_made": update.corrections_made,
        }
        return self._with({update.essay_id: member.model_copy(update=changes)})

    def has_room_for(self, essay_ids: Iterable[str]) -> bool:
        """Whether the page stays in its bounds with these essays on it."""
        return len(self.members.keys() | set(essay_ids)) <= MAX_PAGE_MEMBERS

    def tally(self) -> Tally:
        """Return the page added up."""
        expected = [member for member in self.members.values() if member.is_expected]
        others = [member for member in self.members.values() if not member.is_expected]
        return Tally(
            expected=len(expected),
            counts=_by_status(expected),
            others=_by_status(others),
            corrections_made=sum(member.corrections_made or 0 for member in expected),
            other_corrections_made=sum(member.corrections_made or 0 for member in others),
        )

    def failed_essay_ids(self) -> list[str]:
        """Return the expected essays whose spell check failed, in order."""
        return sorted(
            essay_id
            for essay_id, member in self.members.items()
            if member.is_expected and member.status in FAILED_STATUSES
        )

    def _member(self, essay_id: str) -> Member:
        return self.members.get(essay_id, Member())

    def _with(self, members: Mapping[str, Member]) -> Self:
        if not members:
            return self
        changes = {"members": {**self.members, **members}, "version": self.version + 1}
        return self.model_copy(update=changes)


def page_of(essay_id: str) -> int:
    """Return the page that holds the essay, 0 to 63."""
    return crc32(essay_id.encode()) % PAGE_COUNT


def by_page(essay_ids: Iterable[str]) -> dict[int, list[str]]:
    """Return the essays by the page that holds them."""
    pages: dict[int, list[str]] = {}
    for essay_id in essay_ids:
        pages.setdefault(page_of(essay_id), []).append(essay_id)
    return pages


def _by_status(members: Iterable[Member]) -> dict[str, int]:
    counts = Counter(str(member.status) for member in members if member.status is not None)
    return dict(sorted(counts.items()))
