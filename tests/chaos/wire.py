"""The wire as a foreign producer writes it: plain dictionaries and JSON, nothing of the package.

What stands here is what wire.md and design.md promise to others: topics, ids, shapes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

REQUESTED = "huleedu.essay.spellcheck.requested.v1"
COMPLETED = "huleedu.essay.spellcheck.completed.v1"
REGISTERED = "huleedu.batch.essays.registered.v1"
UPDATED = "huleedu.essay.lifecycle.state.updated.v1"
PHASE_COMPLETED = "huleedu.batch.spellcheck.phase.completed.v1"
CONSUMED = (REQUESTED, COMPLETED, REGISTERED, UPDATED)
DEAD_LETTERS = tuple(f"{topic}.DLT" for topic in CONSUMED)
EVENT_MAX_BYTES = 262_144
TEXT_MAX_BYTES = 1_048_576

AWAITING = "awaiting_spellcheck"
SUCCESS = "spellchecked_success"
FAILED = "spellcheck_failed"
TERMINAL = frozenset({SUCCESS, FAILED})

_NAMESPACE = UUID("7d0c2b1e-5d0a-5f0e-9d53-6c1e7a1f4a11")

Json = dict[str, Any]
Headers = tuple[tuple[str, bytes], ...]


def derived_id(source: str, step: str) -> UUID:
    """Return the id that every replay of `step` derives."""
    return uuid5(_NAMESPACE, f"{source}/{step}")


def result_id(request_id: str) -> str:
    return str(derived_id(request_id, "spellcheck-completed"))


def corrected_text_id(request_id: str) -> str:
    return derived_id(request_id, "corrected-text").hex


def processing_log_id(request_id: str) -> str:
    return derived_id(request_id, "processing-log").hex


def phase_completed_id(batch_id: str) -> str:
    return str(derived_id(batch_id, "spellcheck-phase-completed"))


def state_updated_id(cause_id: str, version: int) -> str:
    return str(derived_id(cause_id, f"state-updated/{version}"))


@dataclass(frozen=True, slots=True)
class Submission:
    """What one request says."""

    event_id: str
    essay_id: str
    batch_id: str | None
    text_id: str
    language: str
    at: str
    correlation_id: str | None = None


def request(ask: Submission, extra: Mapping[str, Any] | None = None) -> Json:
    entity = _entity(ask.essay_id, ask.batch_id)
    data = {
        "text_storage_id": ask.text_id,
        "status": AWAITING,
        "entity_ref": entity,
        "event_name": "essay.spellcheck.requested",
        "timestamp": ask.at,
        "system_metadata": {
            "timestamp": ask.at,
            "entity": entity,
            "processing_stage": "pending",
            "event": "essay.spellcheck.requested",
        },
    }
    if ask.language != "en":  # as older producers, who know no other
        data["language"] = ask.language
    return _envelope(REQUESTED, ask.event_id, ask.at, ask.correlation_id, data) | dict(extra or {})


@dataclass(frozen=True, slots=True)
class ForeignResult:
    """What a result of another spell checker says."""

    event_id: str
    essay_id: str
    batch_id: str | None
    text_id: str
    at: str
    causation_id: str | None = None
    corrections: int = 1
    references: Mapping[str, str] = field(default_factory=dict)


def result(told: ForeignResult) -> Json:
    entity = _entity(told.essay_id, told.batch_id)
    data = {
        "event_name": "essay.spellcheck.result.received",
        "entity_ref": entity,
        "timestamp": told.at,
        "status": SUCCESS,
        "system_metadata": {"entity": entity, "timestamp": told.at, "error_info": {}},
        "original_text_storage_id": told.text_id,
        "storage_metadata": {
            "references": {
                kind: {"storage_id": text, "path": "/x"} for kind, text in told.references.items()
            }
        },
        "corrections_made": told.corrections,
    }
    body = _envelope(COMPLETED, told.event_id, told.at, None, data)
    if told.causation_id is not None:
        body["metadata"] = {"causation_id": told.causation_id}
    return body


def registration(event_id: str, batch_id: str, essay_ids: list[str], at: str) -> Json:
    data = {
        "batch_id": batch_id,
        "essay_ids": essay_ids,
        "expected_essay_count": len(essay_ids),
        "event": "batch.essays.registered",
        "metadata": {"entity": _entity(batch_id, None, "batch"), "timestamp": at},
    }
    return _envelope(REGISTERED, event_id, at, None, data)


def moment(text: str) -> str:
    """Return a timestamp in the one form in which two are compared: UTC, to the microsecond."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="microseconds")


def dumps(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _envelope(topic: str, event_id: str, at: str, trace: str | None, data: Json) -> Json:
    body: Json = {
        "event_type": topic,
        "data": data,
        "event_id": event_id,
        "source_service": "foreign-producer",
        "event_timestamp": at,
        "field_of_a_newer_version": {"ignored": [1, 2.5, None]},
    }
    if trace is not None:
        body |= {"correlation_id": trace, "schema_version": 1, "data_schema_uri": None}
    return body


def _entity(entity_id: str, parent_id: str | None, kind: str = "essay") -> Json:
    entity = {"entity_id": entity_id, "entity_type": kind}
    return entity if parent_id is None else entity | {"parent_id": parent_id}
