"""Blocking calls in threads, bounded in time and in number.

A call on a hung network disk cannot be ended. So its caller is let go after a while, the thread is
left behind, and once all threads are, further calls time out in the queue. The threads are daemons:
one that hangs does not keep the process from ending.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

ResultT = TypeVar("ResultT")


class BoundedThreads:
    """A few threads that run what they are given, started as they are needed."""

    def __init__(self, *, most: int, timeout_seconds: float) -> None:
        self._most = most
        self._timeout_seconds = timeout_seconds
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._started = 0

    async def run(self, call: Callable[[], ResultT]) -> ResultT:
        """Return what `call` returns or raise what it raises.

        Raises:
            TimeoutError: it took too long, its wait for a thread included.
        """
        future: Future[ResultT] = Future()
        self._calls.put(partial(_carry_out, future, call))
        if self._started < self._most:
            self._started += 1
            Thread(target=self._serve, daemon=True, name="blocking-call").start()
        async with asyncio.timeout(self._timeout_seconds):
            return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let the threads end, each after its call."""
        for _ in range(self._started):
            self._calls.put(None)
        self._started = 0

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # its result may be large, and the next call far away


def _carry_out(future: Future[ResultT], call: Callable[[], ResultT]) -> None:
    if not future.set_running_or_notify_cancel():
        return  # nobody waits for it any more
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
        future.set_exception(error)
    else:
        future.set_result(result)
