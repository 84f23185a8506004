"""What clocks of producers may say, and what is made of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.contracts.codec import decode, encode
from huleedu_streams.errors import ContractError, UndecodableMessageError
from tests.builders import ESSAY, REQUESTED, a_request

CAP = 262_144
KEY = ESSAY.encode()
PLACES = (
    "event_timestamp",
    "data.timestamp",
    "data.system_metadata.timestamp",
    "data.system_metadata.started_at",
    "data.system_metadata.completed_at",
)


def said(moment: str, place: str = "event_timestamp") -> bytes:
    """Return a request whose time at `place` is `moment`."""
    body: dict[str, Any] = json.loads(encode(a_request()).value)
    *parents, name = place.split(".")
    inner = body
    for parent in parents:
        inner = inner[parent]
    inner[name] = moment
    return json.dumps(body).encode()


def read(moment: str) -> datetime:
    envelope = decode(REQUESTED, KEY, said(moment), CAP)
    return envelope.event_timestamp


@pytest.mark.parametrize(
    ("moment", "meant"),
    [
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59+14:00", datetime(9999, 12, 31, 9, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00-12:00", datetime(1, 1, 1, 12, tzinfo=UTC)),
        ("1970-01-01T00:00:00.000Z", datetime(1970, 1, 1, tzinfo=UTC)),
        # The hour that Stockholm has twice: the offset alone tells which one is meant.
        ("2025-10-26T02:30:00+02:00", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        ("2025-10-26T02:30:00+01:00", datetime(2025, 10, 26, 1, 30, tzinfo=UTC)),
        # The hour that it does not have: an offset makes it a moment all the same.
        ("2025-03-30T02:30:00+01:00", datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),
        ("2025-05-27T12:00:00.123456789Z", datetime(2025, 5, 27, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2025-05-27t12:00:00z", datetime(2025, 5, 27, 12, tzinfo=UTC)),
    ],
)
def test_moment_is_read_as_utc_however_it_is_written(moment: str, meant: datetime) -> None:
    found = read(moment)

    assert found == meant
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+00:01",
        "0001-01-01T00:00:00+14:00",
        # Leap seconds, as UTC has had them: Python counts none.
        "2016-12-31T23:59:60Z",
        "2016-12-31T23:59:60.5Z",
        "2025-02-29T12:00:00Z",
        "2025-13-01T12:00:00Z",
        "2025-05-27T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-0044-03-15T12:00:00Z",
        "2025-05-27T12:00:00+99:00",
        "2025-05-27T12:00:00",
        "2025-05-27T12:00:00 Europe/Stockholm",
        "2025-05-27",
        "now",
        "",
    ],
)
def test_moment_that_is_none_is_refused_wherever_it_stands(moment: str, place: str) -> None:
    with pytest.raises(UndecodableMessageError) as error:
        decode(REQUESTED, KEY, said(moment, place), CAP)

    assert str(error.value).startswith(f"{place}: ")


offsets = st.builds(
    "{}{:02d}:{:02d}".format, st.sampled_from("+-"), st.integers(0, 30), st.integers(0, 70)
)
moments = st.builds(
    "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}{}".format,
    st.sampled_from([0, 1, 2, 1969, 2025, 9998, 9999]),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
    offsets | st.sampled_from(["Z", "", "z"]),
)


@given(moments, st.sampled_from(PLACES))
def test_any_moment_is_read_and_written_again_or_refused(moment: str, place: str) -> None:
    value = said(moment, place)
    try:
        envelope = decode(REQUESTED, KEY, value, CAP)
    except ContractError:
        return

    assert decode(REQUESTED, KEY, encode(envelope).value, CAP) == envelope
