"""The rules of an essay's row, once more and in plain Python: what the essays table must hold.

Nothing of the package is imported. The two topics of an essay are not ordered against each other,
so a row is right if one order of its requests and results, each topic's own order kept, gives it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from tests.chaos import wire

Row = dict[str, Any]

# The edges of the status machine that a spell check can take.
EDGES = {
    "uploaded": {wire.AWAITING, "text_extracted", "essay_critical_failure"},
    wire.AWAITING: {
        "spellchecking_in_progress",
        wire.SUCCESS,
        wire.FAILED,
        "essay_critical_failure",
    },
    "spellchecking_in_progress": {wire.SUCCESS, wire.FAILED, "essay_critical_failure"},
}
_MOST_EVENT_IDS = 64
_MOST_PARKED = 8
# More orders than this are not tried one by one: none of the plans has such an essay.
_MOST_ORDERS = 5_000


def possible_rows(requests: Sequence[Row], results: Sequence[Row]) -> Iterator[Row | None]:
    """Yield the row after each order of the facts that their two topics allow."""
    facts = {"q": list(requests), "s": list(results)}
    for order in _orders(len(requests), len(results))[:_MOST_ORDERS]:
        row: Row | None = None
        places = {"q": 0, "s": 0}
        for which in order:
            row = fold(row, facts[which][places[which]])
            places[which] += 1
        yield row


@cache
def _orders(requests: int, results: int) -> list[str]:
    if not requests or not results:
        return ["q" * requests + "s" * results]
    return [f"q{rest}" for rest in _orders(requests - 1, results)] + [
        f"s{rest}" for rest in _orders(requests, results - 1)
    ]


def request_fact(body: wire.Json) -> Row:
    """Return what a request says, from its JSON."""
    return _common(body) | {
        "is_request": True,
        "text_storage_id": body["data"]["text_storage_id"],
        "language": body["data"].get("language", "en"),
    }


def result_fact(body: wire.Json) -> Row:
    """Return what a result says, from its JSON; as it lies in a row's `parked`."""
    data = body["data"]
    stored = (data.get("storage_metadata") or {}).get("references", {})
    references = {
        kind: {"default": place.get("default") or place.get("storage_id")}
        for kind, place in stored.items()
    }
    info = data["system_metadata"].get("error_info", {})
    told = [(kind, text) for kind, text in info.items() if kind != "error_code"]
    error = None
    if told:
        kind, message = told[0]
        error = {"kind": kind, "error_code": info.get("error_code"), "message": message}
    return _common(body) | {
        "is_request": False,
        "causation_id": (body.get("metadata") or {}).get("causation_id"),
        "original_text_storage_id": data["original_text_storage_id"],
        "status": data["status"],
        "storage_references": references,
        "corrections_made": data.get("corrections_made"),
        "error": error,
    }


def _common(body: wire.Json) -> Row:
    entity = body["data"]["entity_ref"]
    return {
        "event_id": body["event_id"],
        "essay_id": entity["entity_id"],
        "batch_id": entity.get("parent_id"),
        "at": wire.moment(body["event_timestamp"]),
        "correlation_id": body.get("correlation_id"),
    }


def fold(row: Row | None, fact: Row) -> Row | None:
    """Return the row after one fact; the given row is not changed."""
    if row is not None and fact["event_id"] in row["event_ids"]:
        return row
    after = copy.deepcopy(row) if row is not None else _empty(fact)
    if fact["is_request"]:
        _take_request(after, fact)
    elif row is None:
        if fact["status"] not in EDGES[wire.AWAITING]:
            return None
        _begin(after, fact)
    elif not _take_result(after, fact):
        return row
    after["event_ids"] = [*after["event_ids"], fact["event_id"]][-_MOST_EVENT_IDS:]
    after["correlation_id"] = fact["correlation_id"] or after["correlation_id"]
    after["created_at"] = min(after["created_at"], fact["at"])
    after["updated_at"] = max(after["updated_at"], fact["at"])
    return after


def _empty(fact: Row) -> Row:
    return {
        "essay_id": fact["essay_id"],
        "batch_id": None,
        "current_status": "uploaded",
        "attempt": 0,
        "timeline": [],
        "storage_references": {},
        "corrections_made": None,
        "language": None,
        "last_error": None,
        "correlation_id": None,
        "created_at": fact["at"],
        "updated_at": fact["at"],
        "version": 0,
        "attempts": [],
        "parked": [],
        "event_ids": [],
    }


def _take_request(row: Row, ask: Row) -> None:
    newest = row["attempts"][-1] if row["attempts"] else None
    begun = newest if newest is not None and not newest["is_requested"] else None
    if begun and _answers(begun["event_id"], begun["text_storage_id"], ask):
        begun |= {
            "event_id": ask["event_id"],
            "text_storage_id": ask["text_storage_id"],
            "language": ask["language"],
            "is_requested": True,
        }
        row["batch_id"] = row["batch_id"] or ask["batch_id"]
        row["language"] = ask["language"]
        told = {
            "at": ask["at"],
            "event_id": ask["event_id"],
            "status": row["current_status"],
            "corrections_made": row["corrections_made"],
            "error": row["last_error"],
        }
        _note(row, told, ask["event_id"], row["attempt"], joined=True)
    else:
        _open_attempt(row, ask)
    for result in list(row["parked"]):
        if _answers(result["causation_id"], result["original_text_storage_id"], ask):
            if result["status"] in EDGES.get(row["current_status"], ()):
                _apply(row, result | {"is_request": False}, ask["event_id"])
            row["parked"].remove(result)


def _open_attempt(row: Row, ask: Row) -> None:
    row["batch_id"] = row["batch_id"] or ask["batch_id"]
    row["attempt"] += 1
    attempt = {
        "number": row["attempt"],
        "event_id": ask["event_id"],
        "text_storage_id": ask["text_storage_id"],
        "language": ask["language"],
        "is_requested": True,
    }
    row["attempts"] = [*(one for one in row["attempts"] if one["is_requested"]), attempt][-16:]
    row |= {
        "language": ask["language"],
        "storage_references": {},
        "corrections_made": None,
        "last_error": None,
    }
    told = {"at": ask["at"], "event_id": ask["event_id"], "status": wire.AWAITING}
    _note(row, told, ask["event_id"], row["attempt"])


def _begin(row: Row, result: Row) -> None:
    row["attempt"] = 1
    row["attempts"] = [
        {
            "number": 1,
            "event_id": result["causation_id"],
            "text_storage_id": result["original_text_storage_id"],
            "language": None,
            "is_requested": False,
        }
    ]
    row["batch_id"] = result["batch_id"]
    _apply(row, result, result["event_id"])
    _park(row, result)


def _take_result(row: Row, result: Row) -> bool:
    """Return whether the result changed the row."""
    answered = [attempt for attempt in reversed(row["attempts"]) if _is_of(attempt, result)]
    if not answered:
        if result["status"] not in EDGES[wire.AWAITING]:
            return False
        row["version"] += 1
        _park(row, result)
        return True
    if answered[0]["number"] != row["attempt"]:
        _note(row, result, result["event_id"], answered[0]["number"], applied=False)
        return True
    if result["status"] not in EDGES.get(row["current_status"], ()):
        return False
    row["batch_id"] = row["batch_id"] or result["batch_id"]
    _apply(row, result, result["event_id"])
    if not answered[0]["is_requested"]:
        _park(row, result)
    return True


def _is_of(attempt: Row, result: Row) -> bool:
    if result["causation_id"] is None:
        return bool(attempt["text_storage_id"] == result["original_text_storage_id"])
    return bool(attempt["event_id"] == result["causation_id"])


def _answers(causation_id: str | None, text_id: str, ask: Row) -> bool:
    if causation_id is None:
        return bool(ask["text_storage_id"] == text_id)
    return bool(ask["event_id"] == causation_id)


def _apply(row: Row, result: Row, cause_id: str) -> None:
    _note(row, result, cause_id, row["attempt"])
    row["storage_references"] = result["storage_references"]
    row["corrections_made"] = result["corrections_made"]
    row["last_error"] = result["error"]


def _park(row: Row, result: Row) -> None:
    kept = {name: value for name, value in result.items() if name != "is_request"}
    row["parked"] = [*row["parked"], kept][-_MOST_PARKED:]


def _note(
    row: Row, told: Row, cause_id: str, attempt: int, *, joined: bool = False, applied: bool = True
) -> None:
    """Append to the timeline, one version on."""
    error = told.get("error") or {}
    entry = {
        "status": told["status"],
        "previous_status": row["current_status"] if applied and row["version"] else None,
        "at": told["at"],
        "event_id": told["event_id"],
        "cause_id": cause_id,
        "attempt": attempt,
        "version": row["version"] + 1,
        "language": row["language"],
        "has_batch": row["batch_id"] is not None,
    }
    optional = {
        "corrections_made": told.get("corrections_made"),
        "error_code": error.get("error_code"),
        "joined": joined or None,
        "applied": None if applied else False,
    }
    row["timeline"].append(entry | {k: v for k, v in optional.items() if v is not None})
    row["version"] += 1
    if applied:
        row["current_status"] = told["status"]
