"""One run's machinery: broker, proxy, content store, workers, producer, observer, timeline.

Not here: which faults happen (`faults.py`, `scenarios.py`) and what must hold (`invariants.py`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from huleedu_streams.embedded.probe import free_port
from tests.chaos import wire
from tests.chaos.kafka import CODECS, Cluster, ForeignProducer, lag
from tests.chaos.nodes import ThreeNodes
from tests.chaos.observer import Observer
from tests.chaos.plan import Plan
from tests.chaos.proxy import KafkaProxy
from tests.chaos.store import FakeContentStore
from tests.chaos.workers import Worker, until_ready

GROUP = "huleedu-streams"
SESSION_SECONDS = 6.0
READY_SECONDS = SESSION_SECONDS + 20.0
CATCH_UP_SECONDS = 60.0
# Texts that a worker checks side by side, and events in flight behind one that takes long.
CHECK_WINDOW_EVENTS = 64
BEHIND_SLOW_EVENTS = 1_024
# Events in flight of an agent that only folds.
FOLD_WINDOW_EVENTS = 256
COMMIT_SECONDS = 1.0
_SAMPLE_SECONDS = 2.0
_STALL_SECONDS = 120.0
_CALM_SECONDS = 300.0
_QUIET_SECONDS = 20.0
_POLL_SECONDS = 0.1


class StalledError(AssertionError):
    """The run does not get on; what it waited for is in the message."""


@dataclass(slots=True)
class Tally:
    """What the faults were, and how the system took them.

    Attributes:
        kills: Share of the work done at each SIGKILL.
        rebalances: Times a worker joined or left, or lost the broker.
        ready_seconds: From each SIGKILL until all workers were ready again.
        late: Waits that took longer than they may.
        stops: Exit code and seconds of each SIGTERM.
        unasked_exits: Workers that ended by themselves.
        resume_seconds: From each outage's end until essays came to rest again.
        damages: Databases rebuilt after each kind of damage, and those that should have been.
        unchecked: Faults that this machine does not allow, and why.
        catch_up_seconds: From the last fault until the lag was 0.
    """

    kills: list[float] = field(default_factory=list)
    rebalances: int = 0
    ready_seconds: list[float] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    stops: list[tuple[int | None, float]] = field(default_factory=list)
    unasked_exits: list[str] = field(default_factory=list)
    resume_seconds: list[float] = field(default_factory=list)
    damages: dict[str, tuple[int, int]] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)
    catch_up_seconds: float | None = None


class Site:
    """Everything that runs; made by `opened`, driven by a scenario."""

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        worker_arguments: tuple[str, ...] = (),
        cluster: ThreeNodes | None = None,
    ) -> None:
        self.folder = folder
        self.plan = plan
        self.tally = Tally()
        self.proxy = KafkaProxy(free_port())
        self.kafka = cluster or Cluster(folder / "kafka", self.proxy)
        self.store = FakeContentStore()
        self.workers: dict[str, Worker] = {}
        self.began = time.monotonic()
        self._arguments = worker_arguments
        self._timeline = (folder / "timeline.jsonl").open("a", encoding="utf-8", buffering=1)
        self._tasks: list[asyncio.Task[None]] = []
        self.producer: ForeignProducer
        self.observer: Observer
        self.session: aiohttp.ClientSession

    async def open(self) -> None:
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        self.store.texts = dict(self.plan.texts)
        self.store.behaviours = dict(self.plan.behaviours)
        await self.store.open(free_port())
        await self.proxy.open()
        await self.kafka.start()
        await self.kafka.make_topics()
        self.producer = ForeignProducer(
            self.kafka.bootstrap, self.plan.records, CODECS[self.plan.seed % len(CODECS)]
        )
        self.observer = Observer(self.kafka.bootstrap)
        self.observer.start()
        self.note("opened", bootstrap=self.kafka.bootstrap, records=len(self.plan.records))
        self._tasks = [
            asyncio.create_task(work)
            for work in (self.producer.run(), self._sample(), self._restart_the_dead())
        ]

    async def close(self) -> None:
        """End everything, whatever state it is in."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in self.workers.values():
            worker.end()
        if hasattr(self, "observer"):
            self.observer.stop()
        await self.proxy.close()
        await self.store.refuse()
        await asyncio.to_thread(self.kafka.stop)
        await self.session.close()
        self._timeline.close()

    def note(self, event: str, **fields: object) -> None:
        """Write one line of the timeline."""
        line = {"s": round(time.monotonic() - self.began, 2), "event": event, **fields}
        self._timeline.write(json.dumps(line, default=str) + "\n")

    def worker(self, name: str) -> Worker:
        """Return the worker of that name; not started yet the first time."""
        if name not in self.workers:
            settings = {
                "broker_url": f"kafka://{self.kafka.for_workers.replace(',', ';')}",
                "content_store_url": self.store.url,
                "content_timeout_seconds": 2,
                "dependency_poll_seconds": 0.5,
                "log_format": "json",
                "session_timeout_seconds": SESSION_SECONDS,
                "spell_processes": 1,
            }
            self.workers[name] = Worker(
                name, self.folder / name, free_port(), settings, self._arguments
            )
        return self.workers[name]

    @property
    def cluster(self) -> Cluster:
        """The one broker, behind the proxy."""
        assert isinstance(self.kafka, Cluster), "this run has three nodes"
        return self.kafka

    @property
    def nodes(self) -> ThreeNodes:
        """The three nodes."""
        assert isinstance(self.kafka, ThreeNodes), "this run has one broker"
        return self.kafka

    @property
    def wanted(self) -> list[Worker]:
        """The workers that should run now."""
        return [worker for worker in self.workers.values() if worker.is_wanted]

    @property
    def done(self) -> float:
        """The share of the essays that have come to rest."""
        return len(self.plan.essays & self.observer.at_rest.keys()) / len(self.plan.essays)

    @property
    def sent(self) -> float:
        return self.producer.sent / len(self.plan.records)

    async def until(
        self, is_true: Callable[[], bool], what: str, seconds: float = _STALL_SECONDS
    ) -> None:
        """Wait for a condition.

        Raises:
            StalledError: it did not come true in time.
        """
        began = time.monotonic()
        while not is_true():
            if time.monotonic() - began > seconds:
                self.note("stalled", what=what, done=self.done, sent=self.sent)
                raise StalledError(f"not within {seconds:g} s: {what} (done {self.done:.1%})")
            await asyncio.sleep(_POLL_SECONDS)

    async def until_done(self, share: float) -> None:
        """Wait until so many essays are at rest, or until nothing moves any more."""
        await self._until_or_quiet(lambda: self.done >= share, f"{share:.0%} of the essays at rest")

    async def until_bombs_are_over(self) -> None:
        """Wait until all is sent that is released, and the bombs in it are at rest."""
        await self.until(
            lambda: self.producer.is_idle and self.plan.calm_bombs <= self.observer.at_rest.keys(),
            "the calm",
            _CALM_SECONDS,
        )

    async def until_ready(self, why: str, allowed: float = READY_SECONDS) -> None:
        """Wait until all wanted workers are ready at once; too late is noted, not raised."""
        seconds = await until_ready(self.wanted, self.session, allowed)
        self.note("ready", why=why, seconds=seconds)
        if seconds is None:
            self.tally.late.append(f"not ready within {allowed:g} s: {why}")
            if await until_ready(self.wanted, self.session, _STALL_SECONDS) is None:
                raise StalledError(f"never ready: {why}")
        elif allowed == READY_SECONDS:
            self.tally.ready_seconds.append(seconds)

    async def until_settled(self) -> None:
        """Wait until all is done: essays at rest, dead letters there, no lag; or nothing moves."""
        began = time.monotonic()
        self.producer.release(1.0)
        self.producer.rate_per_second = 5_000
        await self.until(lambda: self.producer.is_idle, "everything sent")
        assert not self.producer.refused, self.producer.refused[:3]
        marks = {poison.mark for poison in self.plan.poison}
        await self._until_or_quiet(
            lambda: self.done >= 1.0 and marks <= self.observer.dead_letters,
            "every essay at rest, every poison message dead-lettered",
        )
        await self._until_no_lag()
        self.tally.catch_up_seconds = time.monotonic() - began
        self.note("settled", seconds=self.tally.catch_up_seconds)

    async def _until_or_quiet(self, is_true: Callable[[], bool], what: str) -> None:
        """Wait, but not for what is lost: where no output comes for a while, go on and let the
        invariants say what is missing."""
        seen, since = -1, time.monotonic()
        while not is_true():
            now, total = time.monotonic(), self.observer.records.total()
            if total != seen or not self.producer.is_idle:
                seen, since = total, now
            elif now - since > _QUIET_SECONDS:
                self.note("quiet", what=what, done=self.done)
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _until_no_lag(self) -> None:
        began = time.monotonic()
        while behind := await asyncio.to_thread(lag, self.kafka.bootstrap, GROUP, wire.CONSUMED):
            if time.monotonic() - began > _STALL_SECONDS:
                raise StalledError(f"lag is still {behind}")
            await asyncio.sleep(0.5)

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            for worker in self.workers.values():
                if worker.is_running:
                    worker.sample()
            used = {
                name: [size // 1_000_000 for size in worker.life.samples[-1].each_bytes]
                for name, worker in self.workers.items()
                if worker.is_running and worker.life.samples
            }
            self.note("progress", done=round(self.done, 4), sent=round(self.sent, 4), used_mb=used)

    async def _restart_the_dead(self) -> None:
        """Do what a restart policy does with a worker that ends by itself."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            for worker in self.workers.values():
                if worker.is_wanted and not worker.is_running and not worker.life.was_meant:
                    code = worker.life.process.returncode
                    self.note("ended by itself", worker=worker.name, code=code)
                    self.tally.unasked_exits.append(f"{worker.name} with {code}")
                    self.tally.rebalances += 1
                    worker.start()
