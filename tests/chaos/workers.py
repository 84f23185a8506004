"""Workers as processes: started, killed, started again as a restart policy would, and measured."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
import psutil
from yarl import URL

_POLL_SECONDS = 0.2
# RocksDB holds it for as long as a database is open.
_LOCK = ".db/LOCK"
_COMMAND = (sys.executable, "-m", "huleedu_streams")


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What a process has open. A worker has so many databases as partitions are its own.

    Attributes:
        to_store: Connections to the content store, a pool that is empty where nothing is to do.
        others: Open files that belong to no table, other connections and pipes among them.
        databases: Databases of tables.
        of_databases: Their files.
    """

    to_store: int
    others: int
    databases: int
    of_databases: int

    @classmethod
    def of(cls, pid: int, store_port: int) -> Descriptors:
        """Count those of a process; one that is closed meanwhile does not count."""
        names = _open_files(pid)
        in_tables = [name for name in names if ".db/" in name]
        databases = sum(_LOCK in name for name in in_tables)
        connections = psutil.Process(pid).net_connections("tcp")
        to_store = sum(bool(one.raddr) and one.raddr.port == store_port for one in connections)
        others = len(names) - len(in_tables) - to_store
        return cls(to_store, others, databases, len(in_tables))


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process used at one moment, its children included."""

    at: float
    bytes_in_all: int
    descriptors: Descriptors
    each_bytes: tuple[int, ...]


@dataclass(slots=True)
class Life:
    """One program run by a process of a worker, from its start to its end.

    Attributes:
        number: Of the worker's lives, from 1.
        samples: Its use of memory and descriptors over time.
        was_meant: Whether the harness ended it; otherwise it ended by itself.
        stack: Where the program's stack begins, once that is known.
    """

    number: int
    process: subprocess.Popen[bytes]
    started: float
    samples: list[Sample] = field(default_factory=list)
    was_meant: bool = False
    stack: str = ""

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


@dataclass(slots=True, eq=False)
class Worker:
    """A worker of one name: its folder, port and settings outlive its processes."""

    name: str
    folder: Path
    port: int
    settings: Mapping[str, object]
    arguments: tuple[str, ...] = ()
    lives: list[Life] = field(default_factory=list)
    is_wanted: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    @property
    def data_dir(self) -> Path:
        return self.folder / "state"

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @property
    def is_running(self) -> bool:
        return bool(self.lives) and self.life.is_running

    def start(
        self,
        settings: Mapping[str, object] = MappingProxyType({}),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Start a process; `settings` and further variables are for this life only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        own = {"data_dir": self.data_dir, "web_port": self.port}
        with self.log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own command line
                [*_COMMAND, "worker", *self.arguments],
                cwd=Path.cwd(),
                env=_environment(own | dict(self.settings) | dict(settings)) | dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.lives.append(Life(len(self.lives) + 1, process, time.monotonic()))
        self.is_wanted = True

    def kill(self) -> None:
        """SIGKILL, as the kernel does where memory ends; its spelling processes stay behind."""
        self.life.was_meant = True
        self.life.process.send_signal(signal.SIGKILL)
        self.life.process.wait()

    def freeze(self) -> None:
        """SIGSTOP."""
        self.life.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.life.process.send_signal(signal.SIGCONT)

    def entries(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the log, over all lives, that are about this."""
        mark = f'"event":"{event}"'
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        return [json.loads(line) for line in lines if mark in line]

    @property
    def open_databases(self) -> set[str]:
        """The names of the databases that the running process has open."""
        return {
            Path(name).parent.name for name in _open_files(self.life.process.pid) if _LOCK in name
        }

    async def stop(self, seconds: float = 20.0) -> tuple[int | None, float]:
        """SIGTERM; return the exit code (None: too late, so it was killed) and the seconds."""
        self.is_wanted = False
        self.life.was_meant = True
        began = time.monotonic()
        self.life.process.terminate()
        try:
            code = await asyncio.to_thread(self.life.process.wait, seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            code = None
        return code, time.monotonic() - began

    def end(self) -> None:
        """End whatever still runs of it."""
        self.is_wanted = False
        for life in self.lives:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(life.process.pid, signal.SIGKILL)
            life.process.wait()

    def wipe(self) -> None:
        """Remove its RocksDB folders."""
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def sample(self) -> None:
        """Measure the running process, as far as it still runs."""
        with contextlib.suppress(psutil.Error, OSError):
            top = psutil.Process(self.life.process.pid)
            family = [top, *top.children(recursive=True)]
            used = [_anonymous_bytes(process.pid) for process in family]
            self._notice_another_program(top.pid)
            store_port = URL(str(self.settings["content_store_url"])).port or 0
            opened = Descriptors.of(top.pid, store_port)
            self.life.samples.append(Sample(time.monotonic(), sum(used), opened, tuple(used)))

    def _notice_another_program(self, pid: int) -> None:
        """Begin a life where the process started itself again: it keeps its id, and nothing else.

        Linux places the stack of each program that a process runs anew.
        """
        stack = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[25]
        if self.life.stack not in {"", stack}:
            before = self.life
            self.lives.append(Life(before.number + 1, before.process, time.monotonic()))
            self.life.was_meant, before.was_meant = before.was_meant, True
        self.life.stack = stack

    async def is_ready(self, session: aiohttp.ClientSession) -> bool:
        status, _ = await self._ask(session, "/readyz")
        return status == 200

    async def metrics(self, session: aiohttp.ClientSession) -> str:
        """Return the scrape; empty where nobody answers."""
        return (await self._ask(session, "/metrics"))[1]

    async def _ask(self, session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
        try:
            async with session.get(self.url + path) as response:
                return response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, ""

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Return what `huleedu-streams tables TABLE --json` prints of this worker's folder."""
        process = await asyncio.create_subprocess_exec(
            *(*_COMMAND, "tables", table, "--json"),
            env=_environment({"data_dir": self.data_dir}),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode not in {0, 1} or not out.startswith(b"["):
            raise AssertionError(f"tables {table} of {self.name}: {err.decode()[-500:]}")
        rows: list[dict[str, Any]] = json.loads(out)
        return rows


def _anonymous_bytes(pid: int) -> int:
    """Return how much memory a process has of its own; what it maps of files is the system's."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    (size,) = (line.split()[1] for line in lines if line.startswith("Anonymous:"))
    return int(size) * 1024


async def until_ready(
    workers: list[Worker], session: aiohttp.ClientSession, seconds: float
) -> float | None:
    """Return after how many seconds all of them were ready at once; None if not in time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        answers = await asyncio.gather(*(worker.is_ready(session) for worker in workers))
        if all(answers):
            return time.monotonic() - began
        await asyncio.sleep(_POLL_SECONDS)
    return None


def _open_files(pid: int) -> list[str]:
    names: list[str] = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            names.append(str(link.readlink()))
    return names


def _environment(settings: Mapping[str, object]) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("HULEEDU_")}
    return inherited | {f"HULEEDU_{key.upper()}": str(value) for key, value in settings.items()}
