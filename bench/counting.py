"""The same small work for each loop alone: read a row, write it, send one event about it.

A loop runs in a process of its own over a topic that is full already, and prints how many events
a second it acknowledged, once it has settled.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

TOPIC = "bench.counting"
OUTPUT = "bench.counted"
TABLE = "counting"
HEADERS = (("event_id", b"6f1c2b1e-5d0a-5f0e-9d53-6c1e7a1f4a11"), ("event_type", b"bench.counted"))
KEYS = 10_000
RATE = "events/s, us/event: "

_FIRST_EVENTS = 1_000
_SECONDS = 8.0
_TICK_SECONDS = 0.02


def an_event(number: int) -> tuple[bytes, bytes]:
    """Return key and value of one event, of an essay event's size."""
    key = f"essay-{number % KEYS:08d}".encode()
    return key, orjson.dumps(
        {"event_id": f"{number:032x}", "essay": key.decode(), "pad": "." * 500}
    )


def counted(row: Mapping[str, Any] | None, value: bytes) -> dict[str, Any]:
    """Return the row after one more event."""
    event = orjson.loads(value)
    return {
        "count": (row["count"] if row else 0) + 1,
        "last": event["event_id"],
        "pad": event["pad"],
    }


def an_output(row: Mapping[str, Any]) -> bytes:
    """Return the event that tells of the row."""
    return orjson.dumps(row)


async def report_rate(acknowledged: Callable[[], float]) -> None:
    """Print the rate of a loop, whose count `acknowledged` gives, once it has settled."""
    loop = asyncio.get_running_loop()
    while (first := acknowledged()) < _FIRST_EVENTS:  # noqa: ASYNC110 - a counter is no event
        await asyncio.sleep(_TICK_SECONDS)
    began, used = loop.time(), time.process_time()
    await asyncio.sleep(_SECONDS)
    count = acknowledged() - first
    rate = count / (loop.time() - began)
    micros = 1e6 * (time.process_time() - used) / count
    # Not through `sys.stdout`, which Faust takes for itself.
    os.write(1, f"{RATE}{rate:.1f} {micros:.1f}\n".encode())
