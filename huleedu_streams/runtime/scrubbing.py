"""Reads the worker's tables through, now and then, so that damage is found before it is needed.

Not here: what is done about damage (`tables/guard.py`).
"""

from __future__ import annotations

import asyncio

import structlog

from huleedu_streams.runtime.streams_app import StreamsApp

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 0.02


class Scrub:
    """One round over all databases of a worker at a time, in short steps on the event loop."""

    def __init__(self, app: StreamsApp, *, interval_seconds: float) -> None:
        """Take the worker.

        Args:
            app: Its tables are known.
            interval_seconds: From the end of a round to the next; 0 = never.
        """
        self._app = app
        self._interval_seconds = interval_seconds

    def start(self) -> None:
        """Have the app read from now on; to be called before it starts."""
        if self._interval_seconds and self._app.tables:
            self._app.timer(interval=self._interval_seconds)(self.round)

    async def round(self) -> None:
        """Read every database through that is open now."""
        for _ in self._app.read_through():
            await asyncio.sleep(_PAUSE_SECONDS)
            if self._app.should_stop:
                return
        log.debug("tables_read_through")
