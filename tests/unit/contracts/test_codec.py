from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.contracts.codec import OutgoingEvent, decode, encode, record_key
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.topic_names import TOPIC_NAMES
from huleedu_streams.errors import (
    ContractError,
    OversizeMessageError,
    UndecodableMessageError,
    UnknownEventError,
    UnsupportedSchemaVersionError,
)
from tests.builders import (
    BATCH,
    CORRELATION_ID,
    ESSAY,
    REGISTERED,
    REQUESTED,
    a_registration,
    a_request,
    a_result,
    an_id,
    an_update,
)

CAP = 262_144
KEY = ESSAY.encode()
# No error message may ever show it.
ESSAY_TEXT = "Dear diary"
EVENTS: list[EventEnvelope[Any]] = [a_request(), a_result(), a_registration(), an_update()]


def a_body(event: EventEnvelope[Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode(event or a_request()).value)
    return body


def with_value(body: dict[str, Any], path: str, value: object) -> bytes:
    """Return the body as bytes, with `value` in place of what lies at the dotted path."""
    *parents, last = path.split(".")
    target = body
    for parent in parents:
        target = target[parent]
    target[last] = value
    return json.dumps(body).encode()


def without(path: str) -> bytes:
    body = a_body()
    *parents, last = path.split(".")
    target = body
    for parent in parents:
        target = target[parent]
    del target[last]
    return json.dumps(body).encode()


def test_request_is_decoded_as_it_was_encoded() -> None:
    record = encode(a_request())

    assert decode(record.topic, record.key.encode(), record.value, CAP) == a_request()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.event_type)
def test_parent_is_kept_on_the_way_out_and_back(event: EventEnvelope[Any]) -> None:
    record = encode(event)

    back = decode(record.topic, record.key.encode(), record.value, CAP)

    assert back == event
    assert (BATCH in record.value.decode()) or event.data.entity_ref.parent_id is None


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (a_request(), ESSAY),
        (a_result(), ESSAY),
        (a_registration(), BATCH),
        (an_update(), BATCH),
        (an_update(batch_id=None), ESSAY),
    ],
)
def test_record_key_is_the_id_that_keys_the_topic(event: EventEnvelope[Any], key: str) -> None:
    assert record_key(event.data) == encode(event).key == key


def test_headers_mirror_the_body() -> None:
    record = encode(a_request(), traceparent=b"00-1-2-01")

    assert dict(record.headers) == {
        "event_id": str(an_id("request")).encode(),
        "event_type": REQUESTED.encode(),
        "schema_version": b"1",
        "correlation_id": str(CORRELATION_ID).encode(),
        "traceparent": b"00-1-2-01",
    }


def test_headers_name_no_correlation_where_there_is_none() -> None:
    record = encode(a_request().model_copy(update={"correlation_id": None}))

    assert [name for name, _ in record.headers] == ["event_id", "event_type", "schema_version"]


def test_equal_envelopes_give_equal_records() -> None:
    assert encode(a_result()) == encode(a_result())


@pytest.mark.parametrize(
    "field",
    [
        "schema_version",
        "correlation_id",
        "data_schema_uri",
        "metadata",
        "data.language",
        "data.system_metadata.entity.parent_id",
        "data.system_metadata.started_at",
        "data.system_metadata.completed_at",
        "data.system_metadata.error_info",
        "data.entity_ref.parent_id",
    ],
)
def test_field_that_older_producers_omit_may_be_absent(field: str) -> None:
    assert decode(REQUESTED, KEY, without(field), CAP).event_id == an_id("request")


@pytest.mark.parametrize(
    "field", ["event_id", "event_type", "event_timestamp", "data", "data.entity_ref.entity_id"]
)
def test_field_without_which_there_is_no_event_is_missed(field: str) -> None:
    with pytest.raises(UndecodableMessageError, match="Field required"):
        decode(REQUESTED, KEY, without(field), CAP)


def test_unknown_fields_are_ignored() -> None:
    body = a_body()
    body["data"]["essay_title"] = {"any": ["thing"]}

    assert decode(REQUESTED, KEY, json.dumps(body).encode(), CAP) == a_request()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema_version", True),
        ("schema_version", "1"),
        ("schema_version", 1.0),
        ("schema_version", None),
        ("event_id", "no uuid"),
        ("event_id", 7),
        ("event_timestamp", "2025-05-27T12:00:00"),
        ("event_timestamp", 1_748_347_200),
        ("event_timestamp", "1748347200"),
        ("event_timestamp", f"2025-05-27T12:00 {ESSAY_TEXT}"),
        ("event_timestamp", "0001-01-01T00:00:00+14:00"),
        ("event_timestamp", "9999-12-31T23:59:59-14:00"),
        ("event_timestamp", None),
        ("source_service", "s" * 129),
        ("event_type", 5),
        ("metadata", {ESSAY_TEXT: 5}),
        ("data", None),
        ("data.entity_ref.entity_id", ""),
        ("data.entity_ref.entity_id", "essay 1"),
        ("data.entity_ref.entity_id", "essay-1\n"),
        ("data.entity_ref.entity_id", "é"),
        ("data.entity_ref.entity_id", "i" * 129),
        ("data.entity_ref.entity_id", 1),
        ("data.entity_ref.parent_id", "a/b"),
        ("data.entity_ref.entity_type", "batch"),
        ("data.text_storage_id", "../etc"),
        ("data.language", ESSAY_TEXT),
        ("data.language", None),
        ("data.status", ESSAY_TEXT),
        ("data.status", "cancelled"),
        ("data.event_name", ESSAY_TEXT),
        ("data.system_metadata.error_info", [ESSAY_TEXT]),
        ("data.system_metadata.processing_stage", ESSAY_TEXT),
        ("data.timestamp", ESSAY_TEXT),
    ],
)
def test_wrong_value_is_refused_without_showing_it(path: str, value: object) -> None:
    with pytest.raises(UndecodableMessageError) as error:
        decode(REQUESTED, KEY, with_value(a_body(), path, value), CAP)

    assert ESSAY_TEXT not in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("value", [True, "4", 4.0, -1, 2**31, 10**30])
def test_count_that_is_no_small_integer_is_refused(value: object) -> None:
    result = a_result()
    body = with_value(a_body(result), "data.corrections_made", value)

    with pytest.raises(UndecodableMessageError, match=r"^data\.corrections_made: "):
        decode(result.event_type, KEY, body, CAP)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 50_000,
        b'{"a":' * 20_000,
        b'{"schema_version":' + b"9" * 10_000 + b"}",
        b'{"event_type":"\\ud800"}',
        b"{}{}",
    ],
)
def test_bytes_that_are_no_event_are_refused(value: bytes) -> None:
    with pytest.raises(UndecodableMessageError):
        decode(REQUESTED, KEY, value, CAP)


def test_record_without_a_value_is_refused() -> None:
    with pytest.raises(UndecodableMessageError, match="no value"):
        decode(REQUESTED, KEY, None, CAP)


def test_message_above_the_cap_is_refused_before_it_is_read() -> None:
    with pytest.raises(OversizeMessageError, match="the cap is 10"):
        decode(REQUESTED, KEY, b"{" * 11, 10)


def test_message_of_the_cap_itself_is_read() -> None:
    record = encode(a_request())

    assert decode(record.topic, KEY, record.value, len(record.value)) == a_request()


@pytest.mark.parametrize("key", [None, b"", b"essay-2", b'"essay-1"', b"\xff"])
def test_key_that_is_not_the_id_is_refused(key: bytes | None) -> None:
    with pytest.raises(UndecodableMessageError, match="record key"):
        decode(REQUESTED, key, encode(a_request()).value, CAP)


@pytest.mark.parametrize("version", [0, 2, -1, 10**30])
def test_other_schema_version_is_refused_as_such(version: int) -> None:
    with pytest.raises(UnsupportedSchemaVersionError, match="none that this code reads: 1"):
        decode(REQUESTED, KEY, with_value(a_body(), "schema_version", version), CAP)


def test_newer_schema_is_named_even_if_its_data_looks_different() -> None:
    body = {"event_type": REQUESTED, "schema_version": 2, "data": [ESSAY_TEXT]}

    with pytest.raises(UnsupportedSchemaVersionError):
        decode(REQUESTED, KEY, json.dumps(body).encode(), CAP)


@pytest.mark.parametrize("event", [a_result(), a_request()])
def test_event_of_another_topic_is_refused_as_such(event: EventEnvelope[Any]) -> None:
    with pytest.raises(UnknownEventError, match="not that of the topic"):
        decode(REGISTERED, KEY, encode(event).value, CAP)


def test_event_type_that_is_not_the_topic_is_refused_as_such() -> None:
    with pytest.raises(UnknownEventError, match="not that of the topic"):
        decode(REQUESTED, KEY, with_value(a_body(), "event_type", "other.v1"), CAP)


def test_topic_that_carries_no_event_is_refused() -> None:
    with pytest.raises(UnknownEventError, match="no event travels"):
        decode("other.v1", KEY, encode(a_request()).value, CAP)


def test_fault_without_a_place_is_named_all_the_same() -> None:
    with pytest.raises(UndecodableMessageError, match=r"^the message: not JSON$"):
        decode(REQUESTED, KEY, b"{", CAP)


def test_fault_in_a_list_is_named_with_its_position() -> None:
    body = with_value(a_body(a_registration(["a", "b"])), "data.essay_ids", ["a", ESSAY_TEXT])

    with pytest.raises(UndecodableMessageError, match=r"^data\.essay_ids\.1: not of the pattern"):
        decode(REGISTERED, BATCH.encode(), body, CAP)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def refusal(topic: str, key: bytes | None, value: bytes) -> str:
    """Return why the message is refused, empty if it is read; any other error comes through."""
    try:
        decode(topic, key, value, CAP)
    except ContractError as error:
        return str(error)
    return ""


@given(st.sampled_from(sorted(TOPIC_NAMES.values())), st.none() | st.binary(), st.binary())
def test_any_bytes_are_refused_as_a_broken_contract(
    topic: str, key: bytes | None, value: bytes
) -> None:
    with pytest.raises(ContractError):
        decode(topic, key, value, CAP)


@given(st.sampled_from(sorted(TOPIC_NAMES.values())), json_values)
def test_any_json_is_refused_as_a_broken_contract(topic: str, value: object) -> None:
    with pytest.raises(ContractError):
        decode(topic, KEY, json.dumps(value).encode(), CAP)


def every_path(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [path]
    nested = [found for key in value for found in every_path(value[key], (*path, key))]
    return [path, *nested] if path else nested


@st.composite
def damaged(draw: st.DrawFn) -> tuple[OutgoingEvent, bytes]:
    """Draw a valid event with one value of it replaced, also by a text that must not leak."""
    event = draw(st.sampled_from(EVENTS))
    body = a_body(event)
    path = draw(st.sampled_from(every_path(body)))
    value = draw(
        json_values
        | st.just(ESSAY_TEXT)
        | st.just({ESSAY_TEXT: ESSAY_TEXT})
        | st.just([ESSAY_TEXT])
    )
    return encode(event), with_value(body, ".".join(path), value)


@given(damaged())
def test_damaged_event_is_read_or_refused_and_never_shown(
    record_and_value: tuple[OutgoingEvent, bytes],
) -> None:
    record, value = record_and_value

    reason = refusal(record.topic, record.key.encode(), value)

    assert ESSAY_TEXT not in reason
    assert "\n" not in reason


@given(st.data(), st.sampled_from(EVENTS))
def test_cut_or_flipped_bytes_are_read_or_refused(
    data: st.DataObject, event: EventEnvelope[Any]
) -> None:
    record = encode(event)
    position = data.draw(st.integers(0, len(record.value) - 1))
    flipped = bytearray(record.value)
    flipped[position] ^= data.draw(st.integers(1, 255))

    assert refusal(record.topic, record.key.encode(), record.value[:position])
    assert "\n" not in refusal(record.topic, record.key.encode(), bytes(flipped))
