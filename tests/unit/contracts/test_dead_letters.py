from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from huleedu_streams.contracts.dead_letters import (
    OMITTED,
    PROVENANCE,
    PROVENANCE_HEADERS,
    ConsumedRecord,
    dead_letter,
    reason_of,
    smaller_letters,
)
from huleedu_streams.contracts.unreadable import Unreadable
from huleedu_streams.errors import OversizeMessageError, UnreadableRecordError
from tests.builders import NOON

RECORD = ConsumedRecord(
    topic="a.v1",
    partition=3,
    offset=41,
    key=b"\xff",
    value=b"\x00 no event",
    headers=(("traceparent", b"00-1-2-01"), ("traceparent", b"again")),
)


def test_dead_letter_holds_key_value_and_headers_untouched() -> None:
    letter = dead_letter(RECORD, OversizeMessageError("11 bytes"), tries=1, first_failed_at=NOON)

    assert letter.topic == "a.v1.DLT"
    assert (letter.key, letter.value) == (RECORD.key, RECORD.value)
    assert letter.headers[:2] == RECORD.headers


def test_dead_letter_says_why_and_whence() -> None:
    letter = dead_letter(RECORD, OversizeMessageError("11 bytes"), tries=1, first_failed_at=NOON)

    why = dict(letter.headers[2:])
    assert set(why) == PROVENANCE_HEADERS
    assert why["__streams.errors.topic"] == b"a.v1"
    assert why["__streams.errors.partition"] == b"3"
    assert why["__streams.errors.offset"] == b"41"
    assert why["__streams.errors.message"] == b"11 bytes"
    assert why["huleedu.dlt.reason"] == b"oversize"
    assert why["huleedu.dlt.first-failed-at"] == b"2025-05-27T12:00:00+00:00"


def test_unexpected_error_is_named_by_its_class_alone() -> None:
    letter = dead_letter(RECORD, ValueError("Dear diary"), tries=3, first_failed_at=NOON)

    why = dict(letter.headers[2:])
    assert why["__streams.errors.exception"] == b"builtins.ValueError"
    assert b"Dear diary" not in b"".join(why.values())
    assert why["huleedu.dlt.attempts"] == b"3"


@pytest.mark.parametrize(
    ("error", "reason"), [(OversizeMessageError(), "oversize"), (KeyError(), "unexpected")]
)
def test_reason_is_the_code_of_the_error(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


def test_smaller_letter_lacks_the_value_and_says_what_it_was() -> None:
    letter = dead_letter(RECORD, OversizeMessageError("11 bytes"), tries=1, first_failed_at=NOON)

    without_value, bare = smaller_letters(letter)

    size, digest = (str(len(RECORD.value or b"")), hashlib.sha256(RECORD.value or b"").hexdigest())
    omitted = tuple(zip(OMITTED, (size.encode(), digest.encode()), strict=True))
    assert (without_value.key, without_value.value) == (RECORD.key, None)
    assert without_value.headers == (*letter.headers, *omitted)
    assert (bare.key, bare.value) == (None, None)
    assert tuple(name for name, _ in bare.headers) == PROVENANCE + OMITTED


def test_letter_of_a_stand_in_has_the_value_if_that_is_to_be_had() -> None:
    error = UnreadableRecordError("the name of a header is no UTF-8")
    there = replace(RECORD, value=Unreadable(b"value", error))
    lost = replace(RECORD, value=Unreadable(None, error, is_lost=True))

    whole, empty = (dead_letter(one, error, tries=1, first_failed_at=NOON) for one in (there, lost))

    assert whole.value == b"value"
    assert type(whole.value) is bytes
    assert empty.value is None
    assert empty.headers[-2:] == tuple((name, b"") for name in OMITTED)
    assert next(iter(smaller_letters(empty))).headers == empty.headers
