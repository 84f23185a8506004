"""What a run produces, made from its seed alone: texts, records in order, and what must come of it.

Not here: when records are sent (`faults.py` releases them), and what the workers made of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.chaos import wire
from tests.chaos.poison import Poison, Way, corpus
from tests.chaos.store import Behaviour
from tests.chaos.texts import CANARY, a_cpu_bomb, a_text

_START = datetime(2025, 5, 27, 12, tzinfo=UTC)
_ODD_CLOCKS = ("9999-12-31T23:59:59Z", "1970-01-01T00:00:00+00:00", "2025-10-26T02:30:00+02:00")
_BOMBS = {"bomb", "calm-bomb"}
_TROUBLED = {"keeps-failing": Behaviour.ERROR, "put-refused": Behaviour.REFUSE_DERIVED}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything.

    Attributes:
        specials: Essays of each odd kind.
        cpu_bombs: Texts that take many seconds, anywhere.
        calm_bombs: More of them, in the middle of the calm.
        calm_share: Of the records, those that go out before the first fault.
    """

    essays: int
    poison: int
    specials: int = 2
    large_texts: int = 0
    cpu_bombs: int = 0
    calm_bombs: int = 0
    calm_share: float = 0.08


@dataclass(frozen=True, slots=True)
class Expected:
    """The outcome that a request must reach.

    Attributes:
        status: The result's status; None = either (a text that may take too long in a storm).
        corrections: The result's `corrections_made`.
        error_kind: The member of `error_info` that says why.
        corrected: The text that must lie under the request's corrected-text id.
    """

    status: str | None
    corrections: int | None = None
    error_kind: str | None = None
    corrected: bytes | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One record to produce."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: wire.Headers = ()
    way: Way = Way.PLAIN


@dataclass(slots=True)
class Plan:
    """Everything about a run that its seed decides before it begins.

    Attributes:
        records: In the order in which they are produced.
        texts: What lies in the content store at the start.
        behaviours: How the store treats single texts.
        expected: The outcome of each request, by its event id.
        essays: Ids of all essays that must come to rest.
        calm_share: Of the records, those that go out before the first fault.
        bombs: Essays that take long.
        calm_bombs: Those that come one after the other in the middle of the calm.
        poison: The messages that must be dead-lettered.
    """

    seed: int
    calm_share: float
    records: list[Record] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    expected: dict[str, Expected] = field(default_factory=dict)
    essays: set[str] = field(default_factory=set)
    bombs: set[str] = field(default_factory=set)
    calm_bombs: set[str] = field(default_factory=set)
    poison: list[Poison] = field(default_factory=list)


def make_plan(seed: int, sizes: Sizes) -> Plan:
    """Return the plan of `seed`."""
    return _Planner(seed, sizes).plan()


class _Planner:
    """Draws a plan, essay by essay; blocks of records stay near their batch."""

    def __init__(self, seed: int, sizes: Sizes) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - it must repeat
        self._sizes = sizes
        self._plan = Plan(seed, sizes.calm_share)
        self._blocks: list[list[Record]] = []
        self._moment = _START

    def plan(self) -> Plan:
        kinds = self._kinds()
        place = 0
        while place < len(kinds):
            size = self._rng.choice([1, 7, 12, 30, 30, 60])
            self._batch(f"batch-{len(self._blocks)}", kinds[place : place + size])
            place += size
        for number in range(self._sizes.specials):
            self._unknown_essay(number)
        self._plan.records = list(self._interleaved())
        self._add_poison()
        self._add_calm_bombs()
        return self._plan

    def _kinds(self) -> list[str]:
        special = [
            *("missing", "empty", "language", "not-utf8", "keeps-failing", "put-refused"),
            *("duplicated", "retried", "result-first", "foreign-result", "odd-clock", "full-event"),
            *("no-batch", "clean"),
        ]
        kinds = [kind for kind in special for _ in range(self._sizes.specials)]
        kinds += ["duplicated"] * (self._sizes.essays // 30)
        kinds += ["large"] * self._sizes.large_texts
        kinds = kinds[: self._sizes.essays - self._sizes.cpu_bombs]
        kinds += ["plain"] * (self._sizes.essays - len(kinds) - self._sizes.cpu_bombs)
        self._rng.shuffle(kinds)
        for number in range(self._sizes.cpu_bombs):  # in the middle, so that others are behind
            kinds.insert(len(kinds) * (number + 1) // (self._sizes.cpu_bombs + 2), "bomb")
        return kinds

    def _batch(self, batch_id: str, kinds: list[str]) -> None:
        essays = [f"{batch_id}-{number}" for number in range(len(kinds))]
        records: list[Record] = []
        for essay_id, kind in zip(essays, kinds, strict=True):
            records += self._essay(essay_id, None if kind == "no-batch" else batch_id, kind)
        named = [
            essay_id
            for essay_id, kind in zip(essays, kinds, strict=True)
            # One in fifty is an essay that its batch's registration does not name.
            if kind != "no-batch" and (len(essays) < 10 or self._rng.random() > 0.02)
        ]
        how = self._rng.choices(["first", "shuffled", "never"], [80, 16, 4])[0]
        if how == "shuffled":
            self._rng.shuffle(records)
        if named and how != "never":
            body = wire.registration(self._uuid(), batch_id, named, self._now())
            record = Record(wire.REGISTERED, batch_id.encode(), wire.dumps(body))
            place = 0 if how == "first" else self._rng.randint(0, len(records))
            copies = 2 if self._rng.random() < 0.1 else 1
            records[place:place] = [record] * copies
        self._blocks.append(records)

    def _essay(self, essay_id: str, batch_id: str | None, kind: str) -> list[Record]:
        """Return the records of one essay, in order."""
        plan = self._plan
        plan.essays.add(essay_id)
        ask = self._submission(essay_id, batch_id, kind)
        plan.expected[ask.event_id] = self._text_of(kind, ask.text_id)
        if kind in _BOMBS:
            plan.bombs.add(essay_id)
        records = [self._request(ask, kind)]
        if kind == "duplicated":
            return records * 3
        if kind == "retried":
            again = self._submission(essay_id, batch_id, "plain")
            plan.expected[again.event_id] = self._text_of("plain", again.text_id)
            return [*records, self._request(again, "plain")]
        if kind in {"result-first", "foreign-result"}:
            cause = ask.event_id if kind == "result-first" else None
            told = wire.ForeignResult(
                self._uuid(), essay_id, batch_id, ask.text_id, self._now(), cause
            )
            early = Record(wire.COMPLETED, essay_id.encode(), wire.dumps(wire.result(told)))
            return [early, *records]
        return records

    def _unknown_essay(self, number: int) -> None:
        """A result that nobody asked for: it makes a row of its own."""
        essay_id = f"unknown-{number}"
        told = wire.ForeignResult(self._uuid(), essay_id, None, "f" * 32, self._now())
        body = wire.dumps(wire.result(told))
        self._plan.essays.add(essay_id)
        self._blocks.append([Record(wire.COMPLETED, essay_id.encode(), body)])

    def _submission(self, essay_id: str, batch_id: str | None, kind: str) -> wire.Submission:
        return wire.Submission(
            event_id=self._uuid(),
            essay_id=essay_id,
            batch_id=batch_id,
            text_id=f"{self._rng.getrandbits(128):032x}",
            language="xx" if kind == "language" else "en",
            at=self._rng.choice(_ODD_CLOCKS) if kind == "odd-clock" else self._now(),
            correlation_id=self._rng.choice([None, self._uuid()]),
        )

    def _text_of(self, kind: str, text_id: str) -> Expected:
        """Put the text into the plan and return what must come of it."""
        plan = self._plan
        if kind == "missing":
            return Expected(wire.FAILED, error_kind="fetch_error")
        if kind in {"empty", "not-utf8", "large"}:
            odd = {"empty": b" \n", "not-utf8": b"caf\xe9 " + CANARY.encode()}
            plan.texts[text_id] = odd.get(kind) or b"word " * 2_000_000
            return Expected(wire.FAILED, error_kind="content_error")
        if kind in _BOMBS:
            plan.texts[text_id] = a_cpu_bomb(self._rng, wire.TEXT_MAX_BYTES - 100).encode()
            return Expected(wire.SUCCESS if kind == "calm-bomb" else None)
        text = a_text(self._rng, 0 if kind == "clean" else self._rng.randint(1, 5))
        plan.texts[text_id] = text.original.encode()
        if kind in _TROUBLED:
            plan.behaviours[text_id] = _TROUBLED[kind]
        failures = {
            "language": Expected(wire.FAILED, error_kind="language_error"),
            "keeps-failing": Expected(wire.FAILED, error_kind="fetch_error"),
            "put-refused": Expected(wire.FAILED, text.corrections, "spellcheck_error"),
        }
        good = Expected(wire.SUCCESS, text.corrections, corrected=text.corrected.encode())
        return failures.get(kind, good)

    def _request(self, ask: wire.Submission, kind: str) -> Record:
        if kind == "put-refused":
            derived = wire.corrected_text_id(ask.event_id)
            self._plan.behaviours[derived] = self._plan.behaviours.pop(ask.text_id)
        body = wire.request(ask)
        if kind == "full-event":
            body["pad"] = ""
            body["pad"] = "x" * (wire.EVENT_MAX_BYTES - len(wire.dumps(body)))
        return Record(wire.REQUESTED, ask.essay_id.encode(), wire.dumps(body))

    def _interleaved(self) -> Iterator[Record]:
        """Yield the batches' records three batches at a time, as teachers hand them in."""
        waiting = [iter(block) for block in self._blocks]
        self._rng.shuffle(waiting)
        active = [waiting.pop() for _ in range(min(3, len(waiting)))]
        while active:
            block = self._rng.choice(active)
            record = next(block, None)
            if record is not None:
                yield record
                continue
            active.remove(block)
            if waiting:
                active.append(waiting.pop())

    def _add_poison(self) -> None:
        plan = self._plan
        plan.poison = corpus(self._rng, self._sizes.poison)
        for bad in plan.poison:
            record = Record(bad.topic, bad.key, bad.value, bad.headers, bad.way)
            plan.records.insert(self._rng.randint(0, len(plan.records)), record)

    def _add_calm_bombs(self) -> None:
        plan = self._plan
        place = round(len(plan.records) * plan.calm_share / 2)
        plan.calm_bombs = {f"calm-bomb-{number}" for number in range(self._sizes.calm_bombs)}
        for essay_id in sorted(plan.calm_bombs):
            plan.records[place:place] = self._essay(essay_id, None, "calm-bomb")

    def _uuid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))

    def _now(self) -> str:
        self._moment += timedelta(microseconds=self._rng.randint(1, 2_000_000))
        return self._moment.isoformat()
