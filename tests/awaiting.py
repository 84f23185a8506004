"""Waiting for a state that no event tells of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_SECONDS = 5.0


async def eventually(condition: Callable[[], bool]) -> None:
    """Give the loop its turns until `condition` holds; fail after a bound."""
    async with asyncio.timeout(_SECONDS):
        while not condition():  # noqa: ASYNC110 - any state may be asked for, not only events
            await asyncio.sleep(0)
