"""The Faust worker of this package: checks, then starts; refuses in one line; ends in time.

A stop has a deadline. Whoever is away then, the broker above all, is not waited for: nothing is
acknowledged before it is done, so an end at any moment loses nothing (docs/decisions/0001).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import faust
import structlog
from yarl import URL

from huleedu_streams.errors import HuleeduStreamsError, StartupError, TableDamagedError, TableError
from huleedu_streams.runtime.connections import mend_connections
from huleedu_streams.runtime.logs import configure_logging, set_level
from huleedu_streams.runtime.memory import give_back_large_blocks
from huleedu_streams.runtime.preflight import Peers, Preflight
from huleedu_streams.runtime.standstill import Standstill
from huleedu_streams.settings import Role

log = structlog.get_logger(__name__)

FAUST_DEFAULT_LOG_LEVEL = "WARN"
REFUSED = 2
# In the environment of a worker that started itself again.
_STARTED_AGAIN = "_HULEEDU_STREAMS_STARTED_AGAIN"
_SIGNALS_SECONDS = 0.05
_STOPS = (signal.SIGTERM, signal.SIGINT)
# A million rows; the worker waits for its new start as long.
_READ_SECONDS = 5.0


class StreamsWorker(faust.Worker):
    """Runs a `StreamsApp`. Exit codes: 0 stopped, 1 crashed, 2 refused to start."""

    app: Any
    _deadline: threading.Timer | None = None
    _renewal: TableError | None = None
    _renewing: asyncio.Task[None] | None = None
    _refusal: StartupError | None = None

    def execute_from_commandline(self) -> NoReturn:
        """Run until stopped; does not return."""
        give_back_large_blocks()
        standstill = Standstill(self.app.unnoticed_seconds, self._stood_still)
        mend_connections(standstill.look)
        self._setup_logging()
        self.spinner = None
        try:
            self.loop.run_until_complete(self._checked())
        except HuleeduStreamsError as refusal:
            _end_refused(refusal)
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise SystemExit(0) from None
        log.info("worker_starting", **self.app.description)
        self.app.renew, self.app.refuse = self._renew, self._refuse
        if self.app.settings.has_agents:
            standstill.start(self.loop)
        try:
            super().execute_from_commandline()
        finally:
            self.app.close_tables()
            self._end_otherwise()

    async def stop(self) -> None:
        """Stop in time, whatever does not answer."""
        seconds = self.app.settings.stop_timeout_seconds
        if self._deadline is None:
            # A thread: the loop may be what hangs.
            self._deadline = threading.Timer(seconds, self._end, [seconds])
            self._deadline.daemon = True
            self._deadline.start()
        await super().stop()

    def _renew(self, reason: TableError) -> None:
        """Stop, and start this very command again; its tables are then recovered."""
        if self._signal_stop_time or self._renewal is not None:
            return
        log.warning("worker_starts_again", code=reason.code, detail=str(reason))
        self._renewal = reason
        read_seconds = _READ_SECONDS if isinstance(reason, TableDamagedError) else 0.0
        self._renewing = self.loop.create_task(self._stop_to_renew(read_seconds))

    async def _stop_to_renew(self, read_seconds: float) -> None:
        """Stop, after a look at all tables: damage seldom comes alone, one start mends all."""
        try:
            async with asyncio.timeout(read_seconds):
                for _ in self.app.read_through():
                    await asyncio.sleep(0)
                    if self._signal_stop_time or self.should_stop:
                        break
        except TimeoutError:
            pass  # what was not read is found when it is
        finally:
            if not self._signal_stop_time:
                super()._schedule_shutdown(signal.SIGTERM)

    def _refuse(self, reason: StartupError) -> None:
        """Stop as one that should not have started."""
        if not self._signal_stop_time:
            super()._schedule_shutdown(signal.SIGTERM)
            self._refusal = reason

    def _end_otherwise(self) -> None:
        """End in another way than by exit code 0 or 1, where there is reason to."""
        if self._refusal is not None:
            _end_refused(self._refusal)
        if self._renewal is not None:
            self._start_again()

    def _stood_still(self, seconds: float) -> None:
        """Start again with nothing sent of what is in flight: others have it by now."""
        log.warning("worker_stood_still", seconds=round(seconds, 1))
        self._end_at_signals()
        # A signal that came meanwhile is taken first.
        self.loop.call_later(_SIGNALS_SECONDS, self._go_on_as_nobody)

    def _go_on_as_nobody(self) -> NoReturn:
        logging.shutdown()
        if not self._signal_stop_time or self._renewal is not None:
            self._start_again()
        os._exit(self._exit_code)

    def _end_at_signals(self) -> None:
        """Have SIGTERM and SIGINT end the process by themselves: no event loop hears of them now.

        All that is in flight is given up anyway.
        """
        with contextlib.suppress(ValueError):  # in the deadline's thread there is no such thing
            for number in _STOPS:
                signal.signal(number, lambda *_args: os._exit(0))

    def _start_again(self) -> NoReturn:
        """Run this very command anew: locks, sockets and files close; the process id stays."""
        self._end_at_signals()
        self.app.end_children()  # or the new one would never learn that they ended
        # What is told between two programs waits for the new one.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        try:
            os.execve(  # noqa: S606 - our own command
                sys.executable,
                [sys.executable, *sys.orig_argv[1:]],
                {**os.environ, _STARTED_AGAIN: "yes"},
            )
        except OSError as error:
            sys.stderr.write(f"huleedu-streams: cannot start again: {error}; start it by hand\n")
            os._exit(1)

    def _on_sigint(self) -> None:
        """Stop as on SIGTERM; Faust would print a line of its own."""
        self._flag_as_shutdown_by_signal()
        self._schedule_shutdown(signal.SIGINT)

    def _schedule_shutdown(self, signal: signal.Signals) -> None:
        self._renewal = None  # somebody wants it to end
        if not self._signal_stop_time:
            log.info("worker_stopping", signal=signal.name)
        super()._schedule_shutdown(signal)

    def _on_shutdown_immediately(self) -> None:
        """Print nothing; Faust would end the line of a spinner that is not there."""

    def _end(self, seconds: float) -> None:
        log.warning(
            "stop_cut_short",
            seconds=seconds,
            detail="the broker or another peer does not answer; nothing is lost",
        )
        logging.shutdown()
        with contextlib.suppress(SystemExit):
            self._end_otherwise()
        os._exit(self._exit_code)

    @property
    def _exit_code(self) -> int:
        if self._refusal is not None:
            return REFUSED
        has_crashed = self.crash_reason is not None or self.app.crash_reason is not None
        return 1 if has_crashed else 0

    async def _checked(self) -> None:
        """Run the checks; SIGTERM and SIGINT end the wait for a broker with exit 0."""
        checks = asyncio.ensure_future(self._prepare())

        def stop(number: signal.Signals) -> None:
            # Until Faust has its own handlers a signal may also come after the checks.
            if not checks.cancel():
                self._schedule_shutdown(number)

        for number in _STOPS:
            with contextlib.suppress(NotImplementedError):
                self.loop.add_signal_handler(number, stop, number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        await checks

    async def _prepare(self) -> None:
        await self._preflight().run()
        await self.app.open()

    def _preflight(self) -> Preflight:
        # Faust's command line may have changed port and folder after the app was made.
        conf, settings = self.app.conf, self.app.settings
        return Preflight(
            folder=Path(conf.datadir),
            host=conf.web_bind,
            port=int(conf.web_port),
            bootstrap=settings.bootstrap_servers if settings.needs_kafka else None,
            topics=self.app.required_topics,
            # One that has run already waits for its broker as it did while it ran: for ever.
            wait_seconds=0 if _STARTED_AGAIN in os.environ else settings.broker_wait_seconds,
            peers=self._peers() if settings.has_agents else None,
            free_bytes=settings.disk_free_min_bytes if self.app.tables else 0,
        )

    def _peers(self) -> Peers:
        conf, has_views = self.app.conf, Role.LIFECYCLE in self.app.settings.roles
        web_host = URL(str(conf.canonical_url)).host or ""
        return Peers(conf.id, conf.broker_client_id, web_host if has_views else None)

    def _setup_logging(self) -> None:
        """Replace Faust's logging: its spinner would build every debug record there is."""
        configure_logging(self.app.settings)
        level = str(self.loglevel or FAUST_DEFAULT_LOG_LEVEL).upper()
        if level != FAUST_DEFAULT_LOG_LEVEL:
            chosen = {"WARN": "WARNING", "CRIT": "CRITICAL"}.get(level, level)
            logging.getLogger().setLevel(chosen)
            set_level(chosen)


def _end_refused(refusal: HuleeduStreamsError) -> NoReturn:
    sys.stderr.write(f"huleedu-streams: {refusal}\n")
    raise SystemExit(REFUSED) from None
