"""What an essay costs beside a million others, and in a batch of thousands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.kafka import a_kafka, produce
from bench.load import BATCH_ESSAYS, stored_texts
from bench.measuring import Throughput, throughput
from bench.recovery import essay_rows
from bench.report import Aim, Figure
from bench.subjects import Worker

LARGE_BATCH = 5_000
_WARM_UP_ESSAYS = 300
_MIB = 1024 * 1024
_AIM = Aim(1.3, is_most=True, is_ratio=True)


async def growth(folder: Path, rows: int, report: Callable[[str], None]) -> list[Figure]:
    """Measure the same essays in an empty table, beside `rows` others, and in one batch."""
    content = folder / "content"
    text_ids = await stored_texts(content, _WARM_UP_ESSAYS + LARGE_BATCH)
    found: list[Throughput] = []
    for name, others, batch_essays in (
        ("alone", 0, BATCH_ESSAYS),
        ("beside", rows, BATCH_ESSAYS),
        ("one batch", 0, LARGE_BATCH),
    ):
        measured = await _measured(folder / name, content, text_ids, others, batch_essays)
        report(f"essays {name}: {measured}")
        found.append(measured)
    alone, beside, together = found
    small = f"batches of {BATCH_ESSAYS}, empty tables"
    return [
        _cost(f"an essay beside {rows:,}", beside, alone, small),
        Figure(
            f"memory beside {rows:,} essays",
            "MiB",
            beside.resident_bytes / _MIB,
            alone.resident_bytes / _MIB,
            small,
            _AIM,
        ),
        _cost(f"an essay in a batch of {LARGE_BATCH:,}", together, alone, small),
    ]


def _cost(name: str, found: Throughput, peer: Throughput, against: str) -> Figure:
    return Figure(name, "ms/essay", found.cpu_ms_per_essay, peer.cpu_ms_per_essay, against, _AIM)


async def _measured(
    folder: Path, content: Path, text_ids: Sequence[str], others: int, batch_essays: int
) -> Throughput:
    async with a_kafka(folder / "kafka") as bootstrap:
        await asyncio.to_thread(produce, bootstrap, essay_rows(others))
        worker = Worker(folder / "worker", bootstrap, content)
        try:
            await worker.start()
            return await throughput(bootstrap, worker, text_ids, _WARM_UP_ESSAYS, batch_essays)
        finally:
            await asyncio.to_thread(worker.end)
