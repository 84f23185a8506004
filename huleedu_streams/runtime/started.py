"""A client of the broker that is started when it is first asked for, once for all who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

_END_SECONDS = 1.0


class Client(Protocol):
    """A consumer, an admin client; each has a word of its own for its end."""

    async def start(self) -> object:
        """Connect to the broker."""
        ...


ClientT = TypeVar("ClientT", bound=Client)
T = TypeVar("T")


class Started(Generic[ClientT]):
    """Starts a client, and again where that failed.

    Whoever asks may give up; the start goes on to its own end: cut off as it connects, aiokafka
    leaves the connection open.
    """

    def __init__(
        self,
        build: Callable[[], ClientT],
        stop: Callable[[ClientT], Awaitable[object]],
    ) -> None:
        self._build = build
        self._stop = stop
        self._starting: asyncio.Future[ClientT] | None = None

    async def get(self) -> ClientT:
        """Return the client once it has started.

        Raises:
            Exception: what its start raises; the next call starts another.
        """
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        starting = self._starting
        try:
            return await asyncio.shield(starting)
        except Exception:
            if self._starting is starting:
                self._starting = None
            raise

    async def _start(self) -> ClientT:
        client = self._build()
        try:
            await client.start()
        except BaseException:
            await self._stop(client)
            raise
        return client

    async def drop(self) -> None:
        """Stop the client if it has started; the next call starts another."""
        starting = self._starting
        if starting is None or not starting.done():
            return
        self._starting = None
        if not starting.cancelled() and starting.exception() is None:
            await self._stop(starting.result())

    async def close(self) -> None:
        """Let a start come to its end, for a moment, and stop what it has started."""
        if self._starting is not None:
            await ended(self._starting)
            await self.drop()


async def ended(starting: asyncio.Future[T]) -> None:
    """Wait a moment for a start, then cut it off."""
    await asyncio.wait([starting], timeout=_END_SECONDS)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
