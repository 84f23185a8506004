"""Notices that this process stood still for longer than its place in the group lasts.

A machine was suspended, a container paused. As it goes on, its partitions are others', and what it
has in flight would come behind their rows and changes of status: no broker refuses that. So it must
not go on. Not here: how it starts again (`worker.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from threading import Event, Thread

_TICK_SECONDS = 0.25
# The one that also counts while the machine is suspended, where there is one.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Standstill:
    """Ticks in a thread, as heartbeats do: an event loop that is busy is no standstill."""

    def __init__(
        self,
        limit_seconds: float,
        found: Callable[[float], object],
        now: Callable[[], float] = lambda: time.clock_gettime(_CLOCK),
    ) -> None:
        """Take what to do.

        Args:
            limit_seconds: How long it may stand still.
            found: Called with the seconds that it stood still, from whichever notices first.
            now: A clock, in seconds.
        """
        self._limit_seconds = limit_seconds
        self._found = found
        self._now = now
        self._ticked = now()
        self._is_over = Event()  # never

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch from now on, for as long as the process lives."""
        self._ticked = self._now()
        Thread(target=self._tick_on, daemon=True, name="standstill").start()
        self._look_on(loop)

    def tick(self) -> None:
        """Note that the process runs."""
        self.look()
        self._ticked = self._now()

    def look(self) -> None:
        """Find out whether it has just stood still."""
        seconds = self._now() - self._ticked
        if seconds > self._limit_seconds:
            self._found(seconds)

    def _tick_on(self) -> None:
        # Not `time.sleep`: it fails where somebody else tells the time (libfaketime).
        while not self._is_over.wait(_TICK_SECONDS):
            self.tick()

    def _look_on(self, loop: asyncio.AbstractEventLoop) -> None:
        # Timers that are due come before whatever else the loop finds to do as it goes on.
        self.look()
        loop.call_later(_TICK_SECONDS, self._look_on, loop)
