from __future__ import annotations

import asyncio
from pathlib import Path

from structlog.testing import capture_logs

from huleedu_streams.runtime.preflight import wait_for_space

EXABYTES = 2**62


async def test_start_with_space_enough_waits_for_nothing(tmp_path: Path) -> None:
    with capture_logs() as logs:
        await wait_for_space(tmp_path, 1)

    assert logs == []


async def test_start_without_space_says_so_once_and_waits(tmp_path: Path) -> None:
    with capture_logs() as logs:
        waiting = asyncio.create_task(wait_for_space(tmp_path, EXABYTES, poll_seconds=0))
        for _ in range(100):
            await asyncio.sleep(0)

    assert not waiting.done()
    assert [entry["event"] for entry in logs] == ["waiting_for_space"]
    waiting.cancel()
