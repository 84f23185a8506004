"""I5 to I7: the tables against the oracle, the status machine, and the batches' sums."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.chaos import oracle_batches, oracle_essays, wire
from tests.chaos.evidence import TABLES, Evidence, Rows, canonical
from tests.chaos.findings import Finding, finding

_FAILED_OR_DONE = {wire.SUCCESS, wire.FAILED, "essay_critical_failure"}


def tables(found: Evidence) -> Finding:
    """I5: rebuilt from the changelogs = before = what the input log says."""
    rebuilt = [
        difference
        for table in TABLES
        for difference in _differences(table, found.before[table], found.after[table])
    ]
    wrong = [*_wrong_essays(found), *_wrong_batches(found)]
    counted = ", ".join(f"{len(found.before[table])} {table}" for table in TABLES)
    figures = f"{counted}; {len(rebuilt)} differ once rebuilt, {len(wrong)} from the oracle"
    return finding("I5", "tables = rebuilt = oracle", figures, [*rebuilt, *wrong])


def _differences(table: str, before: Rows, after: Rows) -> Iterator[str]:
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield f"{table} {key} rebuilt: {_first_difference(before.get(key), after.get(key))}"


def _first_difference(one: Any, other: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            if one.get(name) != other.get(name):
                return f"{name}: {_first_difference(one.get(name), other.get(name))}"
    return f"{json.dumps(one)[:150]} / {json.dumps(other)[:150]}"


def _wrong_essays(found: Evidence) -> Iterator[str]:
    requests, results = _facts_by_essay(found)
    rows = found.before["essays"]
    for essay_id in sorted(requests.keys() | results.keys() | rows.keys()):
        row = _plain(rows.get(essay_id))
        possible = [
            canonical(one)
            for one in oracle_essays.possible_rows(requests[essay_id], results[essay_id])
        ]
        if row not in possible:
            why = _first_difference(row, possible[0])
            yield f"essays {essay_id}: table / oracle: {why}"


def _facts_by_essay(
    found: Evidence,
) -> tuple[defaultdict[str, list[wire.Json]], defaultdict[str, list[wire.Json]]]:
    requests: defaultdict[str, list[wire.Json]] = defaultdict(list)
    results: defaultdict[str, list[wire.Json]] = defaultdict(list)
    for body in found.bodies(wire.REQUESTED):
        fact = oracle_essays.request_fact(body)
        requests[fact["essay_id"]].append(fact)
    for body in found.bodies(wire.COMPLETED):
        fact = oracle_essays.result_fact(body)
        results[fact["essay_id"]].append(fact)
    # A copy of a fact changes nothing wherever it stands after the first.
    for facts in (requests, results):
        for essay_id, listed in facts.items():
            facts[essay_id] = list({fact["event_id"]: fact for fact in reversed(listed)}.values())
            facts[essay_id].reverse()
    return requests, results


def _wrong_batches(found: Evidence) -> Iterator[str]:  # noqa: C901 - one pass over the facts
    registrations: defaultdict[str, list[wire.Json]] = defaultdict(list)
    updates: defaultdict[str, list[wire.Json]] = defaultdict(list)
    for body in found.bodies(wire.REGISTERED):
        fact = oracle_batches.registration_fact(body)
        registrations[fact["batch_id"]].append(fact)
    for body in found.bodies(wire.UPDATED):
        fact = oracle_batches.update_fact(body)
        if fact["batch_id"] is not None:
            updates[fact["batch_id"]].append(fact)
    members: defaultdict[str, Rows] = defaultdict(dict)
    for key, member in found.before["batch_members"].items():
        batch_id, _, essay_id = key.partition("/")
        members[batch_id][essay_id] = _plain(member)
    rows = found.before["batches"]
    for batch_id in sorted(registrations.keys() | updates.keys() | rows.keys()):
        there = _plain(rows.get(batch_id)), members[batch_id]
        first = None
        for row, expected in oracle_batches.possible_batches(
            registrations[batch_id], updates[batch_id]
        ):
            possible = canonical(row), canonical(expected)
            if there == possible:
                break
            first = first or possible
        else:
            why = _first_difference(there[0], first and first[0])
            if first and there[0] == first[0]:
                why = _first_difference(there[1], first[1])
            yield f"batches {batch_id}: table / oracle: {why}"


def _plain(row: wire.Json | None) -> wire.Json:
    """Return a row without what the command adds to it."""
    return {name: row[name] for name in row if name not in {"key", "partition"}} if row else {}


def paths(found: Evidence) -> Finding:
    """I6: each attempt's timeline is a path of the status machine."""
    attempts = 0
    faults: list[str] = []
    for essay_id, row in found.before["essays"].items():
        by_attempt: defaultdict[int, list[wire.Json]] = defaultdict(list)
        for entry in row["timeline"]:
            if entry.get("applied", True):
                by_attempt[entry["attempt"]].append(entry)
        attempts += len(by_attempt)
        for number, entries in by_attempt.items():
            if not _is_path(entries):
                steps = " -> ".join(entry["status"] for entry in entries)
                faults.append(f"{essay_id} attempt {number}: {steps}")
    return finding(
        "I6", "timelines are paths of the status machine", f"{attempts} attempts", faults
    )


def _is_path(entries: list[wire.Json]) -> bool:
    """Whether an attempt begins with its request, or with a result that its request joins."""
    first = entries[0]["status"]
    if first != wire.AWAITING and first not in oracle_essays.EDGES[wire.AWAITING]:
        return False
    for before, entry in pairwise(entries):
        if entry.get("joined"):
            if entry["status"] != before["status"]:
                return False
        elif entry["status"] not in oracle_essays.EDGES.get(before["status"], ()):
            return False
    return True


def sums(found: Evidence) -> Finding:
    """I7: batches count what their essays are; each completes under one event id."""
    essays, batches = found.before["essays"], found.before["batches"]
    named = {
        body["data"]["batch_id"]: set(body["data"]["essay_ids"])
        for body in reversed(found.bodies(wire.REGISTERED))
    }
    by_batch: defaultdict[str, list[wire.Json]] = defaultdict(list)
    for row in essays.values():
        if row["batch_id"] is not None:
            by_batch[row["batch_id"]].append(row)
    told: defaultdict[str, set[str]] = defaultdict(set)
    for body in found.bodies(wire.PHASE_COMPLETED):
        told[body["data"]["entity_ref"]["entity_id"]].add(body["event_id"])
    faults: list[str] = []
    for batch_id, batch in batches.items():
        counted = [
            row
            for row in by_batch[batch_id]
            if batch_id not in named or row["essay_id"] in named[batch_id]
        ]
        counts = Counter(row["current_status"] for row in counted)
        if batch["counts"] != dict(counts):
            faults.append(f"{batch_id} counts {batch['counts']}, its essays are {dict(counts)}")
        is_over = batch_id in named and sum(counts[s] for s in _FAILED_OR_DONE) == len(
            named[batch_id]
        )
        expected = {wire.phase_completed_id(batch_id)} if is_over else set()
        if told[batch_id] != expected:
            faults.append(f"{batch_id} is told complete by {told[batch_id]}, not {expected}")
        if (batch["outcome"] is not None) != is_over:
            faults.append(f"{batch_id} has the outcome {batch['outcome']}, is over: {is_over}")
    missing = (named.keys() | by_batch.keys()) - batches.keys()
    faults += [f"{batch_id} has no row" for batch_id in sorted(missing)]
    completed = sum(1 for ids in told.values() if ids)
    figures = f"{len(batches)} batches, {completed} complete"
    return finding("I7", "batches = sums over their essays", figures, faults)
