from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from huleedu_streams.runtime.logs import _CHATTY, configure_logging, set_level
from huleedu_streams.settings import LogFormat, Settings


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave both libraries as they were."""
    root = logging.getLogger()
    before = structlog.get_config(), root.level, root.handlers[:]
    levels = {name: logging.getLogger(name).level for name in (*_CHATTY, "aiokafka.producer")}
    yield
    structlog.configure(**before[0])
    root.setLevel(before[1])
    root.handlers[:] = before[2]
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def configured(level: str = "INFO") -> None:
    configure_logging(Settings(log_format=LogFormat.JSON, log_level=level, _env_file=None))


def test_our_lines_and_those_of_libraries_look_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configured()

    structlog.get_logger("huleedu_streams.agents").warning("essay_lost", essay_id="e-1")
    logging.getLogger("aiokafka").warning("node %s", "n-1", extra={"tries": 2})

    ours, theirs = lines(capsys)
    assert ours | {"timestamp": ""} == {
        "event": "essay_lost",
        "essay_id": "e-1",
        "logger": "huleedu_streams.agents",
        "level": "warning",
        "timestamp": "",
    }
    assert theirs | {"timestamp": ""} == {
        "event": "node n-1",
        "tries": 2,
        "logger": "aiokafka",
        "level": "warning",
        "timestamp": "",
    }


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configured("WARNING")
    log = structlog.get_logger("huleedu_streams.agents")
    log.info("unheard")
    log.warning("heard")

    assert [line["event"] for line in lines(capsys)] == ["heard"]


def test_level_of_our_lines_can_be_changed_before_the_first_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configured("WARNING")
    set_level("DEBUG")

    structlog.get_logger("huleedu_streams.agents").debug("heard")

    assert [line["event"] for line in lines(capsys)] == ["heard"]


def test_exception_and_what_json_has_no_word_for_are_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configured()
    log = structlog.get_logger("huleedu_streams.agents")
    try:
        int("x")
    except ValueError:
        log.exception("failed", counts={1: 2}, kinds={"a"})

    (line,) = lines(capsys)
    assert "ValueError" in str(line["exception"])
    assert line["counts"] == {"1": 2}
