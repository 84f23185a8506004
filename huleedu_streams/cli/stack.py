"""One Kafka, its topics and one worker on this machine: what `demo`, `up` and `down` share.

Not here: the broker itself (`huleedu_streams.embedded`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from huleedu_streams.cli.client import WorkerClient
from huleedu_streams.embedded import process
from huleedu_streams.errors import StartupError
from huleedu_streams.topics.bootstrap import apply
from huleedu_streams.topics.catalogue import catalogue

WORKER_COMMAND = (sys.executable, "-m", "huleedu_streams", "worker")

_READY_SECONDS = 120.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.1
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class ChildWorker:
    """A worker that this process started and ends.

    Attributes:
        running: The process, leader of a session of its own.
        log: What it says.
    """

    running: subprocess.Popen[bytes]
    log: Path

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.running.poll() is None

    def end(self) -> None:
        """Ask it to stop; kill it and whatever it started when time is up."""
        self.running.terminate()
        try:
            self.running.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.running.pid, signal.SIGKILL)


def start_child(folder: Path, environment: Mapping[str, str]) -> ChildWorker:
    """Start a worker in `folder` with `environment` added to this process's own."""
    log = folder / "worker.log"
    # The caller's settings describe another worker: only `environment` counts here.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("HULEEDU_")}
    with log.open("ab") as output:
        running = subprocess.Popen(  # noqa: S603 - our own command line
            WORKER_COMMAND,
            cwd=folder,
            env=inherited | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return ChildWorker(running, log)


async def apply_topics(bootstrap: str, app_id: str | None) -> int:
    """Make the broker's topics those of the catalogue; return how many were created."""
    return len((await apply(bootstrap, catalogue(app_id))).create)


async def wait_until_ready(client: WorkerClient, is_alive: Callable[[], bool], log: Path) -> float:
    """Return after how many seconds the worker answered that it is ready.

    Raises:
        StartupError: it ended, or was not ready in time; the message holds what it said last.
    """
    started = time.monotonic()
    while not await client.is_ready():
        if not is_alive():
            raise StartupError(f"the worker stopped: {last_line(log)}")
        if time.monotonic() - started > _READY_SECONDS:
            raise StartupError(
                f"the worker was not ready after {_READY_SECONDS:g} s: {last_line(log)}"
            )
        await asyncio.sleep(_POLL_SECONDS)
    return time.monotonic() - started


def last_line(log: Path) -> str:
    """Return the last line of the log."""
    return (tail(log) or [f"nothing in {log}"])[-1]


def tail(log: Path) -> list[str]:
    """Return the last lines of the log; none where there is no log."""
    try:
        lines = log.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [line for line in lines if line.strip()][-_TAIL_LINES:]


def find_worker(pid_file: Path) -> int | None:
    """Return the pid in the file if that process is a worker of ours and lives."""
    try:
        pid = int(pid_file.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return None
    # Pids are given again: a stale file must not point at a stranger.
    return pid if process.is_alive(pid) and _is_worker(pid) else None


def spawn_worker(data_dir: Path) -> int:
    """Start a worker that outlives this process, in this folder, with its settings."""
    pid = process.spawn(WORKER_COMMAND, data_dir / "worker.log", Path.cwd())
    (data_dir / "worker.pid").write_text(f"{pid}\n", "ascii")
    return pid


def stop_worker(data_dir: Path) -> bool:
    """Stop the worker that `spawn_worker` started; return whether one ran."""
    pid_file = data_dir / "worker.pid"
    pid = find_worker(pid_file)
    if pid is not None:
        process.end(pid, _STOP_SECONDS)
    pid_file.unlink(missing_ok=True)
    return pid is not None


def _is_worker(pid: int) -> bool:
    try:
        command = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return "huleedu_streams" in command and "worker" in command
