"""How long a killed worker's essays cannot be asked for: another worker takes their partitions."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bench.kafka import StalledError, a_kafka, produce
from bench.recovery import essay_rows
from bench.subjects import Worker
from huleedu_streams.cli.client import WorkerClient, open_client
from huleedu_streams.errors import HuleeduStreamsError

# So many that each partition has some.
_ASKED = 60
_POLL_SECONDS = 0.1
_LATE_SECONDS = 300.0


async def failover_seconds(folder: Path, count: int) -> float:
    """Return the seconds from a worker's SIGKILL until the other one answers for every essay."""
    rows = list(essay_rows(count))
    asked = [row.key for row in rows[:: max(1, count // _ASKED)]]
    async with a_kafka(folder / "kafka") as bootstrap:
        await asyncio.to_thread(produce, bootstrap, rows)
        content = folder / "content"
        mortal, heir = [Worker(folder / name, bootstrap, content) for name in ("mortal", "heir")]
        try:
            await mortal.start()
            await heir.start()
            async with open_client(heir.url) as client:
                await _until_all_answer(client, asked)
                mortal.kill()
                began = time.monotonic()
                await _until_all_answer(client, asked)
                return time.monotonic() - began
        finally:
            for worker in (mortal, heir):
                await asyncio.to_thread(worker.end)


async def _until_all_answer(client: WorkerClient, essay_ids: list[str]) -> None:
    """Return once the state of each essay is told.

    Raises:
        StalledError: it takes minutes.
    """
    try:
        async with asyncio.timeout(_LATE_SECONDS):
            for essay_id in essay_ids:
                while not await _is_told(client, essay_id):  # noqa: ASYNC110 - it is asked
                    await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise StalledError(f"no answer in {_LATE_SECONDS:g} s") from None


async def _is_told(client: WorkerClient, essay_id: str) -> bool:
    try:
        found = await client.get(f"/v1/essays/{essay_id}/status")
    except HuleeduStreamsError:
        return False
    return bool(found["essay_id"] == essay_id)
