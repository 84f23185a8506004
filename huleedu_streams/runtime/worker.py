"""The Faust worker of this package: checks first, then starts; refuses in one line."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from typing import Any, NoReturn

import faust

from huleedu_streams.errors import StartupError
from huleedu_streams.runtime.logs import configure_logging
from huleedu_streams.runtime.preflight import Preflight

FAUST_DEFAULT_LOG_LEVEL = "WARN"
REFUSED = 2


class StreamsWorker(faust.Worker):
    """Runs a `StreamsApp`. Exit codes: 0 stopped, 1 crashed, 2 refused to start."""

    app: Any

    def execute_from_commandline(self) -> NoReturn:
        """Run until stopped; does not return."""
        self._setup_logging()
        self.spinner = None
        try:
            self.loop.run_until_complete(self._checked())
        except StartupError as refusal:
            sys.stderr.write(f"huleedu-streams: {refusal}\n")
            raise SystemExit(REFUSED) from None
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise SystemExit(0) from None
        super().execute_from_commandline()

    async def _checked(self) -> None:
        """Run the checks; SIGTERM and SIGINT end the wait for a broker with exit 0."""
        checks = asyncio.ensure_future(Preflight(self.app).run())
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                self.loop.add_signal_handler(number, checks.cancel)
        await checks

    def _setup_logging(self) -> None:
        """Replace Faust's logging: its spinner would build every debug record there is."""
        configure_logging(self.app.settings)
        level = str(self.loglevel or FAUST_DEFAULT_LOG_LEVEL).upper()
        if level != FAUST_DEFAULT_LOG_LEVEL:
            logging.getLogger().setLevel(logging.WARNING if level == "WARN" else level)
