from __future__ import annotations

import asyncio
import os
import signal

import pytest

from huleedu_streams.cli.signals import run_until_signal


def test_result_is_returned_when_no_signal_comes() -> None:
    async def work() -> int:
        return 7

    assert run_until_signal(work()) == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_unwinds_the_work_and_is_returned(number: signal.Signals) -> None:
    steps: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), number)  # a second one does not interrupt the clearing up
            await asyncio.to_thread(steps.append, "cleared up")

    assert run_until_signal(work()) is number
    assert steps == ["cleared up"]
