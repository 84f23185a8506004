"""The rules of a batch's rows, once more and in plain Python, from the log of essays' changes.

Nothing of the package is imported. A registration is not ordered against the essays' changes, so
a batch is right if one place of its registration among them gives its rows.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from tests.chaos import wire

Row = dict[str, Any]

_PAGES = 64
_MOST_LISTED = 100
_WITHOUT_RESULT = {"uploaded", "text_extracted", wire.AWAITING, "spellchecking_in_progress"}
_FAILED = {wire.FAILED, "essay_critical_failure"}


def update_fact(body: wire.Json) -> Row:
    """Return what a change of an essay says, from its JSON."""
    data = body["data"]
    return {
        "event_id": body["event_id"],
        "batch_id": data["entity_ref"].get("parent_id"),
        "essay_id": data["entity_ref"]["entity_id"],
        "at": wire.moment(body["event_timestamp"]),
        "status": data["status"],
        "attempt": data["attempt"],
        "version": data["version"],
        "corrections_made": data.get("corrections_made"),
    }


def registration_fact(body: wire.Json) -> Row:
    """Return what a registration says, from its JSON."""
    return {
        "event_id": body["event_id"],
        "batch_id": body["data"]["batch_id"],
        "essay_ids": body["data"]["essay_ids"],
        "correlation_id": body.get("correlation_id"),
        "at": wire.moment(body["event_timestamp"]),
    }


def possible_batches(
    registrations: Sequence[Row], updates: Sequence[Row]
) -> Iterator[tuple[Row, dict[str, Row]]]:
    """Yield the batch's row and its members for each place of its first registration."""
    if not registrations:
        yield _replayed(list(updates))
        return
    for place in range(len(updates) + 1):
        yield _replayed([*updates[:place], registrations[0], *updates[place:]])


def _replayed(facts: list[Row]) -> tuple[Row, dict[str, Row]]:
    row: Row = {}
    members: dict[str, Row] = {}
    for fact in facts:
        row = _fold(row or _empty(fact), members, fact)
    if row:
        row["tallies"] = _in_columns(row["tallies"], is_registered=row["registered_by"] is not None)
    return row, members


def _in_columns(tallies: dict[str, Row], *, is_registered: bool) -> Row:
    pages = [tallies.get(str(page), {}) for page in range(_PAGES)]
    columns = _columns(pages) | {"versions": [page.get("version", 0) for page in pages]}
    if not is_registered:
        columns["others"] = _columns([page.get("others", {}) for page in pages])
    return columns


def _columns(pages: list[Row]) -> Row:
    statuses = {status for page in pages for status in page.get("counts", {})}
    return {
        "counts": {
            status: [page.get("counts", {}).get(status, 0) for page in pages] for status in statuses
        },
        "corrections_made": [page.get("corrections_made", 0) for page in pages],
    }


def _empty(fact: Row) -> Row:
    return {
        "batch_id": fact["batch_id"],
        "expected_essay_count": None,
        "counts": {},
        "corrections_made": 0,
        "registered_at": None,
        "registered_by": None,
        "completed_at": None,
        "outcome": None,
        "completion": None,
        "unexpected_essay_ids": [],
        "unexpected_essay_ids_truncated": False,
        "correlation_id": None,
        "created_at": fact["at"],
        "updated_at": fact["at"],
        "tallies": {},
        "version": 0,
    }


def _fold(before: Row, members: dict[str, Row], fact: Row) -> Row:
    row = copy.deepcopy(before)
    row["updated_at"] = max(row["updated_at"], fact["at"])
    if "essay_ids" in fact:
        _register(row, members, fact)
    else:
        _count(row, members, fact)
    finished = sum(n for status, n in row["counts"].items() if status not in _WITHOUT_RESULT)
    if row["completion"] is None and finished == row["expected_essay_count"]:
        _complete(row, members, fact)
    return row


def _register(row: Row, members: dict[str, Row], fact: Row) -> None:
    _step(row, {_page(essay_id) for essay_id in fact["essay_ids"]})
    for essay_id in fact["essay_ids"]:
        members[essay_id] = members.get(essay_id, _unseen()) | {"is_expected": True}
    row |= {
        "expected_essay_count": len(fact["essay_ids"]),
        "registered_at": fact["at"],
        "registered_by": fact["event_id"],
        "correlation_id": fact["correlation_id"],
    }
    _add_up(row, members, {_page(essay_id) for essay_id in members})
    _list(row, sorted(key for key, member in members.items() if not member["is_expected"]))


def _count(row: Row, members: dict[str, Row], fact: Row) -> None:
    essay_id = fact["essay_id"]
    member = members.get(essay_id, _unseen())
    if fact["version"] > member["version"]:
        _step(row, {_page(essay_id)})
        member = {
            "is_expected": member["is_expected"],
            "status": fact["status"],
            "attempt": fact["attempt"],
            "version": fact["version"],
            "corrections_made": fact["corrections_made"],
        }
        members[essay_id] = member
    _add_up(row, members, {_page(essay_id)})
    if row["registered_by"] is not None and not member["is_expected"]:
        _list(row, [essay_id])


def _step(row: Row, pages: set[int]) -> None:
    """Count a change of each page, and of the batch as often."""
    for page in pages:
        row["tallies"].setdefault(str(page), {"version": 0})["version"] += 1
        row["version"] += 1


def _add_up(row: Row, members: dict[str, Row], pages: set[int]) -> None:
    for page in pages:
        there = [member for key, member in members.items() if _page(key) == page]
        tally = _sum([member for member in there if member["is_expected"]])
        others = [member for member in there if not member["is_expected"]]
        version = row["tallies"][str(page)]["version"]
        tally |= {"version": version, **({"others": _sum(others)} if others else {})}
        row["tallies"][str(page)] = tally
    counted = list(row["tallies"].values())
    if row["registered_by"] is None:
        counted += [tally["others"] for tally in counted if "others" in tally]
    counts: Counter[str] = Counter()
    for tally in counted:
        counts.update(tally["counts"])
    row["counts"] = dict(counts)
    row["corrections_made"] = sum(tally["corrections_made"] for tally in counted)


def _sum(members: list[Row]) -> Row:
    seen = [member for member in members if member["status"] is not None]
    return {
        "counts": dict(Counter(member["status"] for member in seen)),
        "corrections_made": sum(member["corrections_made"] or 0 for member in seen),
    }


def _list(row: Row, essay_ids: Sequence[str]) -> None:
    listed = sorted({*row["unexpected_essay_ids"], *essay_ids})
    row["unexpected_essay_ids"] = listed[:_MOST_LISTED]
    row["unexpected_essay_ids_truncated"] |= len(listed) > _MOST_LISTED


def _complete(row: Row, members: dict[str, Row], fact: Row) -> None:
    expected = row["expected_essay_count"]
    failed = sorted(
        key
        for key, member in members.items()
        if member["is_expected"] and member["status"] in _FAILED
    )
    outcome = "COMPLETED_WITH_FAILURES"
    if len(failed) in {0, expected}:
        outcome = "FAILED_CRITICALLY" if failed else "COMPLETED_SUCCESSFULLY"
    started = datetime.fromisoformat(row["registered_at"])
    seconds = (datetime.fromisoformat(fact["at"]) - started).total_seconds()
    row["completion"] = {
        "cause_id": fact["event_id"],
        "at": fact["at"],
        "outcome": outcome,
        "expected_essay_count": expected,
        "successful": expected - len(failed),
        "failed": len(failed),
        "failed_essay_ids": failed[:_MOST_LISTED],
        "failed_essay_ids_truncated": len(failed) > _MOST_LISTED,
        "corrections_made": row["corrections_made"],
        "duration_seconds": max(0.0, seconds),
    }
    row["completed_at"], row["outcome"] = fact["at"], outcome


def _unseen() -> Row:
    return {
        "is_expected": False,
        "status": None,
        "attempt": 0,
        "version": 0,
        "corrections_made": None,
    }


def _page(essay_id: str) -> int:
    return crc32(essay_id.encode()) % _PAGES
