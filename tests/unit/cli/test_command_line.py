from __future__ import annotations

import subprocess
import sys

import pytest

from huleedu_streams.cli import COMMANDS, run


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
