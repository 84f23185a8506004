"""Golden samples: never edited, only added; old ones decode for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from huleedu_streams.contracts.codec import decode, encode, record_key
from huleedu_streams.contracts.enums import ContentType
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.topic_names import TOPIC_NAMES

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.v1.json"))
COMPLETE = [path for path in SAMPLES if "minimal" not in path.name]
BATCH_KEYED = ("batch", "essay_lifecycle")


def decoded(path: Path) -> EventEnvelope[Any]:
    value = path.read_bytes()
    key = b"batch-1" if path.name.startswith(BATCH_KEYED) else b"essay-1"
    return decode(json.loads(value)["event_type"], key, value, 100_000)


def sample(name: str) -> EventEnvelope[Any]:
    [path] = [path for path in SAMPLES if path.name == f"{name}.v1.json"]
    return decoded(path)


def test_every_topic_has_a_sample() -> None:
    topics = {json.loads(path.read_bytes())["event_type"] for path in SAMPLES}

    assert topics == set(TOPIC_NAMES.values())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_sample_survives_the_way_out_and_back(path: Path) -> None:
    envelope = decoded(path)

    record = encode(envelope)

    assert record.key == record_key(envelope.data)
    assert decode(record.topic, record.key.encode(), record.value, 100_000) == envelope


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.name)
def test_complete_sample_is_written_as_it_was_read(path: Path) -> None:
    written = json.loads(encode(decoded(path)).value)

    assert written == {"metadata": None, **json.loads(path.read_bytes())}


def test_envelope_of_older_producers_takes_its_defaults() -> None:
    envelope = sample("spellcheck_requested_minimal")

    assert envelope.schema_version == 1
    assert envelope.correlation_id is None
    assert envelope.metadata is None
    assert envelope.causation_id is None
    assert envelope.data.language == "en"
    assert envelope.data.system_metadata.error_info == {}
    assert envelope.data.system_metadata.entity.parent_id is None
    assert envelope.data.entity_ref.parent_id == "batch-1"


def test_timestamp_of_another_zone_is_kept_as_utc() -> None:
    envelope = sample("spellcheck_requested_minimal")

    assert envelope.event_timestamp.isoformat() == "2025-05-27T12:00:00+00:00"


@pytest.mark.parametrize("name", ["spellcheck_completed", "spellcheck_completed_with_paths"])
def test_references_are_read_in_both_shapes(name: str) -> None:
    storage = sample(name).data.storage_metadata

    assert storage.storage_id(ContentType.CORRECTED_TEXT) == "a" * 32
    assert storage.storage_id(ContentType.CJ_RESULTS_JSON) is None
