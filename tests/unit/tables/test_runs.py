from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tables.runs import Runs


@given(offsets=st.lists(st.integers(0, 30)), asked=st.lists(st.integers(0, 31)))
def test_reach_is_that_of_a_set(offsets: list[int], asked: list[int]) -> None:
    runs, there = Runs(), set(offsets)
    for offset in offsets:
        runs.add(offset)

    for first in sorted(asked):
        expected = first
        while expected in there:
            expected += 1
        assert runs.reach(first) == expected


def test_offsets_without_gaps_are_one_run() -> None:
    runs = Runs()
    for offset in (5, 3, 4, 7, 6, 3):
        runs.add(offset)

    assert runs.reach(3) == 8
    assert runs.reach(8) == 8
