from __future__ import annotations

import sys

import pytest

from huleedu_streams.embedded.broker import run_in_time
from huleedu_streams.errors import StartupError


def test_step_that_takes_too_long_says_so_without_its_command_line() -> None:
    with pytest.raises(StartupError) as refusal:
        run_in_time([sys.executable, "-c", "input()", "a" * 5_000], 0.01)

    assert str(refusal.value).endswith("this machine is busy; try again")
    assert len(str(refusal.value)) < 100


def test_step_that_ends_in_time_gives_what_it_said() -> None:
    assert run_in_time([sys.executable, "-c", "print('done')"], 60).stdout == "done\n"
