from __future__ import annotations

import logging

from huleedu_streams.runtime.logs import OncePerMinute


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def a_line(text: str = "Unable connect to %s", logger: str = "aiokafka") -> logging.LogRecord:
    return logging.LogRecord(logger, logging.ERROR, "file.py", 1, text, ("node-1",), None)


def test_library_says_the_same_once_a_minute() -> None:
    clock = Clock()
    once = OncePerMinute(clock)

    passed = [once.filter(a_line()) for _ in range(3)]
    clock.seconds = 61
    later = a_line()

    assert passed == [True, False, False]
    assert once.filter(later)
    assert vars(later)["repeated"] == 2


def test_other_lines_of_the_library_pass() -> None:
    once = OncePerMinute(Clock())

    lines = [a_line(), a_line("lost %s"), a_line(logger="aiokafka.consumer")]

    assert [once.filter(line) for line in lines] == [True, True, True]


def test_our_own_lines_pass_as_often_as_they_come() -> None:
    once = OncePerMinute(Clock())

    assert all(once.filter(a_line(logger="huleedu_streams.agents.delivery")) for _ in range(3))


def test_memory_of_what_was_said_is_bounded() -> None:
    once = OncePerMinute(Clock())

    assert all(once.filter(a_line(f"record {number} %s")) for number in range(3_000))
    assert len(vars(once)["_said"]) <= 1_000
