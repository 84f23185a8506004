"""The Faust worker of this package: checks first, then starts; refuses in one line."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import faust
import structlog

from huleedu_streams.errors import StartupError
from huleedu_streams.runtime.logs import configure_logging
from huleedu_streams.runtime.preflight import Preflight

log = structlog.get_logger(__name__)

FAUST_DEFAULT_LOG_LEVEL = "WARN"
REFUSED = 2


class StreamsWorker(faust.Worker):
    """Runs a `StreamsApp`. Exit codes: 0 stopped, 1 crashed, 2 refused to start."""

    app: Any

    def execute_from_commandline(self) -> NoReturn:
        """Run until stopped; does not return."""
        self._setup_logging()
        self.spinner = None
        log.info("worker_starting", **self.app.description)
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
        checks = asyncio.ensure_future(self._preflight().run())
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                self.loop.add_signal_handler(number, checks.cancel)
        await checks

    def _preflight(self) -> Preflight:
        # Faust's command line may have changed port and folder after the app was made.
        conf, settings = self.app.conf, self.app.settings
        return Preflight(
            folder=Path(conf.datadir),
            host=conf.web_bind,
            port=int(conf.web_port),
            bootstrap=settings.bootstrap_servers if settings.needs_kafka else None,
            topics=self.app.required_topics,
            wait_seconds=settings.broker_wait_seconds,
        )

    def _setup_logging(self) -> None:
        """Replace Faust's logging: its spinner would build every debug record there is."""
        configure_logging(self.app.settings)
        level = str(self.loglevel or FAUST_DEFAULT_LOG_LEVEL).upper()
        if level != FAUST_DEFAULT_LOG_LEVEL:
            logging.getLogger().setLevel(logging.WARNING if level == "WARN" else level)
