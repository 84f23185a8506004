"""Bytes to envelope and back. Everything that can be wrong with a message is found here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.envelope import (
    SUPPORTED_SCHEMA_VERSIONS,
    EventEnvelope,
    WireModel,
)
from huleedu_streams.contracts.events import (
    BatchEssaysRegistered,
    BatchSpellcheckPhaseCompletedV1,
    EssayLifecycleStateUpdatedV1,
    SpellcheckRequestedDataV1,
    SpellcheckResultDataV1,
)
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.errors import (
    OversizeMessageError,
    UndecodableMessageError,
    UnknownEventError,
    UnsupportedSchemaVersionError,
)

Headers = tuple[tuple[str, bytes], ...]

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
        OversizeMessageError: `value` is longer than `max_bytes`.
        UndecodableMessageError: no JSON, the wrong shape, or a key that is not the event's.
        UnsupportedSchemaVersionError: `schema_version` is an integer this code does not read.
        UnknownEventError: `event_type` does not belong on `topic`.
    """
    if value is None:
        raise UndecodableMessageError("the record has no value")
    if len(value) > max_bytes:
        raise OversizeMessageError(f"{len(value)} bytes, the cap is {max_bytes}")
    try:
        envelope = _MODELS[topic].model_validate_json(value)
    except ValidationError as error:
        raise _explain(error) from None
    if envelope.schema_version not in SUPPORTED_SCHEMA_VERSIONS:
        raise UnsupportedSchemaVersionError(
            f"schema_version {envelope.schema_version}; this code reads 1"
        )
    if envelope.event_type != topic:
        raise UnknownEventError(f"event_type is not that of the topic {topic}")
    if key is None or key != record_key(envelope.data).encode():
        raise UndecodableMessageError("the record key is not the id that keys this topic")
    return envelope


def record_key(data: WireModel) -> str:
    """Return the id that keys the event's topic: essay, or batch where the topic says so."""
    if isinstance(data, BatchEssaysRegistered):
        return data.batch_id
    if isinstance(data, EssayLifecycleStateUpdatedV1):
        return data.entity_ref.parent_id or data.entity_ref.entity_id
    entity_id: str = getattr(data, "entity_ref").entity_id  # noqa: B009 - WireModel has no such field
    return entity_id


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
        headers.append(("traceparent", traceparent))
    return OutgoingEvent(
        topic=envelope.event_type,
        key=record_key(envelope.data),
        value=envelope.model_dump_json().encode(),
        headers=tuple(headers),
    )


def _explain(error: ValidationError) -> UndecodableMessageError:
    """Name the first fault by place and kind; input values are left out, they may be text."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"][:6])[:120] or "the message"
    message = "not JSON" if first["type"] == "json_invalid" else first["msg"]
    return UndecodableMessageError(f"{place}: {message}"[:300])
