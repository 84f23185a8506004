"""Notices that this process stood still for longer than its place in the group lasts.

A machine was suspended, a container paused. As it goes on, its partitions are others', and what it
has in flight would come behind their rows and changes of status: no broker refuses that. So every
request to the broker asks here first, and none is sent any more. Not here: how the process starts
again (`worker.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from threading import Lock

from aiokafka.errors import KafkaConnectionError

_TICK_SECONDS = 0.25
# The one that also counts while the machine is suspended, where there is one.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Standstill:
    """Ticks with the event loop and with each request: a loop that is busy is no standstill."""

    def __init__(
        self,
        limit_seconds: float,
        found: Callable[[float], object],
        now: Callable[[], float] = lambda: time.clock_gettime(_CLOCK),
    ) -> None:
        """Take what to do.

        Args:
            limit_seconds: How long it may stand still.
            found: Called in the loop, once, with the seconds that it stood still.
            now: A clock, in seconds.
        """
        self._limit_seconds = limit_seconds
        self._found = found
        self._now = now
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticked = 0.0
        self._is_over = False
        self._looking = Lock()  # the consumer has a thread of its own

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch from now on, for as long as the process lives."""
        self._loop, self._ticked = loop, self._now()
        self._tick_on(loop)

    def look(self) -> None:
        """Note that the process runs; called before whatever must not be done too late.

        Raises:
            KafkaConnectionError: it stood still; it is about to start again.
        """
        with self._looking:
            if self._loop is None:
                return
            ticked, self._ticked = self._ticked, self._now()
            seconds = self._ticked - ticked
            if seconds > self._limit_seconds and not self._is_over:
                self._is_over = True
                self._loop.call_soon_threadsafe(self._found, seconds)
        if self._is_over:
            raise KafkaConnectionError("this process stood still, others have its partitions")

    def _tick_on(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self.look()
        except KafkaConnectionError:
            return  # `found` goes on
        loop.call_later(_TICK_SECONDS, self._tick_on, loop)
