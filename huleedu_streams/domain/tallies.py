"""What the pages of a batch add up to, as the batch's row keeps it.

Lives here: the table of the pages' tallies, a column a status, and its sums. Not here: a page
(`domain/rosters.py`), a batch (`domain/batches.py`).

A status' name stands once, and its counts by page after it: all 29 statuses on all 64 pages are
9 KB. By page, as earlier versions wrote them, they were 54 KB, and a row passed its 64.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from huleedu_streams.domain.rosters import PAGE_COUNT, MemberPage, PageTally, Tally


def _zeros() -> list[int]:
    return [0] * PAGE_COUNT


@dataclass(slots=True)
class Columns:
    """Essays by status and page, and their corrections by page."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    corrections_made: list[int] = field(default_factory=_zeros)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return a copy of what `to_row` gave; of nothing, empty columns."""
        counts = {status: list(column) for status, column in row.get("counts", {}).items()}
        return cls(counts, list(row.get("corrections_made") or _zeros()))

    def put(self, page: int, tally: Tally) -> None:
        """Set what one page adds up to."""
        for column in self.counts.values():
            column[page] = 0
        for status, count in tally["counts"].items():
            self.counts.setdefault(status, _zeros())[page] = count
        self.corrections_made[page] = tally["corrections_made"]

    def totals(self) -> dict[str, int]:
        """Return the essays of each status that any has, in order of the statuses' names."""
        sums = {status: sum(column) for status, column in sorted(self.counts.items())}
        return {status: total for status, total in sums.items() if total}

    def to_row(self) -> dict[str, Any]:
        """Return plain values, the same for the same counts whatever was before."""
        counts = {status: self.counts[status] for status in self.totals()}
        return {"counts": counts, "corrections_made": self.corrections_made}


@dataclass(slots=True)
class Tallies:
    """The tallies of a batch's pages; `others` are essays that no registration names."""

    expected: Columns = field(default_factory=Columns)
    others: Columns = field(default_factory=Columns)
    versions: list[int] = field(default_factory=_zeros)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return a copy of what `to_row` gave, or of the tallies by page of earlier versions."""
        if "versions" in row:
            others = Columns.from_row(row.get("others", {}))
            return cls(Columns.from_row(row), others, list(row["versions"]))
        tallies = cls()
        for page, tally in row.items():
            tallies.put_page(int(page), tally)
        return tallies

    def put(self, pages: Iterable[MemberPage]) -> None:
        """Set what these pages add up to."""
        for page in pages:
            self.put_page(page.page, page.tally())

    def to_row(self, *, with_others: bool) -> dict[str, Any]:
        """Return plain values; `with_others` while they may still count, before a registration."""
        others = {"others": self.others.to_row()} if with_others else {}
        return {**self.expected.to_row(), "versions": self.versions, **others}

    def put_page(self, page: int, tally: PageTally) -> None:
        """Set what one page adds up to."""
        self.expected.put(page, tally)
        self.others.put(page, tally.get("others") or Tally(counts={}, corrections_made=0))
        self.versions[page] = tally["version"]
