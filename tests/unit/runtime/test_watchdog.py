from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from huleedu_streams.runtime.watchdog import Place, Progress, Stall, Watchdog

A, B, OTHER = ("essays", 0), ("essays", 1), ("batches", 0)
FULL = 100


def longest(watchdog: Watchdog, now: float, **places: Progress) -> float:
    names = {"a": A, "b": B, "other": OTHER}
    stalls = watchdog.observe(now, {names[name]: seen for name, seen in places.items()})
    return stalls[0].seconds if stalls else 0.0


def test_partition_without_lag_has_no_clock() -> None:
    watchdog = Watchdog(FULL)

    assert watchdog.observe(0, {A: Progress(5, 5, 5)}) == []
    assert watchdog.observe(900, {A: Progress(5, 5, 5)}) == []


def test_clock_starts_when_lag_appears_and_not_at_the_last_event() -> None:
    watchdog = Watchdog(FULL)
    watchdog.observe(0, {A: Progress(5, 5, 5)})

    assert watchdog.observe(900, {A: Progress(5, 5, 7)}) == [Stall(*A, lag=2, seconds=0)]
    assert watchdog.observe(910, {A: Progress(5, 5, 9)}) == [Stall(*A, lag=4, seconds=10)]


def test_every_step_of_a_partition_starts_its_clock_anew() -> None:
    watchdog = Watchdog(FULL)
    watchdog.observe(0, {A: Progress(5, 5, 9)})

    assert longest(watchdog, 100, a=Progress(6, 6, 9)) == 0
    assert longest(watchdog, 130, a=Progress(6, 6, 9)) == 30


def test_excuse_stops_all_clocks() -> None:
    watchdog = Watchdog(FULL)
    watchdog.observe(0, {A: Progress(5, 5, 9)})

    watchdog.excuse()

    assert longest(watchdog, 400, a=Progress(5, 5, 9)) == 0
    assert longest(watchdog, 410, a=Progress(5, 5, 9)) == 10


def test_revoked_partition_owes_nothing_when_it_comes_back() -> None:
    watchdog = Watchdog(FULL)
    watchdog.observe(0, {A: Progress(5, 5, 9)})
    watchdog.observe(100, {})

    assert longest(watchdog, 200, a=Progress(5, 5, 9)) == 0


def test_offsets_of_a_recreated_topic_start_the_clock_anew() -> None:
    watchdog = Watchdog(FULL)
    watchdog.observe(0, {A: Progress(500, 500, 509)})

    assert longest(watchdog, 400, a=Progress(0, 0, 3)) == 0


def test_moving_partition_does_not_hide_one_that_is_not_read() -> None:
    watchdog = Watchdog(FULL)

    for step in range(30):
        watchdog.observe(step * 10, {A: Progress(5, 5, 9), B: Progress(step, step + 1, 1_000)})
    stalls = watchdog.observe(300, {A: Progress(5, 5, 9), B: Progress(30, 31, 1_000)})

    assert stalls[0] == Stall(*A, lag=4, seconds=300)
    assert [stall.seconds for stall in stalls[1:]] == [0]


def test_record_in_hand_may_queue_while_its_topic_moves() -> None:
    watchdog = Watchdog(FULL)

    found = [
        longest(watchdog, step * 100, a=Progress(5, 6, 6), b=Progress(step, 50, 50))
        for step in range(10)
    ]

    assert found == [0] * 10


def test_record_in_hand_does_not_queue_behind_another_topic() -> None:
    watchdog = Watchdog(FULL)

    found = [
        longest(watchdog, step * 100, a=Progress(5, 6, 6), other=Progress(step, 50, 50))
        for step in range(4)
    ]

    assert found == [0, 100, 200, 300]


def test_agent_that_handles_nothing_wedges_all_that_it_holds() -> None:
    watchdog = Watchdog(FULL)
    held = {A: Progress(5, 6, 6), B: Progress(1, 9, 9)}
    watchdog.observe(0, held)

    stalls = watchdog.observe(300, held)

    assert [stall.seconds for stall in stalls] == [300, 300]


def test_overtaken_record_is_lost_and_has_no_excuse() -> None:
    watchdog = Watchdog(FULL)
    watchdog.observe(0, {A: Progress(5, 6, 6), B: Progress(0, 10, 90)})
    # Up to 10 it stood before or behind; 11 was handed over after it.
    watchdog.observe(100, {A: Progress(5, 6, 6), B: Progress(10, 30, 90)})

    assert longest(watchdog, 200, a=Progress(5, 6, 6), b=Progress(11, 30, 90)) == 100
    assert longest(watchdog, 300, a=Progress(5, 6, 6), b=Progress(25, 40, 90)) == 200


def test_full_hands_excuse_what_cannot_be_read_while_anything_moves() -> None:
    watchdog = Watchdog(FULL)
    watchdog.observe(0, {A: Progress(5, 5, 9), OTHER: Progress(0, FULL, 500)})

    moving = {A: Progress(5, 5, 9), OTHER: Progress(1, FULL + 1, 500)}
    assert {stall.seconds for stall in watchdog.observe(100, moving)} == {0}
    assert {stall.seconds for stall in watchdog.observe(200, moving)} == {100}


class Worker:
    """A healthy worker of one topic: any reading order, one queue, acknowledged in order."""

    def __init__(self) -> None:
        self.end, self.handed, self.done = [0, 0, 0], [0, 0, 0], [0, 0, 0]
        self.queue: deque[int] = deque()

    def produce(self, partition: int) -> None:
        self.end[partition] += 1

    def read(self, partition: int) -> None:
        if self.handed[partition] < self.end[partition]:
            self.handed[partition] += 1
            self.queue.append(partition)

    def handle(self) -> None:
        if self.queue:
            self.done[self.queue.popleft()] += 1

    def progress(self) -> dict[Place, Progress]:
        places = zip(self.done, self.handed, self.end, strict=True)
        return {("essays", number): Progress(*seen) for number, seen in enumerate(places)}


steps = st.lists(st.tuples(st.sampled_from(["produce", "read"]), st.integers(0, 2)), max_size=12)


@given(st.lists(steps, max_size=40))
def test_worker_that_reads_all_and_handles_one_a_minute_is_never_wedged(
    minutes: list[list[tuple[str, int]]],
) -> None:
    worker, watchdog = Worker(), Watchdog(FULL)

    for minute, actions in enumerate(minutes):
        for action, partition in actions:
            getattr(worker, action)(partition)
        for partition in range(3):
            while worker.handed[partition] < worker.end[partition]:
                worker.read(partition)
        worker.handle()
        stalls = watchdog.observe(minute * 60, worker.progress())

        assert all(stall.seconds == 0 for stall in stalls)


@given(st.lists(steps, max_size=40), st.integers(0, 2))
def test_partition_that_is_never_read_is_found_whatever_others_do(
    minutes: list[list[tuple[str, int]]], wedged: int
) -> None:
    worker, watchdog = Worker(), Watchdog(10_000)
    worker.produce(wedged)
    stalls = watchdog.observe(0, worker.progress())

    for minute, actions in enumerate(minutes, start=1):
        for action, partition in actions:
            if (action, partition) != ("read", wedged):
                getattr(worker, action)(partition)
        worker.handle()
        stalls = watchdog.observe(minute * 60, worker.progress())

    found = {stall.partition: stall.seconds for stall in stalls}
    assert found[wedged] == len(minutes) * 60
