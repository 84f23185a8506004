from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from huleedu_streams.cli import COMMANDS, run
from huleedu_streams.cli.batch import summary


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0

    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_that_holds_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if name != "worker":  # its help is Faust's
        assert run([name, "--help"]) == 0

        assert "Usage" in capsys.readouterr().out


def test_help_of_a_command_does_not_wait_for_faust() -> None:
    code = (
        "import sys\n"
        "from huleedu_streams.cli import run\n"
        "assert run(['check', '--help']) == 0\n"
        "assert 'faust' not in sys.modules\n"
    )

    done = run_python("-c", code)

    assert done.returncode == 0, done.stderr


def test_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nonsense"]) == 2

    assert "nonsense" in capsys.readouterr().err


def test_wrong_setting_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HULEEDU_WEB_PROT", "1")

    assert run(["tables"]) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "did you mean HULEEDU_WEB_PORT" in error


def test_absent_worker_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["batch", "status", "batch-1", "--url", "http://127.0.0.1:9"]) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "huleedu-streams worker" in error


def test_debug_lets_the_traceback_through() -> None:
    arguments = ["--debug", "batch", "status", "batch-1", "--url", "http://127.0.0.1:9"]

    done = run_python("-m", "huleedu_streams", *arguments)

    assert done.returncode == 1  # what Python makes of it
    assert "Traceback" in done.stderr


def test_tables_say_what_they_hold(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HULEEDU_DATA_DIR", str(tmp_path))

    assert run(["tables", "--json"]) == 0

    shown = {table["table"]: table["help"] for table in json.loads(capsys.readouterr().out)}
    assert set(shown) == {"essays", "batches", "batch_members"}
    assert all(shown.values())


@pytest.mark.parametrize(
    ("table", "known"), [("essays", "spellcheck_failed"), ("batches", "FAILED_CRITICALLY")]
)
def test_status_that_no_row_can_have_is_refused_with_the_list(
    capsys: pytest.CaptureFixture[str], table: str, known: str
) -> None:
    assert run(["tables", table, "--status", "nonsense"]) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert known in error


@pytest.mark.parametrize("command", ["status", "watch"])
def test_malformed_batch_id_is_refused_with_the_rule(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run(["batch", command, "bad id"]) == 2

    assert "1 to 128" in capsys.readouterr().err


def test_batch_that_nobody_registered_says_so() -> None:
    state = {"batch_id": "b", "outcome": None, "registered_at": None, "total_essays": 1}

    assert "never completes" in summary(state)
    assert "never completes" not in summary(state | {"registered_at": "2025-05-27T12:00:00Z"})
