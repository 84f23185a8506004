"""What agents wait for: a thing outside that may be down, and what is told of the wait."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from time import monotonic

import structlog

from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import Clock, Outage

log = structlog.get_logger(__name__)

INSIST_SECONDS = 20.0

# Two may have bad texts at once, so many hardly.
_SHARED_BY, _SURELY_SHARED_BY = 2, 8


class Dependency:
    """A thing outside that may be down: one poller for all who wait for it."""

    def __init__(
        self,
        name: str,
        is_healthy: Callable[[], Awaitable[bool]],
        clock: Clock,
        metrics: Metrics,
        *,
        poll_seconds: float,
    ) -> None:
        self.name = name
        self.is_healthy = is_healthy
        self._clock = clock
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        self._return: asyncio.Task[None] | None = None
        self._since: datetime | None = None
        self._tries = 0
        # Events that fail at it now, and events that it has served.
        self.failing = 0
        self.served = 0
        metrics.prime_dependency(name)

    @property
    def outage(self) -> Outage | None:
        """The wait for it, if somebody waits now."""
        return None if self._since is None else Outage(self.name, self._since, self._tries)

    async def wait_until_healthy(self) -> None:
        """Return once it answers again, however long that takes."""
        if self._return is None or self._return.done():
            self._return = asyncio.create_task(self._poll())
        with self._metrics.waiting_for(self.name):
            # Shielded: one event that is abandoned must not end the wait of the others.
            await asyncio.shield(self._return)

    async def _poll(self) -> None:
        log.warning("dependency_down", dependency=self.name, retry_seconds=self._poll_seconds)
        self._since, self._tries = self._clock.now(), 1
        try:
            while not await self.is_healthy():
                # Jitter: the workers of a cluster must not come back all at one instant.
                await asyncio.sleep(self._poll_seconds * random.uniform(0.5, 1.0))  # noqa: S311
                self._tries += 1
        finally:
            self._since = None
        log.info("dependency_back", dependency=self.name)

    async def close(self) -> None:
        """Stop polling."""
        if self._return is not None:
            self._return.cancel()
            await asyncio.gather(self._return, return_exceptions=True)


class Trouble:
    """What one event has been through at a dependency that calls itself healthy.

    A store that answers its probe and cuts off every text is in trouble as a whole, which says
    nothing about the text. It shows where several events fail at once and none is served.
    """

    def __init__(self, dependency: Dependency) -> None:
        self._dependency = dependency
        self._is_on = False
        self._began = monotonic()
        self._served = 0

    def failed(self) -> None:
        """Note a failure; the first of a row counts."""
        if not self._is_on:
            self._is_on, self._served = True, self._dependency.served
            self._dependency.failing += 1

    def ended(self) -> None:
        """Note that the row is over."""
        self._began = monotonic()
        if self._is_on:
            self._is_on = False
            self._dependency.failing -= 1

    @property
    def is_shared(self) -> bool:
        """Whether others fail too and nobody is served; of few it is believed for 20 s."""
        if not self._is_on or self._dependency.served != self._served:
            return False
        others = _SURELY_SHARED_BY if self.is_long else _SHARED_BY
        return self._dependency.failing >= others

    @property
    def is_long(self) -> bool:
        """Whether it has lasted as long as one event may hold up those behind it."""
        return monotonic() >= self._began + INSIST_SECONDS
