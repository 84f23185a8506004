"""What is checked before a worker starts. Each refusal is one line that says what to do."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from huleedu_streams.errors import BrokerUnavailableError, StartupError, TopicError
from huleedu_streams.topics.bootstrap import verify, wait_for_broker

if TYPE_CHECKING:
    from huleedu_streams.runtime.streams_app import StreamsApp

log = structlog.get_logger(__name__)
# Held until the process ends: closing the file would give the folder away.
_held_locks: list[int] = []


class Preflight:
    """The checks of one worker, in the order in which they are cheap."""

    def __init__(self, app: StreamsApp) -> None:
        self._app = app
        self._settings = app.settings

    async def run(self) -> None:
        """Return once the worker may start.

        Raises:
            StartupError: it must not; the message says what to do.
        """
        hold_folder(Path(self._app.conf.datadir))
        check_port_is_free(self._app.conf.web_bind, int(self._app.conf.web_port))
        if self._settings.needs_kafka:
            await self._check_kafka()

    async def _check_kafka(self) -> None:
        servers = self._settings.bootstrap_servers
        try:
            await wait_for_broker(servers, self._settings.broker_wait_seconds, _report_retry)
            await verify(servers, self._app.required_topics)
        except BrokerUnavailableError as error:
            raise StartupError(f"{error}; start it, or set HULEEDU_BROKER_URL") from error
        except TopicError as error:
            raise StartupError(str(error)) from error


def hold_folder(folder: Path) -> None:
    """Lock `folder` for this process, making it if it is absent.

    Raises:
        StartupError: it cannot be made, or another worker has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "worker.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StartupError(
            f"cannot use the data folder {folder}: {error.strerror}; set HULEEDU_DATA_DIR"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StartupError(
            f"another worker uses the data folder {folder}; give each worker its own by "
            "HULEEDU_DATA_DIR"
        ) from error
    _held_locks.append(descriptor)


def check_port_is_free(host: str, port: int) -> None:
    """Bind `port` for a moment.

    Raises:
        StartupError: somebody listens there, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartupError(
                    f"port {port} on {host} is in use; choose another by --web-port"
                ) from error
            raise StartupError(
                f"cannot listen on {host}:{port}: {error.strerror}; set HULEEDU_WEB_BIND"
            ) from error


def _report_retry(message: str) -> None:
    log.warning("waiting_for_broker", detail=message)
