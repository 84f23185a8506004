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
from typing import Any, NotRequired, Self, TypedDict
from zlib import crc32

from pydantic import Field

from huleedu_streams.domain.lifecycle import EssayStatus, Remembered, Status

# 5,000 essays are 78 a page; one update writes one page and the batch's row.
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


class Member(TypedDict):
    """One essay of a batch, as its last update left it; version 0 until there is one."""

    is_expected: bool
    status: str | None
    attempt: int
    version: int
    corrections_made: int | None


class Tally(TypedDict):
    """Essays added up, by status; those without an update are in no count."""

    counts: dict[str, int]
    corrections_made: int


class PageTally(Tally):
    """The expected essays of one page, and apart from them those that no registration names.

    `version` is the page's own.
    """

    version: int
    others: NotRequired[Tally]


class MemberPage(Remembered):
    """One page of a batch's members: a row of the `batch_members` table.

    Members stay the plain objects that the row holds: a page is read and written for each update,
    and one member of many is looked at.
    """

    batch_id: str
    page: int
    members: dict[str, Any] = Field(default_factory=dict)
    version: int = 0

    def member(self, essay_id: str) -> Member:
        """Return the essay as it stands; one never seen is not expected."""
        member: Member = self.members.get(essay_id, _UNSEEN)
        return member

    def expecting(self, essay_ids: Iterable[str]) -> Self:
        """Return the page with these essays expected; the very page if they were."""
        new = [essay_id for essay_id in essay_ids if not self.member(essay_id)["is_expected"]]
        return self._with({new_id: {**self.member(new_id), "is_expected": True} for new_id in new})

    def updated(self, update: EssayUpdated) -> Self:
        """Return the page after `update`; the very page if that one or a later was counted."""
        member = self.member(update.essay_id)
        if update.version <= member["version"]:
            return self
        after = Member(
            is_expected=member["is_expected"],
            status=str(update.status),
            attempt=update.attempt,
            version=update.version,
            corrections_made=update.corrections_made,
        )
        return self._with({update.essay_id: after})

    def has_room_for(self, essay_ids: Iterable[str]) -> bool:
        """Whether the page stays in its bounds with these essays on it."""
        return len(self.members.keys() | set(essay_ids)) <= MAX_PAGE_MEMBERS

    def tally(self) -> PageTally:
        """Return the page added up."""
        members: list[Member] = list(self.members.values())
        expected = _added_up(member for member in members if member["is_expected"])
        others = [member for member in members if not member["is_expected"]]
        tally = PageTally(
            counts=expected["counts"],
            corrections_made=expected["corrections_made"],
            version=self.version,
        )
        if others:
            tally["others"] = _added_up(others)
        return tally

    def failed_essay_ids(self) -> list[str]:
        """Return the expected essays whose spell check failed."""
        return [
            essay_id
            for essay_id, member in self.members.items()
            if member["is_expected"] and member["status"] in FAILED_STATUSES
        ]

    def missing_essay_ids(self) -> list[str]:
        """Return the expected essays that have no result."""
        return [
            essay_id
            for essay_id, member in self.members.items()
            if member["is_expected"]
            and (member["status"] is None or member["status"] in UNCHECKED_STATUSES)
        ]

    def expected_essay_ids(self) -> list[str]:
        """Return the essays that the registration names."""
        return [essay_id for essay_id, member in self.members.items() if member["is_expected"]]

    def unexpected_essay_ids(self) -> list[str]:
        """Return the essays that no registration names."""
        return [essay_id for essay_id, member in self.members.items() if not member["is_expected"]]

    def _with(self, members: Mapping[str, Mapping[str, object]]) -> Self:
        if not members:
            return self
        changes = {"members": {**self.members, **members}, "version": self.version + 1}
        return self.model_copy(update=changes)


_UNSEEN = Member(is_expected=False, status=None, attempt=0, version=0, corrections_made=None)


def page_of(essay_id: str) -> int:
    """Return the page that holds the essay, 0 to 63."""
    return crc32(essay_id.encode()) % PAGE_COUNT


def by_page(essay_ids: Iterable[str]) -> dict[int, list[str]]:
    """Return the essays by the page that holds them."""
    pages: dict[int, list[str]] = {}
    for essay_id in essay_ids:
        pages.setdefault(page_of(essay_id), []).append(essay_id)
    return pages


def _added_up(members: Iterable[Member]) -> Tally:
    counts: Counter[str] = Counter()
    corrections_made = 0
    for member in members:
        if member["status"] is not None:
            counts[member["status"]] += 1
            corrections_made += member["corrections_made"] or 0
    return Tally(counts=dict(sorted(counts.items())), corrections_made=corrections_made)
