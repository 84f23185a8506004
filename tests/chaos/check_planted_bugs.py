"""The harness turns red: each planted bug, with the size and seed of a green gate run.

A run takes a minute or two, so `make test` does not collect this file; `make bugs` does.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.planted import BUGS
from tests.chaos.run import Order, run

# Connections are left open where a bug ends a run early, and the run is what is judged.
pytestmark = pytest.mark.filterwarnings("default")

SEED = 41


async def test_gate_is_green_without_a_bug(tmp_path: Path) -> None:
    report = await run(Order("gate", SEED, tmp_path / "gate"))

    assert report.is_green, "\n".join(report.lines())


@pytest.mark.parametrize("bug", sorted(BUGS))
async def test_planted_bug_is_caught(bug: str, tmp_path: Path) -> None:
    report = await run(Order("gate", SEED, tmp_path / "gate", bug=bug))

    assert BUGS[bug].invariant in report.red, "\n".join(report.lines())
