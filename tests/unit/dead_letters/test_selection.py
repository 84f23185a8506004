from __future__ import annotations

from datetime import timedelta

import pytest

from huleedu_streams.contracts.burials import Letter, read_letter
from huleedu_streams.contracts.dead_letters import REASON, ConsumedRecord
from huleedu_streams.dead_letters.log import Marks
from huleedu_streams.dead_letters.selection import OffsetRange, Selection
from tests.builders import NOON

HOUR = timedelta(hours=1)


def a_letter(
    partition: int = 3,
    offset: int = 41,
    *,
    key: bytes | None = b"k",
    reason: str | None = "oversize",
) -> Letter:
    headers = () if reason is None else ((REASON, reason.encode()),)
    return read_letter(ConsumedRecord("a.DLT", partition, offset, key, b"", headers), NOON)


@pytest.mark.parametrize(
    ("selection", "is_meant"),
    [
        (Selection(), True),
        (Selection(reasons=frozenset({"oversize", "undecodable"})), True),
        (Selection(reasons=frozenset({"undecodable"})), False),
        (Selection(has_key=lambda key: key == b"k"), True),
        (Selection(has_key=lambda key: key == b"other"), False),
        (Selection(partitions=frozenset({3})), True),
        (Selection(partitions=frozenset({2})), False),
        (Selection(offsets=(OffsetRange(first=41, last=41),)), True),
        (Selection(offsets=(OffsetRange(3, 40, 42), OffsetRange(first=0, last=1))), True),
        (Selection(offsets=(OffsetRange(2, 40, 42),)), False),
        (Selection(offsets=(OffsetRange(first=42),)), False),
        (Selection(since=NOON), True),
        (Selection(since=NOON + HOUR), False),
        (Selection(until=NOON), False),
        (Selection(until=NOON + HOUR), True),
    ],
)
def test_letter_must_answer_to_every_filter(selection: Selection, *, is_meant: bool) -> None:
    assert selection.admits(a_letter()) is is_meant


def test_letter_that_says_no_reason_is_found_as_unknown() -> None:
    assert Selection(reasons=frozenset({"unknown"})).admits(a_letter(reason=None))


@pytest.mark.parametrize(
    ("selection", "bounds"),
    [
        (Selection(), (10, 20)),
        (Selection(offsets=(OffsetRange(first=12, last=12),)), (12, 13)),
        (Selection(offsets=(OffsetRange(3, 12, 12), OffsetRange(3, 15, None))), (12, 20)),
        (Selection(offsets=(OffsetRange(3, 0, 99),)), (10, 20)),
        (Selection(offsets=(OffsetRange(2, 12, 12),)), (10, 10)),
        (Selection(partitions=frozenset({1})), (10, 10)),
    ],
)
def test_nothing_is_read_that_cannot_be_meant(
    selection: Selection, bounds: tuple[int, int]
) -> None:
    assert selection.bounds(3, 10, 20) == bounds
    assert selection.admits_partition(3) is (bounds != (10, 10))


def test_marks_remember_offsets_of_their_range() -> None:
    marks = Marks(100, 120)

    for offset in (100, 109, 119, 99, 5000):
        marks.add(offset)

    assert [offset for offset in range(90, 130) if offset in marks] == [100, 109, 119]
