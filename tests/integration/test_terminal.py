"""The commands against a real Kafka and a real worker, as a newcomer types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from huleedu_streams.embedded.probe import free_port

pytestmark = pytest.mark.kafka

_TIMEOUT_SECONDS = 120


class Terminal:
    """A folder and the settings in which commands are run."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HULEEDU_")}
        self.environment = kept | dict(settings or {})

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, expected: int = 0) -> str:
        with self.start(*command) as running:
            out, error = running.communicate(timeout=_TIMEOUT_SECONDS)
        assert running.returncode == expected, error
        return out

    def huleedu(self, *arguments: str, expected: int = 0) -> str:
        return self.run("huleedu_streams", *arguments, expected=expected)

    def json(self, *arguments: str, expected: int = 0) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.huleedu(*arguments, "--json", expected=expected))


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal beside a Kafka and a worker that `up` left running."""
    settings = {
        "HULEEDU_BROKER_URL": f"kafka://127.0.0.1:{free_port()}",
        "HULEEDU_WEB_PORT": str(free_port()),
    }
    terminal = Terminal(tmp_path_factory.mktemp("terminal"), settings)
    try:
        terminal.huleedu("up")
        yield terminal
    finally:
        stopped = terminal.json("down")
    assert stopped == {"worker": True, "broker": True}


@pytest.fixture
def essay(tmp_path: Path) -> Path:
    path = tmp_path / "essay.txt"
    path.write_text("My freind has a dog becuase she likes dogs.\n", "utf-8")
    return path


def test_second_up_leaves_everything_as_it_is(terminal: Terminal) -> None:
    first, second = terminal.json("up"), terminal.json("up")

    assert first == second
    assert second["topics_created"] == 0


def test_submitted_essay_is_seen_by_every_command(terminal: Terminal, essay: Path) -> None:
    submitted = terminal.json("submit", str(essay), "--wait")

    batch_id, (row,) = submitted["batch_id"], submitted["essays"]
    assert (row["status"], row["corrections_made"]) == ("spellchecked_success", 2)
    batch = terminal.json("batch", "watch", batch_id, "--timeout", "30")
    assert batch["outcome"] == "COMPLETED_SUCCESSFULLY"
    (stored,) = terminal.json("tables", "essays", "--key", row["essay_id"])
    assert (stored["current_status"], stored["batch_id"]) == ("spellchecked_success", batch_id)
    (counted,) = terminal.json("tables", "batches", "--key", batch_id)
    assert counted["expected_essay_count"] == 1
    (member,) = terminal.json("tables", "batch_members", "--key", batch_id)
    assert member["key"] == f"{batch_id}/{row['essay_id']}"


def test_batch_of_too_many_essays_is_refused_before_anything_is_sent(
    terminal: Terminal, essay: Path
) -> None:
    other = essay.with_name("other.txt")
    other.write_text("Another essay.", "utf-8")
    narrow = Terminal(terminal.folder, {"HULEEDU_BATCH_MAX_ESSAYS": "1"})
    narrow.environment |= terminal.environment

    with narrow.start("huleedu_streams", "submit", str(essay), str(other)) as running:
        _, error = running.communicate(timeout=_TIMEOUT_SECONDS)

    assert running.returncode == 2
    assert error == "huleedu-streams: a batch has 1 essays at most; hand in fewer at once\n"


def test_faust_shows_the_rows_beside_the_live_worker(terminal: Terminal, essay: Path) -> None:
    (row,) = terminal.json("submit", str(essay), "--wait")["essays"]

    listed = terminal.run("faust", "-A", "huleedu_streams.app", "tables")
    shown = terminal.run("faust", "-A", "huleedu_streams.app", "tables", "essays")

    assert all(name in listed for name in ("essays", "batches", "batch_members"))
    assert row["essay_id"] in shown


def test_same_file_in_the_same_batch_is_a_new_attempt(terminal: Terminal, essay: Path) -> None:
    arguments = ("submit", str(essay), "--batch", "batch-of-attempts", "--wait")
    terminal.json(*arguments)

    (row,) = terminal.json(*arguments)["essays"]

    (stored,) = terminal.json("tables", "essays", "--key", row["essay_id"])
    assert stored["attempt"] == 2


def test_results_that_do_not_come_in_time_are_exit_1(terminal: Terminal, essay: Path) -> None:
    submitted = terminal.json("submit", str(essay), "--wait", "--timeout", "0", expected=1)

    assert submitted["essays"][0]["status"] is None


def test_language_that_is_not_served_is_exit_1(terminal: Terminal, essay: Path) -> None:
    arguments = ("submit", str(essay), "--language", "xx", "--wait")

    (row,) = terminal.json(*arguments, expected=1)["essays"]

    assert row["status"] == "spellcheck_failed"


def test_second_worker_is_refused_in_one_line(terminal: Terminal) -> None:
    with terminal.start("huleedu_streams", "worker") as running:
        _, error = running.communicate(timeout=_TIMEOUT_SECONDS)

    assert running.returncode == 2
    assert "Traceback" not in error
    assert "another worker uses the data folder" in error


def test_demo_ends_well_twice_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, {"TMPDIR": str(tmp_path)})

    both = [terminal.start("huleedu_streams", "demo", "--json") for _ in range(2)]
    answers = [running.communicate(timeout=_TIMEOUT_SECONDS) for running in both]

    assert [running.returncode for running in both] == [0, 0], [error for _, error in answers]
    for out, _ in answers:
        result = json.loads(out)
        assert result["faults"] == []
        assert result["batch"]["outcome"] == "COMPLETED_WITH_FAILURES"
    assert processes_of(tmp_path) == []
    assert list(tmp_path.glob("huleedu-demo-*")) == []


@pytest.mark.parametrize(
    ("awaited", "number"), [("kafka", signal.SIGINT), ("worker", signal.SIGTERM)]
)
def test_interrupted_demo_leaves_nothing(
    tmp_path: Path, awaited: str, number: signal.Signals
) -> None:
    terminal = Terminal(tmp_path, {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"})

    with terminal.start("huleedu_streams", "demo") as running:
        assert running.stdout is not None
        assert any(line.startswith(awaited) for line in running.stdout)
        running.send_signal(number)
        running.communicate(timeout=_TIMEOUT_SECONDS)

    assert running.returncode == 128 + number
    assert processes_of(tmp_path) == []
    assert list(tmp_path.glob("huleedu-demo-*")) == []


def processes_of(folder: Path) -> list[int]:
    """Return the live processes that work in `folder` or name it."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline", "status"]):
        places = [process.info["cwd"] or "", *(process.info["cmdline"] or [])]
        is_here = any(str(folder) in place for place in places)
        if is_here and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found
