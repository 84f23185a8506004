from __future__ import annotations

import logging

from huleedu_streams.runtime.logs import OncePerMinute, WithoutRequestBytes


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


def test_line_of_the_http_server_keeps_only_the_class_of_its_error() -> None:
    error = ValueError("My essay about summer")
    line = a_line("Error handling request from %s", logger="aiohttp.server")
    line.exc_info = (ValueError, error, None)
    line.exc_text = str(error)

    assert WithoutRequestBytes().filter(line)

    assert vars(line)["error"] == "ValueError"
    assert line.getMessage() == "Error handling request from"
    assert vars(line)["exc_info"] is None
    assert vars(line)["exc_text"] is None


def test_lines_of_others_keep_their_tracebacks() -> None:
    line = a_line(logger="aiokafka")
    line.exc_info = (ValueError, ValueError("away"), None)

    assert WithoutRequestBytes().filter(line)

    assert line.getMessage() == "Unable connect to node-1"
    assert line.exc_info is not None
