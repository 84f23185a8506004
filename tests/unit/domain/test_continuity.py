"""Whatever is dropped on the way, every record of the log is delivered once and in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.domain.continuity import Continuity, Verdict

P = "partition"


def begun(start: int = 5) -> Continuity[str]:
    continuity: Continuity[str] = Continuity()
    continuity.begin({P: start})
    return continuity


def test_record_at_the_start_is_next() -> None:
    assert begun().judge(P, 5) is Verdict.NEXT


def test_record_after_the_delivered_one_is_next() -> None:
    continuity = begun()
    continuity.delivered(P, 5)

    assert continuity.judge(P, 6) is Verdict.NEXT
    assert continuity.judge(P, 5) is Verdict.REPEAT


def test_record_beyond_the_next_means_that_some_were_missed() -> None:
    continuity = begun()

    assert continuity.judge(P, 8) is Verdict.MISSED
    assert continuity.hole(P, 8) == range(0)
    assert continuity.seek_back(P) == 5


def test_what_is_missing_after_seeking_back_is_a_hole() -> None:
    continuity = begun()
    continuity.seek_back(P)

    assert continuity.judge(P, 8) is Verdict.HOLE
    assert continuity.hole(P, 8) == range(5, 8)


def test_hole_is_known_for_that_place_only() -> None:
    continuity = begun()
    continuity.seek_back(P)
    continuity.delivered(P, 8)

    assert continuity.judge(P, 12) is Verdict.MISSED


def test_partition_never_begun_begins_with_its_first_record() -> None:
    continuity: Continuity[str] = Continuity()

    assert continuity.judge(P, 41) is Verdict.NEXT
    assert continuity.start(P) is None


def test_doubt_makes_a_hole_a_miss_again() -> None:
    continuity = begun()
    continuity.seek_back(P)
    continuity.doubt()

    assert continuity.judge(P, 8) is Verdict.MISSED


def test_beginning_anew_forgets_what_was_sought() -> None:
    continuity = begun()
    continuity.seek_back(P)
    continuity.begin({P: 5})

    assert continuity.judge(P, 8) is Verdict.MISSED


@given(st.sets(st.integers(0, 40), min_size=1), st.data())
def test_reader_that_drops_at_random_delivers_the_whole_log(
    log: set[int], data: st.DataObject
) -> None:
    """A fetch may lose any of its records; offsets that the log lacks are passed over."""
    offsets, delivered, passed = sorted(log), list[int](), set[int]()
    continuity = begun(0)
    position, losses = 0, 0
    while continuity.expected(P) != offsets[-1] + 1:
        fetched = [offset for offset in offsets if offset >= position]
        position, is_behind = offsets[-1] + 1, False
        for offset in fetched:
            if losses < 20 and data.draw(st.booleans(), label=f"{offset} is lost"):
                losses += 1
                continuity.doubt()
                continue
            verdict = Verdict.REPEAT if is_behind else continuity.judge(P, offset)
            is_behind |= verdict is Verdict.MISSED
            if verdict is Verdict.HOLE:
                passed.update(continuity.hole(P, offset))
            if verdict in {Verdict.NEXT, Verdict.HOLE}:
                delivered.append(offset)
                continuity.delivered(P, offset)
        if is_behind or not fetched:
            position = continuity.seek_back(P)

    assert delivered == offsets
    assert not passed & log
