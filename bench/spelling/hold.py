"""How long the event loop is held while the worst essay is checked.

Measured in processor time of the loop's thread, so that what else runs on the machine, the worker
processes included, does not count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from time import thread_time

from bench.spelling.essays import hopeless_words
from bench.spelling.rows import Row
from huleedu_streams.spelling.pool import build_spell_checker

_TICK_SECONDS = 0.001


def rows(engines: Sequence[str]) -> Iterator[Row]:
    """Yield the longest hold with worker processes and with slices."""
    for processes, way in ((1, "pool"), (0, "slices")):
        measure = f"longest hold of the event loop by such an essay, {way}"
        for engine in engines:
            held = asyncio.run(_longest_hold(engine, processes))
            yield Row(measure, engine, held * 1000, "ms", 1, "<= 50")


async def _longest_hold(engine: str, processes: int) -> float:
    checker = build_spell_checker(["en"], engine=engine, processes=processes)
    await checker.start()
    holds: list[float] = [0.0]
    ticking = asyncio.create_task(_tick(holds))
    try:
        await checker.check(" ".join(hopeless_words(2000)), "en")
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        await checker.close()
    return max(holds)


async def _tick(holds: list[float]) -> None:
    while True:
        start = thread_time()
        await asyncio.sleep(_TICK_SECONDS)
        holds.append(thread_time() - start)
