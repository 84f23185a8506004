"""Real workers for tests: processes of `huleedu-streams worker`, each in a folder of its own.

A `Site` is one Kafka, one content store and the workers over them. `Site.end` stops what still
runs and then reads every log: no test here may leave a traceback, a leak or essay text in one.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import psutil

from huleedu_streams.adapters.content_files import FileContentStore
from huleedu_streams.cli.stack import ChildWorker, start_child
from huleedu_streams.embedded import process
from huleedu_streams.embedded.probe import free_port
from huleedu_streams.topics.catalogue import DEFAULT_APP_ID
from tables.listing import TableQuery, show
from tables.reader import tables_folder

APP_ID = DEFAULT_APP_ID
# In every text of these tests and nowhere else: it must show up in no log, metric or header.
CANARY = "quazzlewimpet"
TEXT = f"I recieved a letter from my freind {CANARY}."
TABLES = ("essays", "batches", "batch_members")

_READY_SECONDS = 45.0
_STOP_SECONDS = 20.0
_LEAKS = (
    CANARY,
    "Traceback",
    "Unclosed",
    "ResourceWarning",
    "never awaited",
    "never retrieved",
    "was destroyed but it is pending",
)


@dataclass(frozen=True, slots=True)
class RunningWorker:
    """One worker process.

    Attributes:
        child: The process and its log.
        url: Where its web server answers.
        data_dir: Its own; a worker started again under the same name has the same.
    """

    child: ChildWorker
    url: str
    data_dir: Path

    @property
    def pid(self) -> int:
        return self.child.running.pid

    @property
    def log(self) -> str:
        return self.child.log.read_text("utf-8", errors="replace")

    def entries(self, event: str) -> list[dict[str, Any]]:
        """Return the log's entries of that event."""
        lines = [line for line in self.log.splitlines() if line.startswith("{")]
        return [entry for entry in map(json.loads, lines) if entry.get("event") == event]

    def exit_code(self, seconds: float = _STOP_SECONDS) -> int:
        """Wait for the process to end; negative = the signal that ended it."""
        return self.child.running.wait(seconds)

    def stop(self, seconds: float = _STOP_SECONDS) -> int:
        self.child.running.terminate()
        return self.exit_code(seconds)

    def kill(self) -> None:
        """SIGKILL the worker alone, as the kernel does where memory ends."""
        started = psutil.Process(self.pid).children(recursive=True)
        self.child.running.kill()
        self.exit_code()
        # What it started must notice by itself.
        gone = process.wait_until(lambda: not any(map(_is_alive, started)), 10)
        assert gone, [child.cmdline() for child in started if _is_alive(child)]

    def rows(self, table: str, app_id: str = APP_ID) -> list[dict[str, Any]]:
        """Return a table's rows as `huleedu-streams tables --json` prints them, by key."""
        out = io.StringIO()
        show(TableQuery(tables_folder(self.data_dir, app_id), table), out, as_json=True)
        return sorted(json.loads(out.getvalue()), key=lambda row: str(row["key"]))


@dataclass(slots=True)
class Site:
    """One Kafka, one content folder, and the workers over them."""

    bootstrap: str
    folder: Path
    workers: list[RunningWorker] = field(default_factory=list)

    @property
    def content_folder(self) -> Path:
        return self.folder / "content"

    def start(self, name: str, **settings: object) -> RunningWorker:
        """Start a worker; `settings` by their names in lower case. Does not wait for it."""
        chosen = {
            "broker_url": f"kafka://{self.bootstrap}",
            "content_store_url": f"file:{self.content_folder}",
            "data_dir": self.folder / name / "state",
            "dependency_poll_seconds": 0.2,
            "log_format": "json",
            "spell_processes": 1,
            "web_port": free_port(),
        } | settings
        return self.start_as(
            name, {f"HULEEDU_{key.upper()}": str(value) for key, value in chosen.items()}
        )

    def start_as(self, name: str, environment: Mapping[str, str]) -> RunningWorker:
        """Start a worker with these variables and no setting besides. Does not wait for it."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        child = start_child(folder, {**environment, "PYTHONWARNINGS": "always::ResourceWarning"})
        url = f"http://127.0.0.1:{environment['HULEEDU_WEB_PORT']}"
        worker = RunningWorker(child, url, Path(environment["HULEEDU_DATA_DIR"]))
        self.workers.append(worker)
        return worker

    async def store_text(self, text: str = TEXT) -> str:
        """Put a text into the content folder, past every worker; return its id."""
        storage_id = uuid4().hex
        await FileContentStore(self.content_folder).put(storage_id, text.encode(), "text/plain")
        return storage_id

    def kill_all(self) -> None:
        for worker in self.workers:
            worker.child.running.kill()
            worker.child.end()

    def end(self) -> None:
        """Stop every worker, and find nothing in any log that must not be there."""
        running = [worker for worker in self.workers if worker.child.is_alive()]
        for worker in running:
            worker.child.running.send_signal(signal.SIGTERM)
        codes = [_code(worker) for worker in running]
        for worker in self.workers:
            worker.child.end()
        logs = {worker.child.log: worker.log for worker in self.workers}
        found = [f"{path}: {leak}" for path, log in logs.items() for leak in _LEAKS if leak in log]
        assert not found
        assert codes == [0] * len(running), "SIGTERM must end a worker with 0 in time"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker said to a request."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Api:
    """A worker's HTTP surface; made by `talking_to`."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def get(self, path: str) -> Answer:
        return await self._ask("GET", path)

    async def post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await self._ask("POST", path, json=body, headers=headers)

    async def metrics(self) -> str:
        return str((await self.get("/metrics")).body)

    async def _ask(
        self,
        method: str,
        path: str,
        **options: Any,  # noqa: ANN401 - aiohttp's own
    ) -> Answer:
        async with self._session.request(method, self._url + path, **options) as response:
            text = await response.text()
            body = json.loads(text) if "json" in response.content_type else text
            return Answer(response.status, body, response.headers)


@asynccontextmanager
async def talking_to(worker: RunningWorker) -> AsyncIterator[Api]:
    timeout = aiohttp.ClientTimeout(total=15)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Api(session, worker.url)


def wait_until_ready(*workers: RunningWorker) -> None:
    """Return once each of them answers that it is ready."""
    for worker in workers:
        process.wait_until(partial(_is_settled, worker), _READY_SECONDS)
        assert _is_ready(worker), worker.log[-3000:]


def run_command(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run `python -m WORDS…` with these settings."""
    environment = {f"HULEEDU_{key.upper()}": str(value) for key, value in settings.items()}
    return subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-m", *words],
        env={key: value for key, value in os.environ.items() if not key.startswith("HULEEDU_")}
        | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _is_settled(worker: RunningWorker) -> bool:
    return _is_ready(worker) or not worker.child.is_alive()


def _is_ready(worker: RunningWorker) -> bool:
    try:
        with urllib.request.urlopen(worker.url + "/readyz", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def _is_alive(started: psutil.Process) -> bool:
    return bool(started.is_running() and started.status() != psutil.STATUS_ZOMBIE)


def _code(worker: RunningWorker) -> int | None:
    try:
        return worker.exit_code()
    except subprocess.TimeoutExpired:
        return None
