"""The port `SpellChecker` off the event loop: a pool of worker processes, or slices in place.

Each process is driven from a thread over pipes, so that any event loop will do, one that hangs
can be killed alone, and all end when this one does. The index is mapped from a file that they
share. Step 3 of 6 of an essay's walk asks it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import orjson

from huleedu_streams.domain.spelling import CheckedText
from huleedu_streams.errors import DictionaryError, SpellcheckFailedError
from huleedu_streams.protocols import SpellChecker
from huleedu_streams.spelling.by_size import SpellCheckerBySize
from huleedu_streams.spelling.checker import DEFAULT_ENGINE, log_refused
from huleedu_streams.spelling.l2 import RefusedEntry
from huleedu_streams.spelling.served import Served
from huleedu_streams.spelling.sliced import SlicedSpellChecker, refuse_surrogates
from huleedu_streams.spelling.worker import NICE
from huleedu_streams.spelling.worker_process import WorkerGoneError, WorkerProcess

WORKER_COMMAND = (sys.executable, "-m", "huleedu_streams.spelling.worker")
# The first start on a machine builds an index, some seconds for each large language.
_START_TIMEOUT_SECONDS = 120.0
_TRIES = 2
# As long as any other trouble that passes is waited for.
_SPAWN_SECONDS = 20.0
_SPAWN_PAUSE_SECONDS = 0.2

T = TypeVar("T")


def build_spell_checker(
    languages: Sequence[str],
    *,
    engine: str = DEFAULT_ENGINE,
    l2_dictionary: Path | None = None,
    processes: int = 1,
    timeout_seconds: float = 60.0,
) -> SpellChecker:
    """Return a checker of texts that never holds the event loop.

    Args:
        languages: Those to serve; the first is the one that an L2 file is for.
        engine: How candidates are chosen; `ranked` or `exact`.
        l2_dictionary: A list of learners' errors, or a folder of `<language>.txt`.
        processes: How many check, and as many again while there are large texts; 0 = in this
            process, in slices.
        timeout_seconds: Bound on the check of one text.

    Raises:
        UnsupportedLanguageError: there is no dictionary for one of the languages.
        DictionaryError: the list does not exist.
    """
    served = Served.of(languages, engine, l2_dictionary)
    if processes == 0:
        return SlicedSpellChecker(served, timeout_seconds=timeout_seconds)
    build_pool = partial(
        PooledSpellChecker, served, processes=processes, timeout_seconds=timeout_seconds
    )
    build_large = partial(build_pool, command=(*WORKER_COMMAND, NICE))
    return SpellCheckerBySize(build_pool(), build_large)


class PooledSpellChecker:
    """Checks texts in worker processes, which start when first needed or by `start`."""

    def __init__(
        self,
        served: Served,
        *,
        processes: int,
        timeout_seconds: float,
        command: Sequence[str] = WORKER_COMMAND,
    ) -> None:
        self._served = served
        self._processes = processes
        self._timeout_seconds = timeout_seconds
        self._command = command
        # One thread a process, and one that ends them.
        self._threads = ThreadPoolExecutor(processes + 1, thread_name_prefix="spelling")
        self._slots = asyncio.Semaphore(processes)
        self._idle: list[WorkerProcess] = []
        self._alive: set[WorkerProcess] = set()
        self._running: set[asyncio.Task[Any]] = set()
        self._refused: list[dict[str, Any]] = []
        self._is_closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the processes that run now."""
        return tuple(worker.pid for worker in self._alive)

    async def start(self) -> None:
        """Start every process, wait until all have loaded, and log what is refused of the lists.

        Raises:
            DictionaryError: a language or the list cannot be loaded.
            SpellcheckFailedError: the processes do not start.
        """
        count = self._processes - len(self._alive)
        started = await asyncio.gather(
            *(self._start_worker() for _ in range(count)), return_exceptions=True
        )
        self._idle += [worker for worker in started if isinstance(worker, WorkerProcess)]
        for outcome in started:
            if isinstance(outcome, WorkerGoneError):
                raise SpellcheckFailedError("a spelling process ended while it started")
            if isinstance(outcome, BaseException):
                raise outcome
        _report(self._refused)

    async def check(self, text: str, language: str) -> CheckedText:
        """Return `text` corrected with the words of `language`.

        Raises:
            UnsupportedLanguageError: the language is not served.
            SpellcheckFailedError: the check failed, took too long or ended two processes.
        """
        name = self._served.resolve(language)
        refuse_surrogates(text)
        request = orjson.dumps({"language": name, "text": text})
        await self._slots.acquire()
        # A caller that is cancelled leaves the exchange to end by itself: the process stays.
        task = asyncio.create_task(self._exchange(request))
        self._running.add(task)
        task.add_done_callback(self._exchanged)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End all processes; checks in flight fail."""
        if self._is_closed:
            return
        self._is_closed = True
        workers = tuple(self._alive)
        if workers:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, _dispose_of, workers)
        await asyncio.gather(*self._running, return_exceptions=True)
        # One may have started meanwhile.
        _dispose_of(tuple(self._alive))
        self._alive.clear()
        self._idle.clear()
        self._threads.shutdown()

    def kill(self) -> None:
        """End all processes at once and wait for that; checks in flight fail."""
        _dispose_of(tuple(self._alive))

    def _exchanged(self, task: asyncio.Task[CheckedText]) -> None:
        self._running.discard(task)
        self._slots.release()
        if not task.cancelled():
            task.exception()  # the caller may be gone

    async def _exchange(self, request: bytes) -> CheckedText:
        for _ in range(_TRIES):
            with suppress(WorkerGoneError):
                return await self._try_once(request)
        raise SpellcheckFailedError(f"{_TRIES} spelling processes ended during the check")

    async def _try_once(self, request: bytes) -> CheckedText:
        if self._is_closed:
            raise SpellcheckFailedError("the speller is closed")
        try:
            worker = self._take_idle() or await self._start_worker()
        except DictionaryError as error:
            raise SpellcheckFailedError(str(error)) from error
        try:
            return await self._bounded(worker, partial(worker.check, request))
        finally:
            if worker in self._alive:
                self._idle.append(worker)

    def _take_idle(self) -> WorkerProcess | None:
        while self._idle:
            worker = self._idle.pop()
            if not worker.has_ended and not worker.is_expired:
                return worker
            # It was killed while nobody asked it, or its last answer came with its time's end:
            # no fault of the next text.
            self._alive.discard(worker)
            worker.dispose()
        return None

    async def _start_worker(self) -> WorkerProcess:
        """Return a worker that is ready.

        Raises:
            WorkerGoneError, DictionaryError: it is not going to be.
        """
        worker = await self._spawn()
        self._alive.add(worker)
        if self._is_closed:
            worker.kill()
        self._refused = await self._bounded(worker, worker.wait_until_ready, _START_TIMEOUT_SECONDS)
        return worker

    async def _spawn(self) -> WorkerProcess:
        """Start a process; where the system has none to give, try again for a while."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _SPAWN_SECONDS
        while True:
            is_given_up = Event()
            try:
                return await loop.run_in_executor(self._threads, self._spawned, is_given_up)
            except (OSError, RuntimeError) as error:  # no process, no memory; no thread
                is_given_up.set()
                if self._is_closed or loop.time() > end:
                    raise SpellcheckFailedError(
                        f"no spelling process can be started: {error}"
                    ) from error
            await asyncio.sleep(_SPAWN_PAUSE_SECONDS)

    def _spawned(self, is_given_up: Event) -> WorkerProcess:
        # Without a thread to run this, the executor raises, and keeps it for a later one.
        if is_given_up.is_set():
            raise WorkerGoneError
        return WorkerProcess(self._command, orjson.dumps(self._served.assignment()))

    async def _bounded(
        self, worker: WorkerProcess, call: Callable[[], T], seconds: float | None = None
    ) -> T:
        """Run a blocking call to a worker; unless it answers, it is disposed of."""
        loop = asyncio.get_running_loop()
        limit = self._timeout_seconds if seconds is None else seconds
        timer = loop.call_later(limit, worker.expire)
        try:
            return await loop.run_in_executor(self._threads, call)
        except SpellcheckFailedError:
            raise  # an answer: the text failed, the process did not
        except BaseException as error:
            self._alive.discard(worker)
            await loop.run_in_executor(self._threads, worker.dispose)
            if worker.is_expired:
                raise SpellcheckFailedError(f"the check took over {limit:g} s") from error
            raise
        finally:
            timer.cancel()


def _report(refused: list[dict[str, Any]]) -> None:
    for item in refused:
        match item:
            case {"language": language, **entry}:
                log_refused(language, (RefusedEntry(**entry),))


def _dispose_of(workers: Sequence[WorkerProcess]) -> None:
    for worker in workers:
        worker.dispose()
