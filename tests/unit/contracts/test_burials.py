from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.contracts import dead_letters
from huleedu_streams.contracts.burials import (
    MARK,
    REPLAYED,
    REPLAYED_FROM,
    REPLAYED_TO,
    Letter,
    mark_headers,
    marked_offset,
    read_letter,
    replayed_headers,
)
from huleedu_streams.contracts.codec import Headers
from huleedu_streams.contracts.dead_letters import (
    ConsumedRecord,
    DeadLetter,
    dead_letter,
    smaller_letters,
)
from huleedu_streams.errors import OversizeMessageError, UndecodableMessageError
from tests.builders import NOON

NAMES = st.one_of(
    st.text(max_size=8),
    st.sampled_from([*dead_letters.PROVENANCE, REPLAYED, REPLAYED_TO]),
)
VALUES = st.one_of(st.none(), st.binary(max_size=12))
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=12).map(tuple)
RECORDS = st.builds(
    ConsumedRecord,
    topic=st.just("a.v1"),
    partition=st.integers(0, 5),
    offset=st.integers(0, 2**62),
    key=VALUES,
    value=VALUES,
    headers=HEADERS,
)


def buried(record: ConsumedRecord, *, partition: int = 4, offset: int = 7) -> Letter:
    """Return the letter of `record` as it is read from its dead-letter topic."""
    letter: DeadLetter = dead_letter(
        record, UndecodableMessageError("not JSON"), tries=1, first_failed_at=NOON
    )
    return read_letter(
        ConsumedRecord(letter.topic, partition, offset, letter.key, letter.value, letter.headers),
        NOON,
    )


def stored(
    headers: Headers, key: bytes | None = None, value: bytes | None = None, offset: int = 9
) -> ConsumedRecord:
    return ConsumedRecord("a.v1.DLT", 0, offset, key, value, headers)


@given(record=RECORDS)
def test_original_comes_back_from_its_dead_letter_exactly(record: ConsumedRecord) -> None:
    letter = buried(record)

    assert (letter.place.key, letter.place.value) == (record.key, record.value)
    assert letter.headers == record.headers
    assert letter.origin.topic == record.topic
    assert (letter.origin.partition, letter.origin.offset) == (record.partition, record.offset)


@given(record=RECORDS, rounds=st.integers(2, 5))
def test_headers_do_not_grow_with_each_round_trip(record: ConsumedRecord, rounds: int) -> None:
    letter = buried(record)
    for _ in range(rounds):
        headers = replayed_headers(letter)
        back = ConsumedRecord("a.v1", 0, 0, letter.place.key, letter.place.value, headers)
        letter = buried(back)

    own = tuple(header for header in record.headers if header[0] != REPLAYED_FROM)
    assert letter.headers == (*own, (REPLAYED_FROM, b"a.v1.DLT/4/7"))
    assert (letter.place.key, letter.place.value) == (record.key, record.value)


@given(record=RECORDS)
def test_dead_letter_is_never_taken_for_a_mark(record: ConsumedRecord) -> None:
    assert marked_offset(buried(record).place) is None


@given(headers=HEADERS, key=VALUES, value=VALUES)
def test_whatever_lies_there_can_be_read(
    headers: Headers, key: bytes | None, value: bytes | None
) -> None:
    record = stored(headers, key, value)

    letter = read_letter(record, NOON)

    assert letter.place is record
    assert isinstance(marked_offset(record), int | None)
    assert replayed_headers(letter)[-1] == (REPLAYED_FROM, b"a.v1.DLT/0/9")


def test_mark_names_the_letter_it_stands_for() -> None:
    letter = buried(ConsumedRecord("a.v1", 3, 41, b"k", b"v", ()), offset=7)

    headers = mark_headers(letter, "a.v1", 3)

    assert marked_offset(stored(headers, *MARK)) == 7
    assert dict(headers)[REPLAYED_TO] == b"a.v1/3"
    assert dict(mark_headers(letter, "a.v1", None))[REPLAYED_TO] == b"a.v1"


@pytest.mark.parametrize(
    "record",
    [
        stored(((REPLAYED, b"7"), (REPLAYED_TO, b"a.v1")), b"a key", b""),
        stored(((REPLAYED, b"7"), (REPLAYED_TO, b"a.v1")), None, None),
        stored(((REPLAYED, b"7"),), *MARK),
        stored(((REPLAYED, b"7"), (REPLAYED_TO, b"a.v1"), ("more", b"")), *MARK),
        stored(((REPLAYED, b"x"), (REPLAYED_TO, b"a.v1")), *MARK),
        stored(((REPLAYED, b"9"), (REPLAYED_TO, b"a.v1")), *MARK, offset=9),
        stored(((REPLAYED, b"9" * 5000), (REPLAYED_TO, b"a.v1")), *MARK),
    ],
)
def test_what_only_looks_like_a_mark_is_none(record: ConsumedRecord) -> None:
    assert marked_offset(record) is None


def test_letter_says_why_and_since_when() -> None:
    record = ConsumedRecord("a.v1", 3, 41, b"k", b"value", ())
    made = dead_letter(record, OversizeMessageError("11 bytes"), tries=2, first_failed_at=NOON)

    letter = read_letter(stored(made.headers, made.key, made.value), NOON)

    assert (letter.reason, letter.message, letter.attempts) == ("oversize", "11 bytes", 2)
    assert letter.exception == "huleedu_streams.errors.OversizeMessageError"
    assert letter.first_failed_at == NOON.isoformat()
    assert (letter.name, letter.value_bytes) == ("0/9", 5)


def test_letter_of_kafka_streams_gives_its_original_back() -> None:
    own = (("traceparent", b"00-1"), ("case", b"1"))
    added = (
        ("__streams.errors.exception", b"org.Error"),
        ("__streams.errors.stacktrace", b"at"),
        ("__streams.errors.topic", b"a.v1"),
        ("__streams.errors.partition", b"-1"),
    )

    letter = read_letter(stored((*own, *added), b"k", b"v"), NOON)

    assert letter.headers == own
    assert (letter.exception, letter.origin.topic) == ("org.Error", "a.v1")
    assert (letter.reason, letter.origin.partition, letter.attempts) == (None, None, None)


@given(record=RECORDS)
def test_letter_that_is_not_whole_says_so_and_keeps_the_headers(record: ConsumedRecord) -> None:
    letter = dead_letter(record, UndecodableMessageError("not JSON"), tries=1, first_failed_at=NOON)
    smaller, _ = smaller_letters(letter)

    read = read_letter(stored(smaller.headers, smaller.key, smaller.value), NOON)

    assert read.headers == record.headers
    assert read.reason == "undecodable"
    assert read.omitted is not None
    assert f"{len(record.value or b'')} bytes, sha256 " in read.omitted
