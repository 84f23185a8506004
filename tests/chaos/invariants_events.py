"""I1 to I4: outcomes, outputs, effects and dead letters, from the log alone."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.chaos import wire
from tests.chaos.evidence import Evidence
from tests.chaos.findings import Finding, finding
from tests.chaos.kafka import Logged
from tests.chaos.plan import Expected
from tests.chaos.site import (
    BEHIND_SLOW_EVENTS,
    CHECK_WINDOW_EVENTS,
    COMMIT_SECONDS,
    FOLD_WINDOW_EVENTS,
)

_PROVENANCE = "__streams.errors."
_OURS = "huleedu.dlt."
_WORKERS = 2
# Output topic -> the window of the agents that write it.
_WINDOWS = {
    wire.COMPLETED: CHECK_WINDOW_EVENTS,
    wire.UPDATED: FOLD_WINDOW_EVENTS,
    wire.PHASE_COMPLETED: FOLD_WINDOW_EVENTS,
}


def outcomes(found: Evidence) -> Finding:
    """I1: each accepted request reaches exactly one outcome, each essay one terminal state."""
    asked = {body["event_id"] for body in found.bodies(wire.REQUESTED)}
    results: defaultdict[str, dict[str, wire.Json]] = defaultdict(dict)
    for body in found.bodies(wire.COMPLETED):
        cause = str((body.get("metadata") or {}).get("causation_id"))
        if body["source_service"] == "spell-checker-service":
            results[cause][body["event_id"]] = body
    rows = found.before["essays"]
    at_rest = {key for key, row in rows.items() if row["current_status"] in wire.TERMINAL}

    def faults() -> Iterator[str]:
        for request_id in sorted(asked):
            expected = found.plan.expected[request_id]
            yield from _wrong_outcome(request_id, expected, results.get(request_id, {}))
        for stray in sorted(results.keys() - asked):
            yield f"a result for {stray}, which nobody asked for"
        for essay_id in sorted(found.plan.essays - at_rest):
            yield f"{essay_id} is not at rest: {rows.get(essay_id, {}).get('current_status')}"
        for essay_id in sorted(rows.keys() - found.plan.essays):
            yield f"a row for {essay_id}, which nobody handed in"

    figures = (
        f"{len(asked & results.keys())} of {len(asked)} requests, "
        f"{len(at_rest)} of {len(found.plan.essays)} essays"
    )
    return finding("I1", "one outcome a request, one terminal state an essay", figures, faults())


def _wrong_outcome(
    request_id: str, expected: Expected, results: dict[str, wire.Json]
) -> Iterator[str]:
    if set(results) != {wire.result_id(request_id)}:
        yield f"request {request_id} has the results {sorted(results) or 'none'}"
        return
    data = results[wire.result_id(request_id)]["data"]
    kinds = set(data["system_metadata"]["error_info"]) - {"error_code"}
    wanted = {expected.error_kind} if expected.error_kind else set()
    if expected.status is None:
        return
    if (data["status"], kinds) != (expected.status, wanted):
        yield f"request {request_id}: {data['status']} {kinds}, not {expected.status} {wanted}"
    elif expected.corrections is not None and data["corrections_made"] != expected.corrections:
        yield f"request {request_id}: {data['corrections_made']} corrections"


def outputs(found: Evidence) -> Finding:
    """I2: nothing lost, one logical output a cause, repeats equal and bounded."""
    expected_updates: dict[str, str] = {}
    for essay_id, row in found.before["essays"].items():
        for entry in row["timeline"]:
            if entry.get("applied", True):
                told = wire.state_updated_id(entry["cause_id"], entry["version"])
                expected_updates[told] = f"{essay_id} version {entry['version']}"
    there = Counter(body["event_id"] for body in found.bodies(wire.UPDATED))
    missing = expected_updates.keys() - there.keys()
    extra = there.keys() - expected_updates.keys()
    causes = len(found.bodies(wire.REQUESTED)) + len(found.bodies(wire.REGISTERED))
    repeats = {
        topic: sum(counted.values()) - len(counted)
        for topic in _WINDOWS
        for counted in [Counter(body["event_id"] for body in found.bodies(topic))]
    }
    planned = _planned_repeats(found)
    unplanned = {topic: repeats[topic] - planned[topic] for topic in _WINDOWS}
    bound = _repeat_bound(found)
    unequal = list(_unequal_repeats(found))

    def faults() -> Iterator[str]:
        yield from (f"lost: the update of {expected_updates[one]}" for one in sorted(missing))
        yield from (f"an update {one} that no row knows of" for one in sorted(extra))
        yield from (f"a repeat of {one} says something else" for one in unequal)
        for topic, count in unplanned.items():
            if count > bound[topic]:
                yield f"{count} repeated records of {topic}, above {bound[topic]}"

    figures = (
        f"{len(missing)} missing and {len(extra)} extra of {len(expected_updates)} updates of "
        f"{causes} causes; repeated after faults "
        + ", ".join(f"{unplanned[topic]} (bound {bound[topic]})" for topic in _WINDOWS)
        + f" results, updates and phases, {sum(planned.values())} because the input repeats; "
        f"{len(unequal)} repeats unequal"
    )
    return finding("I2", "no output lost, one logical output a cause", figures, faults())


def _planned_repeats(found: Evidence) -> Counter[str]:
    """Return how many outputs repeat only because their input does: each copy sends them again."""
    copies = Counter(body["event_id"] for body in found.bodies(wire.REQUESTED))
    again = sum(copies.values()) - len(copies)
    # A request's copy sends its result and its update again, the result's copy one update more.
    return Counter({wire.COMPLETED: again, wire.UPDATED: again * 2})


def _repeat_bound(found: Evidence) -> dict[str, int]:
    """Return the most records of each topic that the faults may have repeated.

    At each kill and each rebalance every worker's window, and what was acknowledged since the
    last commit: the rate of a second, as measured. And what went on behind a slow text that was
    met by one.
    """
    disruptions = len(found.tally.kills) + found.tally.rebalances
    bound = {
        topic: round(
            disruptions * (_WORKERS * window + found.peak_per_second[topic] * COMMIT_SECONDS)
        )
        for topic, window in _WINDOWS.items()
    }
    slow_texts = len(found.plan.bombs) + len(found.plan.behaviours)
    bound[wire.COMPLETED] += slow_texts * BEHIND_SLOW_EVENTS
    return bound


def _unequal_repeats(found: Evidence) -> Iterator[str]:
    """Yield ids of repeats that differ: bytes, or for results all but their times."""
    seen: dict[str, object] = {}
    for topic in (wire.UPDATED, wire.PHASE_COMPLETED):
        for record, body in zip(found.log[topic], found.bodies(topic), strict=True):
            if seen.setdefault(body["event_id"], record.value) != record.value:
                yield body["event_id"]
    for body in found.bodies(wire.COMPLETED):
        data = body["data"]
        said = [data[name] for name in ("status", "corrections_made", "storage_metadata")]
        if seen.setdefault(body["event_id"], said) != said:
            yield body["event_id"]


def effects(found: Evidence) -> Finding:
    """I3: nothing counted twice, no stored text changed by a repeat."""
    store = found.site.store
    changed = [text for text, digests in store.digests.items() if len(digests) > 1]
    wrong: list[str] = []
    for request_id, expected in found.plan.expected.items():
        if expected.corrected is not None:
            stored = store.texts.get(wire.corrected_text_id(request_id))
            if stored != expected.corrected:
                wrong.append(request_id)
    counted = sum(row["corrections_made"] for row in found.before["batches"].values())
    members = sum(row["corrections_made"] or 0 for row in _counted_members(found))
    strays = store.puts.keys() - _derived_ids(found)
    attempts = list(_attempts_too_many(found))

    def faults() -> Iterator[str]:
        yield from (f"text {text} was stored with different bytes" for text in changed)
        yield from (f"the corrected text of request {one} is wrong" for one in wrong)
        yield from (f"text {one} belongs to no request" for one in strays)
        yield from attempts
        if counted != members:
            yield f"batches count {counted} corrections, their essays made {members}"

    figures = (
        f"{len(store.puts)} texts put {store.puts.total()} times, {len(changed)} changed, "
        f"{len(wrong)} wrong; corrections {counted} = {members}; "
        f"{len(attempts)} essays with an attempt too many"
    )
    return finding("I3", "no effect twice", figures, faults())


def _attempts_too_many(found: Evidence) -> Iterator[str]:
    """Yield the essays that were tried more often than anybody asked or told of them."""
    causes: defaultdict[str, set[str]] = defaultdict(set)
    for topic in (wire.REQUESTED, wire.COMPLETED):
        for body in found.bodies(topic):
            cause = (body.get("metadata") or {}).get("causation_id") or body["event_id"]
            causes[body["data"]["entity_ref"]["entity_id"]].add(cause)
    for essay_id, row in found.before["essays"].items():
        if row["attempt"] > len(causes[essay_id]):
            yield f"{essay_id} has {row['attempt']} attempts of {len(causes[essay_id])} causes"


def _derived_ids(found: Evidence) -> set[str]:
    ids = found.plan.expected
    return {wire.corrected_text_id(one) for one in ids} | {
        wire.processing_log_id(one) for one in ids
    }


def _counted_members(found: Evidence) -> Iterator[wire.Json]:
    """Yield the members that their batch counts: the expected ones, or all if unregistered."""
    for key, member in found.before["batch_members"].items():
        # A batch without a row is for I5 and I7 to tell.
        batch = found.before["batches"].get(key.partition("/")[0], {})
        if batch.get("registered_by") is None or member["is_expected"]:
            yield member


def dead_letters(found: Evidence) -> Finding:
    """I4: the DLT holds every poison message and nothing else; place and reason right."""
    planned = {bad.mark: bad for bad in found.plan.poison}
    wanted = {
        _digest(bad.topic, bad.key, bad.value, bad.buried_headers): bad for bad in planned.values()
    }
    letters = [
        record for topic in wire.DEAD_LETTERS for record in found.log[topic] if not _is_mark(record)
    ]
    there: Counter[str] = Counter()
    wrong: list[str] = []
    for letter in letters:
        original, why = _split(letter.headers)
        digest = _digest(letter.topic.removesuffix(".DLT"), letter.key, letter.value, original)
        there[digest] += 1
        bad = wanted.get(digest)
        if bad is None:
            reason = why.get(f"{_OURS}reason", "no reason")
            wrong.append(f"{letter.topic} holds what is no poison: {letter.key!r}, {reason}")
            continue
        source = found.poison.get(bad.mark)
        if not _is_right(why, source, bad.reasons):
            wrong.append(f"{bad.kind} on {bad.topic}: wrong place or reason: {why}")
    lost = [bad for digest, bad in wanted.items() if not there[digest]]
    unread = len(planned) - len(found.poison)
    repeats = len(letters) - len(there)
    bound = (len(found.tally.kills) + found.tally.rebalances) * CHECK_WINDOW_EVENTS

    def faults() -> Iterator[str]:
        yield from (f"lost: {bad.kind} on {bad.topic}" for bad in lost)
        yield from wrong
        if unread:
            yield f"{unread} poison messages never reached their topic"
        if repeats > bound:
            yield f"{repeats} repeated dead letters, above {bound}"

    figures = (
        f"{len(wanted) - len(lost)} of {len(wanted)} there, {len(wrong)} wrong, "
        f"{repeats} repeated (bound {bound})"
    )
    return finding("I4", "every poison message dead-lettered, nothing else", figures, faults())


def _is_mark(record: Logged) -> bool:
    """Whether a record of a DLT only says that a letter before it was replayed."""
    names = [name for name, _ in record.headers]
    is_bare = (record.key, record.value) == (None, b"")
    return is_bare and names == [f"{_OURS}replayed", f"{_OURS}replayed-to"]


def _digest(topic: str, key: bytes | None, value: bytes | None, headers: wire.Headers) -> str:
    return hashlib.sha256(repr((topic, key, value, headers)).encode()).hexdigest()


def _split(headers: wire.Headers) -> tuple[wire.Headers, dict[str, str]]:
    """Return the original's headers and ours."""
    original = tuple(h for h in headers if not h[0].startswith((_PROVENANCE, _OURS)))
    ours = {name: value.decode() for name, value in headers[len(original) :]}
    return original, ours


def _is_right(why: dict[str, str], source: Logged | None, reasons: frozenset[str]) -> bool:
    if source is None:
        return False
    place = {
        f"{_PROVENANCE}topic": source.topic,
        f"{_PROVENANCE}partition": str(source.partition),
        f"{_PROVENANCE}offset": str(source.offset),
    }
    named = {f"{_OURS}attempts", f"{_OURS}first-failed-at", f"{_PROVENANCE}exception"}
    return place.items() <= why.items() and named <= why.keys() and why[f"{_OURS}reason"] in reasons
