from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.domain.in_flight import InFlight, Passed, batch_step, essay_step
from tests.builders import a_request, a_result, an_id
from tests.essay_rows import row_after


class Watch:
    """A monotonic clock that stands still until told to move."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def an_index() -> tuple[InFlight, Watch]:
    watch = Watch()
    return InFlight(watch), watch


def keys_older_than(index: InFlight, moment: float, partition: int = 0) -> list[str]:
    return [key for key, _ in index.older_than(partition, moment)]


def test_essay_waits_from_its_request_to_its_result() -> None:
    assert essay_step(row_after(a_request())) == f"{an_id('request')}/awaiting_spellcheck"
    assert essay_step(row_after(a_request(), a_result())) is None
    assert essay_step(row_after(a_result())) is None, "its request has not come"


def test_batch_waits_from_its_registration_to_its_outcome() -> None:
    assert batch_step({"registered_by": None}) is None
    assert batch_step({"registered_by": "r", "completion": None}) == "r"
    assert batch_step({"registered_by": "r", "completion": {}}) is None


def test_progress_begins_the_wait_anew_and_a_repeat_does_not() -> None:
    index, watch = an_index()
    index.note(0, "a", "request/awaiting", 5)
    index.note(0, "b", "request/awaiting", 6)
    watch.now += 10

    index.note(0, "a", "request/awaiting", 5)
    index.note(0, "b", "request/in-progress")

    assert keys_older_than(index, 100) == ["a"]
    assert keys_older_than(index, 110) == ["a", "b"]
    assert [waiting.offset for _, waiting in index.older_than(0, 110)] == [5, 6]


def test_row_that_waits_no_more_is_forgotten() -> None:
    index, _ = an_index()
    index.note(0, "a", "step", 5)

    index.note(0, "a", None)
    index.note(0, "never-seen", None)

    assert len(index) == 0


def test_row_unknown_to_the_index_is_left_to_the_recall() -> None:
    index, _ = an_index()

    index.note(0, "a", "step")
    assert len(index) == 0

    index.recall(0, "a", "step", 9)
    assert [waiting.offset for _, waiting in index.older_than(0, 100)] == [9]


def test_recall_leaves_what_is_known_better() -> None:
    index, watch = an_index()
    index.note(0, "a", "step", 5)
    watch.now += 10

    index.recall(0, "a", "step", 9)

    assert [(w.offset, w.since) for _, w in index.older_than(0, 110)] == [(5, 100)]


def test_what_was_asked_again_waits_as_long_again() -> None:
    index, watch = an_index()
    index.note(0, "a", "step", 5)
    watch.now += 10

    index.begin_anew(0, "a")
    index.begin_anew(0, "never-seen")

    assert keys_older_than(index, 109) == []
    assert keys_older_than(index, 110) == ["a"]


def test_partitions_of_others_are_forgotten() -> None:
    index, _ = an_index()
    index.note(0, "a", "step", 5)
    index.note(1, "b", "step", 5)

    index.keep_only([1])

    assert index.step(0, "a") is None
    assert index.step(1, "b") == "step"


def test_rows_may_come_and_go_between_two_steps_of_a_reading() -> None:
    index, _ = an_index()
    for key in ("a", "b", "c"):
        index.note(0, key, "step", 5)

    reading = index.older_than(0, 100)
    first = next(reading)
    index.note(0, "b", None)
    index.note(0, "d", "step", 6)

    assert [first[0], *(key for key, _ in reading)] == ["a", "c"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["s1", "s2", None]), st.integers(0, 3)),
        max_size=30,
    )
)
def test_index_holds_what_waits_oldest_first(events: list[tuple[str, str | None, int]]) -> None:
    index, watch = an_index()
    truth: dict[str, tuple[str, float]] = {}
    for key, step, seconds in events:
        watch.now += seconds
        index.note(0, key, step, 1)
        if step is None:
            truth.pop(key, None)
        elif truth.get(key, ("", 0.0))[0] != step:
            truth[key] = (step, watch.now)

    found = [(key, waiting.since) for key, waiting in index.older_than(0, watch.now)]

    assert dict(found) == {key: since for key, (_, since) in truth.items()}
    assert [since for _, since in found] == sorted(since for _, since in found)


def passed_after(*notes: tuple[float, int]) -> Callable[[float], int]:
    passed = Passed()
    for at, offset in notes:
        passed.note(0, at, offset)
    return lambda moment: passed.since(0, moment)


def test_group_is_beyond_what_it_had_read_at_the_moment_asked_for() -> None:
    since = passed_after((10, 5), (20, 8), (30, 9))

    assert since(9) == 0, "nobody knows how far it was then"
    assert since(10) == 5
    assert since(19) == 5
    assert since(20) == 8
    assert since(99) == 9


def test_group_that_was_set_back_is_beyond_nothing_it_reads_again() -> None:
    assert passed_after((10, 5), (20, 2), (30, 9))(10) == 2


def test_what_is_remembered_of_a_group_stays_small() -> None:
    passed = Passed()
    for at in range(1000):
        passed.note(0, at, at)
        passed.since(0, at - 10)

    assert len(passed._seen[0]) <= 12  # noqa: SLF001 - nothing else shows it
    passed.keep_only([])
    assert passed.since(0, 5000) == 0
