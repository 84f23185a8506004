"""A corpus of messages that are no events: each must end in its dead-letter topic, byte for byte.

A kind is a function from a valid event to the bytes (and key) that break it. Every message carries
the canary, so that a reason that quotes its input is found out.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from tests.chaos import wire
from tests.chaos.texts import CANARY
from tests.raw_records import SHOWN_NAME

MARK = "chaos-poison"

UNDECODABLE = frozenset({"undecodable"})
OVERSIZE = frozenset({"oversize"})
VERSION = frozenset({"unsupported-schema-version"})
UNKNOWN_EVENT = frozenset({"unknown-event"})
UNREADABLE = frozenset({"unreadable"})


class Way(StrEnum):
    """How a record is produced: as all are, in a batch of one codec, or with a broken header."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZSTD = "zstd"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Poison:
    """One message of the corpus and the reasons that are right for it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: wire.Headers
    kind: str
    reasons: frozenset[str]
    way: Way = Way.PLAIN

    @property
    def seen_headers(self) -> wire.Headers:
        """The headers that a strict client sees of it: none where one of them has no UTF-8 name."""
        return () if self.way is Way.UNREADABLE else self.headers

    @property
    def buried_headers(self) -> wire.Headers:
        """The headers that its dead letter has, ours aside."""
        broken = ((SHOWN_NAME, b"1"),) if self.way is Way.UNREADABLE else ()
        return (*self.headers, *broken)

    @property
    def mark(self) -> bytes:
        """What tells the message from every other, wherever it turns up."""
        return dict(self.headers)[MARK]


@dataclass(slots=True)
class Draft:
    """A valid event about to be broken."""

    topic: str
    body: wire.Json
    key: bytes | None
    rng: random.Random
    reasons: frozenset[str] = UNDECODABLE
    way: Way = Way.PLAIN
    raw: bytes | None = field(default=None)
    is_raw: bool = False

    @property
    def entity(self) -> dict[str, Any]:
        data = self.body["data"]
        found: dict[str, Any] = data.get("entity_ref") or data["metadata"]["entity"]
        return found

    def send(self, raw: bytes | None) -> None:
        self.raw, self.is_raw = raw, True

    def text(self) -> str:
        return wire.dumps(self.body).decode()

    def splice(self, members: str) -> None:
        """Send the event with more members, written as they are, at its end."""
        self.send(f"{self.text()[:-1]},{members}}}".encode())


Kind = Callable[[Draft], None]


def corpus(rng: random.Random, count: int) -> list[Poison]:
    """Return `count` messages: every kind in turn, on every topic in turn, each one its own."""
    kinds = sorted(_KINDS.items())
    chosen = [kinds[number % len(kinds)] for number in range(count)]
    return [
        _poison(rng, number, name, breaks, wire.CONSUMED[(number // 3) % len(wire.CONSUMED)])
        for number, (name, breaks) in enumerate(chosen)
    ]


def _poison(rng: random.Random, number: int, name: str, breaks: Kind, topic: str) -> Poison:
    draft = _valid(rng, number, topic)
    breaks(draft)
    value = draft.raw if draft.is_raw else wire.dumps(draft.body)
    return Poison(
        topic=draft.topic,
        key=draft.key,
        value=value,
        headers=(
            (MARK, f"{number}:{name}".encode()),
            ("empty", b""),
            ("twice", b"1"),
            ("twice", b"2"),
        ),
        kind=name,
        reasons=draft.reasons,
        way=draft.way,
    )


def _valid(rng: random.Random, number: int, topic: str) -> Draft:
    event_id = str(UUID(int=rng.getrandbits(128), version=4))
    essay_id, batch_id, at = f"poison-{number}", f"poisoned-{number}", "2025-05-27T12:00:00+02:00"
    if topic == wire.REQUESTED:
        ask = wire.Submission(event_id, essay_id, batch_id, "0" * 31 + "1", "en", at)
        body, key = wire.request(ask), essay_id
    elif topic == wire.COMPLETED:
        told = wire.ForeignResult(event_id, essay_id, batch_id, "0" * 31 + "1", at)
        body, key = wire.result(told), essay_id
    elif topic == wire.REGISTERED:
        body, key = wire.registration(event_id, batch_id, [essay_id], at), batch_id
    else:
        body, key = _state_updated(event_id, essay_id, batch_id, at), batch_id
    body["source_service"] = CANARY
    return Draft(topic, body, key.encode(), rng)


def _state_updated(event_id: str, essay_id: str, batch_id: str, at: str) -> wire.Json:
    told = wire.ForeignResult(event_id, essay_id, batch_id, "0" * 31 + "1", at)
    body = wire.result(told) | {"event_type": wire.UPDATED}
    body["data"] = {
        "event_name": "essay.lifecycle.state.updated",
        "entity_ref": body["data"]["entity_ref"],
        "timestamp": at,
        "status": wire.AWAITING,
        "attempt": 1,
        "version": 1,
    }
    return body


def _invalid_utf8(draft: Draft) -> None:
    draft.send(draft.text().replace(CANARY, CANARY + "\x00").encode().replace(b"\x00", b"\xff\xfe"))


def _byte_order_mark(draft: Draft) -> None:
    draft.send(b"\xef\xbb\xbf" + wire.dumps(draft.body))


def _utf16(draft: Draft) -> None:
    draft.send(draft.text().encode("utf-16"))


def _deep_nesting(draft: Draft) -> None:
    draft.splice(f'"deep":{"[" * 100_000}{"]" * 100_000}')


def _huge_integer(draft: Draft) -> None:
    draft.reasons = UNDECODABLE | VERSION
    draft.body["schema_version"] = 10**400


def _not_a_number(draft: Draft) -> None:
    draft.splice('"schema_version":NaN')


def _version_true(draft: Draft) -> None:
    draft.body["schema_version"] = True


def _version_string(draft: Draft) -> None:
    draft.body["schema_version"] = "1"


def _version_float(draft: Draft) -> None:
    draft.splice('"schema_version":1.0')


def _version_of_tomorrow(draft: Draft) -> None:
    draft.reasons = VERSION
    draft.body["schema_version"] = draft.rng.choice([0, 2, -1, 2**31])


def _naive_date(draft: Draft) -> None:
    draft.body["event_timestamp"] = "2025-05-27T12:00:00"


def _absurd_date(draft: Draft) -> None:
    draft.body["event_timestamp"] = draft.rng.choice(
        [
            "9999-12-31T23:59:59-14:00",
            "0000-01-01T00:00:00Z",
            "2025-02-30T12:00:00Z",
            "1748347200",
            "yesterday " + CANARY,
        ]
    )


def _numeric_date(draft: Draft) -> None:
    draft.body["event_timestamp"] = 1_748_347_200


def _duplicate_keys(draft: Draft) -> None:
    draft.splice(f'"event_id":"{CANARY}"')


def _nul_in_id(draft: Draft) -> None:
    _rename(draft, "a\x00b" + CANARY)


def _bidi_in_id(draft: Draft) -> None:
    _rename(draft, "a\u202eb" + CANARY)


def _path_in_id(draft: Draft) -> None:
    _rename(draft, f"../../{CANARY}")


def _long_id(draft: Draft) -> None:
    _rename(draft, CANARY * 20)


def _newline_in_id(draft: Draft) -> None:
    _rename(draft, CANARY + "\n")


def _rename(draft: Draft, name: str) -> None:
    field_name = "parent_id" if draft.topic == wire.UPDATED else "entity_id"
    if draft.topic == wire.REGISTERED:
        draft.body["data"]["batch_id"] = name
    draft.entity[field_name] = name
    draft.key = name.encode()


def _million_fields(draft: Draft) -> None:
    draft.reasons, draft.way = OVERSIZE, Way.GZIP
    draft.splice(",".join(f'"{CANARY[:4]}{number % 500}":0' for number in range(1_000_000)))


def _zeros(draft: Draft) -> None:
    draft.reasons, draft.way = OVERSIZE, Way.GZIP
    draft.send(bytes(20_000_000))


def _far_repeats(draft: Draft) -> None:
    """60 KB as zstd, 1.2 MB as gzip."""
    draft.reasons, draft.way = OVERSIZE, Way.ZSTD
    draft.send(CANARY.encode() + draft.rng.randbytes(60_000) * 20)


def _unreadable_header(draft: Draft) -> None:
    draft.reasons, draft.way = UNREADABLE, Way.UNREADABLE


def _one_over(draft: Draft) -> None:
    draft.reasons = OVERSIZE
    draft.body["pad"] = ""
    room = wire.EVENT_MAX_BYTES + 1 - len(wire.dumps(draft.body))
    draft.body["pad"] = "x" * room


def _no_value(draft: Draft) -> None:
    draft.send(None)


def _empty_value(draft: Draft) -> None:
    draft.send(b"")


def _no_key(draft: Draft) -> None:
    draft.key = None


def _wrong_key(draft: Draft) -> None:
    draft.key = CANARY.encode() + b"\xff"


def _wrong_event_type(draft: Draft) -> None:
    draft.reasons = UNKNOWN_EVENT
    draft.body["event_type"] = wire.PHASE_COMPLETED


def _no_data(draft: Draft) -> None:
    draft.body["data"] = None


def _a_list(draft: Draft) -> None:
    draft.send(wire.dumps([draft.body]))


def _a_string(draft: Draft) -> None:
    draft.send(wire.dumps(draft.text()))


def _truncated(draft: Draft) -> None:
    draft.send(wire.dumps(draft.body)[: -draft.rng.randint(1, 40)])


def _lone_surrogate(draft: Draft) -> None:
    draft.splice('"source_service":"\\ud800"')


def _missing_field(draft: Draft) -> None:
    del draft.body[draft.rng.choice(["event_id", "event_timestamp", "source_service"])]


def _unknown_status(draft: Draft) -> None:
    field_name = "event" if draft.topic == wire.REGISTERED else "status"
    draft.body["data"][field_name] = CANARY


def _html(draft: Draft) -> None:
    draft.send(f"<html><body>502 Bad Gateway {CANARY}</body></html>".encode())


_KINDS: dict[str, Kind] = {
    breaks.__name__.removeprefix("_").replace("_", "-"): breaks
    for breaks in (
        *(_invalid_utf8, _byte_order_mark, _utf16, _deep_nesting, _huge_integer, _not_a_number),
        *(_version_true, _version_string, _version_float, _version_of_tomorrow, _naive_date),
        *(_absurd_date, _numeric_date, _duplicate_keys, _nul_in_id, _bidi_in_id, _path_in_id),
        *(_long_id, _newline_in_id, _million_fields, _zeros, _one_over, _no_value, _empty_value),
        *(_no_key, _wrong_key, _wrong_event_type, _no_data, _a_list, _a_string, _truncated),
        *(_lone_surrogate, _missing_field, _unknown_status, _html),
        *(_far_repeats, _unreadable_header),
    )
}
