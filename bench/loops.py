"""The loops alone, one after the other, over one topic that is full already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from bench import loop_first, loop_ours
from bench.counting import OUTPUT, RATE, TABLE, TOPIC, an_event
from bench.kafka import a_kafka, add_topics, produce
from bench.subjects import Peer
from huleedu_streams.contracts.codec import OutgoingEvent

# Which module runs it, and how many events it needs at the most.
LOOPS: Mapping[str, str] = MappingProxyType(
    {
        "first": "bench.loop_first",
        "ours": "bench.loop_ours",
        "handwritten": "bench.loop_handwritten",
    }
)
_EVENTS = 200_000


class LoopRate(NamedTuple):
    """How fast one loop was, and what one event cost its process."""

    events_per_second: float
    cpu_us_per_event: float


async def loop_rates(
    folder: Path, rounds: int, names: Sequence[str], report: Callable[[str], None]
) -> dict[str, list[LoopRate]]:
    """Return the events a second of each loop, a figure a round."""
    rates: dict[str, list[LoopRate]] = {name: [] for name in names}
    changelogs = [f"{app}-{TABLE}-changelog" for app in (loop_first.APP_ID, loop_ours.APP_ID)]
    for number in range(rounds):
        async with a_kafka(folder / f"kafka-{number}") as bootstrap:
            await add_topics(bootstrap, TOPIC, OUTPUT, *changelogs)
            await asyncio.to_thread(produce, bootstrap, _events())
            for name in names:
                rate = await _rate(folder / f"{name}-{number}", LOOPS[name], bootstrap)
                report(f"loop {name}: {rate}")
                rates[name].append(rate)
    return rates


async def _rate(folder: Path, module: str, bootstrap: str) -> LoopRate:
    peer = Peer(folder, module, bootstrap, str(folder / "state"))
    peer.spawn()
    try:
        while not (line := await peer.line()).startswith(RATE):
            continue
        rate, micros = map(float, line.removeprefix(RATE).split())
        return LoopRate(rate, micros)
    finally:
        await asyncio.to_thread(peer.end)


def _events() -> list[OutgoingEvent]:
    events = (an_event(number) for number in range(_EVENTS))
    return [OutgoingEvent(TOPIC, key.decode(), value, ()) for key, value in events]
