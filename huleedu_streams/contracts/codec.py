"""Bytes to envelope and back. Everything that can be wrong with a message is found here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.envelope import (
    SCHEMA_VERSION,
    SUPPORTED_SCHEMA_VERSIONS,
    EventEnvelope,
    WireModel,
)
from huleedu_streams.contracts.events import (
    BaseEventData,
    BatchEssaysRegistered,
    BatchSpellcheckPhaseCompletedV1,
    EssayLifecycleStateUpdatedV1,
    SpellcheckRequestedDataV1,
    SpellcheckResultDataV1,
)
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.contracts.unreadable import Unreadable
from huleedu_streams.errors import (
    OversizeMessageError,
    UndecodableMessageError,
    UnknownEventError,
    UnsupportedSchemaVersionError,
)

Headers = tuple[tuple[str, bytes], ...]
EventData = BaseEventData | BatchEssaysRegistered

TRACEPARENT = "traceparent"
_W3C_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z")

_MODELS: Mapping[str, type[EventEnvelope[Any]]] = MappingProxyType(
    {
        topic_name(ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED): EventEnvelope[
            SpellcheckRequestedDataV1
        ],
        topic_name(ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED): EventEnvelope[
            SpellcheckResultDataV1
        ],
        topic_name(ProcessingEvent.BATCH_ESSAYS_REGISTERED): EventEnvelope[BatchEssaysRegistered],
        topic_name(ProcessingEvent.ESSAY_LIFECYCLE_STATE_UPDATED): EventEnvelope[
            EssayLifecycleStateUpdatedV1
        ],
        topic_name(ProcessingEvent.BATCH_SPELLCHECK_PHASE_COMPLETED): EventEnvelope[
            BatchSpellcheckPhaseCompletedV1
        ],
    }
)


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """A record ready to be produced: topic, key, JSON bytes, headers."""

    topic: str
    key: str
    value: bytes
    headers: Headers


def decode(
    topic: str, key: bytes | None, value: bytes | None, max_bytes: int
) -> EventEnvelope[Any]:
    """Return the envelope in a record of `topic`.

    Args:
        topic: The topic that the record was read from.
        key: The record key; must be the id that keys the topic.
        value: The record value, decompressed.
        max_bytes: Largest value accepted.

    Raises:
        ContractError: `value` stands for one that could not be read (`contracts/unreadable.py`).
        OversizeMessageError: `value` is longer than `max_bytes`.
        UndecodableMessageError: no JSON, the wrong shape, or a key that is not the event's.
        UnsupportedSchemaVersionError: `schema_version` is an integer this code does not read,
            whatever the rest is like.
        UnknownEventError: `event_type` does not belong on `topic`.
    """
    value = _present(value, max_bytes)
    model = _MODELS.get(topic)
    if model is None:
        raise UnknownEventError("no event travels on this topic")
    try:
        envelope = model.model_validate_json(value)
    except ValidationError as error:
        _check_head(topic, value)
        raise UndecodableMessageError(_first_fault(error)) from None
    _check(topic, envelope)
    # Defaults are for events made here: one read without an id would be a new event at each replay.
    for field in ("event_id", "event_timestamp"):
        if field not in envelope.model_fields_set:
            raise UndecodableMessageError(f"{field}: Field required")
    if key != record_key(envelope.data).encode():
        raise UndecodableMessageError("the record key is not the id that keys this topic")
    return envelope


def _present(value: bytes | None, max_bytes: int) -> bytes:
    if value is None:
        raise UndecodableMessageError("the record has no value")
    if isinstance(value, Unreadable):
        raise value.error
    if len(value) > max_bytes:
        raise OversizeMessageError(f"{len(value)} bytes, the cap is {max_bytes}")
    return value


class _Head(WireModel):
    """What tells whether this code should read the rest at all."""

    event_type: str
    schema_version: int = SCHEMA_VERSION


def _check_head(topic: str, value: bytes) -> None:
    """Look at a message that does not fit: another version or event is no fault of its shape."""
    try:
        head = _Head.model_validate_json(value)
    except ValidationError:
        return
    _check(topic, head)


def _check(topic: str, head: EventEnvelope[Any] | _Head) -> None:
    if head.schema_version not in SUPPORTED_SCHEMA_VERSIONS:
        known = ", ".join(str(version) for version in sorted(SUPPORTED_SCHEMA_VERSIONS))
        raise UnsupportedSchemaVersionError(f"schema_version is none that this code reads: {known}")
    if head.event_type != topic:
        raise UnknownEventError(f"event_type is not that of the topic {topic}")


def record_key(data: EventData) -> str:
    """Return the id that keys the event's topic: essay, or batch where the topic says so."""
    if isinstance(data, BatchEssaysRegistered):
        return data.batch_id
    if isinstance(data, EssayLifecycleStateUpdatedV1):
        return data.entity_ref.parent_id or data.entity_ref.entity_id
    return data.entity_ref.entity_id


def encode(envelope: EventEnvelope[Any], traceparent: bytes | None = None) -> OutgoingEvent:
    """Return the record of `envelope`, its headers mirroring the body.

    Equal envelopes give equal bytes: fields are written in the models' order.
    """
    headers: list[tuple[str, bytes]] = [
        ("event_id", str(envelope.event_id).encode()),
        ("event_type", envelope.event_type.encode()),
        ("schema_version", str(envelope.schema_version).encode()),
    ]
    if envelope.correlation_id is not None:
        headers.append(("correlation_id", str(envelope.correlation_id).encode()))
    if traceparent is not None:
        headers.append((TRACEPARENT, traceparent))
    return OutgoingEvent(
        topic=envelope.event_type,
        key=record_key(envelope.data),
        value=envelope.model_dump_json().encode(),
        headers=tuple(headers),
    )


def first_traceparent(headers: Headers) -> bytes | None:
    """Return the first `traceparent` header that is one as W3C has it; others may be of any size.

    Source: https://www.w3.org/TR/trace-context/#traceparent-header.
    """
    values = (value for name, value in headers if name == TRACEPARENT)
    return next((value for value in values if value and _W3C_TRACEPARENT.match(value)), None)


def _first_fault(error: ValidationError) -> str:
    """Name the first fault by place and kind; what was sent is left out, it may be essay text."""
    fault = error.errors(include_input=False, include_url=False)[0]
    # Keys of a mapping are the sender's words too: only names of fields and positions are shown.
    parts = [str(part) for part in fault["loc"] if isinstance(part, int) or part in _FIELD_NAMES]
    place = ".".join(parts) or "the message"
    kind = fault["type"]
    if kind == "value_error":
        return f"{place}: {fault['ctx']['error']}"
    return f"{place}: {_FAULTS.get(kind, fault['msg'])}"


def _field_names(model: type[WireModel]) -> frozenset[str]:
    inherited = (_field_names(subclass) for subclass in model.__subclasses__())
    return frozenset(model.model_fields).union(*inherited)


_FIELD_NAMES = _field_names(WireModel)
# In place of pydantic's own words where those quote the input or list a whole enum.
_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "json_invalid": "not JSON",
        "uuid_parsing": "not a UUID",
        "enum": "none of the values that the field has",
        "string_pattern_mismatch": "not of the pattern that the field has",
    }
)
