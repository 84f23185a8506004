"""Ctrl-C, SIGTERM and a closed terminal end a command the same way: its `finally` blocks run."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_signal(work: Coroutine[Any, Any, ResultT]) -> ResultT | signal.Signals:
    """Run `work`; return its result, or the signal that cancelled it.

    A signal cancels once: a second one must not interrupt the clearing up.
    """
    return asyncio.run(_run(work))


async def _run(work: Coroutine[Any, Any, ResultT]) -> ResultT | signal.Signals:
    task = asyncio.ensure_future(work)
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if not received:
            task.cancel()
        received.append(number)

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            return received[0]
        raise
