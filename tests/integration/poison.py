"""What must end in a dead-letter topic: every record here is no event, each in its own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from huleedu_streams.contracts.codec import encode
from huleedu_streams.errors import (
    OversizeMessageError,
    UndecodableMessageError,
    UnknownEventError,
    UnsupportedSchemaVersionError,
)
from tests.builders import (
    COMPLETED,
    REGISTERED,
    REQUESTED,
    STATE_UPDATED,
    a_registration,
    a_request,
    a_result,
    an_update,
)
from tests.integration.workers import CANARY

UNDECODABLE = UndecodableMessageError.code
OVERSIZE = OversizeMessageError.code
UNKNOWN = UnknownEventError.code
VERSION = UnsupportedSchemaVersionError.code

Change = Callable[[dict[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that no agent can read.

    Attributes:
        reason: The code that its dead letter must carry.
    """

    name: str
    topic: str
    value: bytes | None
    reason: str = UNDECODABLE
    key: bytes | None = b"essay-1"

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        """Some in which a careless copy goes wrong: a name twice, no value, no text."""
        return [
            ("case", self.name.encode()),
            ("traceparent", b"00-1"),
            ("twice", b"1"),
            ("twice", b"2"),
            ("empty", b""),
            ("none", None),
            ("bytes", b"\xff\x00"),
        ]


def corpus() -> Iterator[Poison]:
    """Yield every poison, for each topic that an agent reads."""
    yield from _no_json()
    yield from _wrong_fields()
    yield from _wrong_keys()
    for topic, event in _events().items():
        yield Poison(f"half an event on {topic}", topic, event[: len(event) // 2])
        yield Poison(f"null on {topic}", topic, None)


def _no_json() -> Iterator[Poison]:
    good = _events()[REQUESTED]
    for name, value in {
        "empty": b"",
        "invalid UTF-8": good.replace(b"awaiting", b"\xff\xfe"),
        "UTF-16": good.decode().encode("utf-16"),
        "byte order mark": b"\xef\xbb\xbf" + good,
        "two values": good + good,
        "NUL": good + b"\x00",
        "null": b"null",
        "array": b"[]",
        "text": json.dumps(CANARY).encode(),
        "deep": b"[" * 100_000,
        "avro": b"\x00\x00\x00\x00\x01" + CANARY.encode(),
    }.items():
        yield Poison(name, REQUESTED, value)
    # 20 MB that gzip makes 20 KB of: it passes the topic's cap and not the decoder's.
    yield Poison("zeros", REQUESTED, bytes(20_000_000), OVERSIZE)
    yield Poison("oversize", REQUESTED, good + b" " * 262_144, OVERSIZE)


def _wrong_fields() -> Iterator[Poison]:
    bad_ids = ("../../etc/passwd", "a/b", "", "x" * 129, "å", "a\x00b", "a b", CANARY + "\n")
    changes: Mapping[str, Change] = {
        **{f"version {bad!r}": _set("schema_version", bad) for bad in (True, "1", 1.0, None, [1])},
        **{f"essay id {bad!r}": _set("data.entity_ref.entity_id", bad) for bad in bad_ids},
        **{f"text id {bad!r}": _set("data.text_storage_id", bad) for bad in bad_ids},
        "batch id": _set("data.entity_ref.parent_id", "../b"),
        "naive time": _set("event_timestamp", "2025-05-27T12:00:00"),
        "number for a time": _set("event_timestamp", 1_748_347_200),
        "no such day": _set("data.timestamp", "2025-02-30T12:00:00Z"),
        "event id": _set("event_id", CANARY),
        "status": _set("data.status", CANARY),
        "batch status": _set("data.status", "partially_uploaded"),
        "metadata": _set("metadata", {CANARY: 1}),
        "no data": _set("data", None),
        "language": _set("data.language", CANARY + "!"),
    }
    for name, change in changes.items():
        yield Poison(name, REQUESTED, _changed(REQUESTED, change))
    yield Poison("version 2", REQUESTED, _changed(REQUESTED, _set("schema_version", 2)), VERSION)
    yield Poison("version 0", REQUESTED, _changed(REQUESTED, _set("schema_version", 0)), VERSION)
    yield Poison("event type", REQUESTED, _changed(REQUESTED, _set("event_type", "x.v1")), UNKNOWN)
    yield Poison("other topic's", REQUESTED, _events()[COMPLETED], UNKNOWN)
    yield Poison(
        "counts", COMPLETED, _changed(COMPLETED, _set("data.corrections_made", value=True))
    )
    yield Poison(
        "same id twice", REGISTERED, _changed(REGISTERED, _set("data.essay_ids", ["a", "a"]))
    )
    yield Poison("attempt", STATE_UPDATED, _changed(STATE_UPDATED, _set("data.attempt", "1")))


def _wrong_keys() -> Iterator[Poison]:
    good = _events()[REQUESTED]
    yield Poison("no key", REQUESTED, good, key=None)
    yield Poison("empty key", REQUESTED, good, key=b"")
    yield Poison("another's key", REQUESTED, good, key=b"essay-2")
    yield Poison("key of bytes", REQUESTED, good, key=b"\xff\xfe")


def _events() -> Mapping[str, bytes]:
    events = (a_request(), a_result(), a_registration(), an_update())
    return {event.event_type: encode(event).value for event in events}


def _changed(topic: str, change: Change) -> bytes:
    event = json.loads(_events()[topic])
    event["event_id"] = str(uuid4())
    change(event)
    return json.dumps(event).encode()


def _set(path: str, value: object) -> Change:
    *way, name = path.split(".")

    def change(event: dict[str, Any]) -> None:
        for step in way:
            event = event[step]
        event[name] = value

    return change
