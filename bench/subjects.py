"""What is measured: a worker as its users start it, and its peers, each a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from huleedu_streams.cli.client import open_client
from huleedu_streams.cli.stack import last_line, start_child
from huleedu_streams.embedded.probe import free_port

_READY_SECONDS = 60.0
# A worker may have a table to rebuild first.
_RECOVERED_SECONDS = 300.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Use:
    """What a process and its children have used so far."""

    resident_bytes: int
    cpu_seconds: float


class Subject(Protocol):
    """A process that turns requests into results, rows and batches."""

    async def start(self) -> float:
        """Start it; return after how many seconds it was ready."""
        ...

    def use(self) -> Use:
        """Return what it has used."""
        ...

    def end(self) -> None:
        """End it."""
        ...


class Worker:
    """One worker of all four roles, with the settings that it has by default."""

    def __init__(self, folder: Path, bootstrap: str, content: Path) -> None:
        self._port = free_port()
        self._folder = folder
        self._environment = {
            "HULEEDU_BROKER_URL": f"kafka://{bootstrap}",
            "HULEEDU_CONTENT_STORE_URL": f"file:{content}",
            "HULEEDU_DATA_DIR": str(folder / "state"),
            "HULEEDU_WEB_PORT": str(self._port),
        }

    @property
    def url(self) -> str:
        """Where its web server answers."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> float:
        """Start it; see `Subject`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        self._child = start_child(self._folder, self._environment)
        async with open_client(self.url) as client, asyncio.timeout(_RECOVERED_SECONDS):
            while not await client.is_ready():
                if not self._child.is_alive():
                    raise RuntimeError(f"the worker ended: {last_line(self._child.log)}")
                await asyncio.sleep(_POLL_SECONDS)
        return time.monotonic() - began

    def use(self) -> Use:
        """Return what it has used."""
        return _use(self._child.running.pid)

    def kill(self) -> None:
        """SIGKILL it."""
        self._child.running.kill()

    def end(self) -> None:
        """End it."""
        self._child.end()


class Peer:
    """A peer, which says `ready` on its standard output."""

    def __init__(self, folder: Path, *command: str) -> None:
        self._folder = folder
        self._command = (sys.executable, "-m", *command)

    async def start(self) -> float:
        """Start it; see `Subject`."""
        began = time.monotonic()
        self.spawn()
        await asyncio.wait_for(self.line(), _READY_SECONDS)
        return time.monotonic() - began

    def spawn(self) -> None:
        """Start it; return at once."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "peer.log").open("ab") as log:
            self._running = subprocess.Popen(  # noqa: S603 - our own command line
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    async def line(self) -> str:
        """Return the next line that it prints."""
        if self._running.stdout is None:  # pragma: no cover - it is a pipe
            raise RuntimeError("no standard output")
        line = await asyncio.to_thread(self._running.stdout.readline)
        if not line:
            raise RuntimeError(f"{' '.join(self._command)} ended; see {self._folder}/peer.log")
        return line.decode().strip()

    def use(self) -> Use:
        """Return what it has used."""
        return _use(self._running.pid)

    def end(self) -> None:
        """End it and its children."""
        os.killpg(self._running.pid, signal.SIGTERM)
        self._running.wait()
        if self._running.stdout is not None:
            self._running.stdout.close()


def _use(pid: int) -> Use:
    top = psutil.Process(pid)
    family = [top, *top.children(recursive=True)]
    times = [process.cpu_times() for process in family]
    return Use(
        sum(process.memory_info().rss for process in family),
        sum(each.user + each.system for each in times),
    )
