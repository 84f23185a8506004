"""Workers that are asked to stop: at any moment, with or without a broker, in time and with 0."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from huleedu_streams.embedded import broker, process
from huleedu_streams.embedded.probe import free_port
from huleedu_streams.topics.bootstrap import apply
from huleedu_streams.topics.catalogue import catalogue
from tests.integration.essays import SUCCESS, a_batch, completed_batch
from tests.integration.kafka import assigned_members, evict_members, produce, until
from tests.integration.workers import APP_ID, RunningWorker, Site, talking_to, wait_until_ready

pytestmark = pytest.mark.kafka

IN_TIME_SECONDS = 20
WINDOW = 64


@dataclass(slots=True)
class Place:
    """Workers over a Kafka of their own, which may be frozen or killed."""

    site: Site
    folder: Path
    port: int
    pid: int

    def worker(self, **settings: object) -> RunningWorker:
        """Start a worker with a folder and a log of its own."""
        return self.site.start(f"worker-{len(self.site.workers)}", **settings)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def revive(self) -> None:
        """Have the broker back, whatever became of it; what died in its groups is forgotten."""
        if process.is_alive(self.pid):
            self.thaw()
        self.pid = broker.start(self.folder, port=self.port).pid
        asyncio.run(evict_members(self.site.bootstrap, APP_ID))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, port = tmp_path_factory.mktemp("stops"), free_port()
    running = broker.start(folder / "broker", port=port)
    place = Place(Site(running.bootstrap, folder), folder / "broker", port, running.pid)
    asyncio.run(apply(running.bootstrap, catalogue()))
    try:
        yield place
        place.site.end()
    finally:
        place.site.kill_all()
        place.revive()
        broker.stop(place.folder)


@pytest.fixture
def place(shared: Place) -> Iterator[Place]:
    yield shared
    shared.revive()


def answer(worker: RunningWorker) -> str:
    """Return what /readyz says: `ready`, a problem's detail, or nothing if nobody answers."""
    try:
        with urlopen(worker.url + "/readyz", timeout=2):  # noqa: S310
            return "ready"
    except HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""


def stopped(worker: RunningWorker, *signals: signal.Signals) -> list[str]:
    """Send the signals, the later ones as soon as it stops; return what /readyz said."""
    first, *later = signals
    said = []
    worker.child.running.send_signal(first)
    deadline = time.monotonic() + IN_TIME_SECONDS
    while worker.child.is_alive() and time.monotonic() < deadline:
        said.append(answer(worker))
        if later and worker.entries("worker_stopping"):
            worker.child.running.send_signal(later.pop())
    assert worker.exit_code(0) == 0, worker.log[-3000:]
    return [each for each in said if each]


def has_logged(worker: RunningWorker, event: str, count: int = 1) -> bool:
    return len(worker.entries(event)) >= count


@pytest.mark.parametrize(
    "signals", [[signal.SIGTERM] * 2, [signal.SIGINT] * 2], ids=["sigterm twice", "sigint twice"]
)
def test_stop_under_backlog_takes_nothing_more_and_loses_nothing(
    place: Place, signals: list[signal.Signals]
) -> None:
    batch = asyncio.run(a_batch(place.site, 300))
    worker = place.worker()
    wait_until_ready(worker)
    asyncio.run(produce(place.site.bootstrap, batch.events))
    assert process.wait_until(partial(has_logged, worker, "essay_spellchecked", 20), 30)

    said = stopped(worker, *signals)

    log = worker.log
    assert log.count('"worker_stopping"') == 1
    assert log.partition('"worker_stopping"')[2].count('"essay_spellchecked"') <= WINDOW
    unready = [each for each in said if each != "ready"]
    assert said[len(said) - len(unready) :] == unready
    assert all("stopping" in each for each in unready)
    asyncio.run(finish(place, batch.batch_id))


async def finish(place: Place, batch_id: str) -> None:
    worker = place.worker()
    wait_until_ready(worker)
    async with talking_to(worker) as api:
        answer = await completed_batch(api, batch_id, 60)
    assert set(answer["status_breakdown"]) == {SUCCESS}
    assert worker.stop() == 0


@pytest.mark.parametrize("essays", [0, 300], ids=["idle", "backlog"])
def test_stop_without_a_broker_is_in_time_and_says_so_once(place: Place, essays: int) -> None:
    worker = place.worker()
    wait_until_ready(worker)
    if essays:
        batch = asyncio.run(a_batch(place.site, essays))
        asyncio.run(produce(place.site.bootstrap, batch.events))
        assert process.wait_until(partial(has_logged, worker, "essay_spellchecked", 20), 30)
    place.kill()
    assert process.wait_until(partial(has_logged, worker, "broker_unreachable"), 30)

    before = answer(worker)
    stopped(worker, signal.SIGTERM)

    assert before == "ready"
    assert len(worker.entries("broker_unreachable")) == 1
    assert len(worker.entries("group_not_left") + worker.entries("stop_cut_short")) >= 1
    assert "Traceback" not in worker.log


@pytest.mark.parametrize("state", ["starting", "ready"])
def test_stop_beside_a_frozen_broker_is_in_time(place: Place, state: str) -> None:
    worker = place.worker()
    reached = process.wait_until(lambda: state in answer(worker) or has_passed(worker), 45)
    place.freeze()

    stopped(worker, signal.SIGTERM)

    assert reached
    assert "Traceback" not in worker.log


def has_passed(worker: RunningWorker) -> bool:
    """Whether it is ready: a state may be too short to be seen."""
    return answer(worker) == "ready"


def test_stop_while_tables_recover_is_in_time(place: Place) -> None:
    worker = place.worker()
    process.wait_until(lambda: "recovering" in answer(worker) or has_passed(worker), 45)

    stopped(worker, signal.SIGTERM)

    assert worker.entries("stop_cut_short") == []


async def test_killed_static_member_has_its_partitions_back_without_a_rebalance(
    place: Place,
) -> None:
    # Longer than a restart on a slow machine, so that the broker cannot give them away.
    kept: dict[str, object] = {"session_timeout_seconds": 30}
    # Its address belongs to its place in the group, too.
    itself = kept | {"instance_id": "mortal", "web_port": free_port()}
    mortal = place.worker(**itself)
    wait_until_ready(mortal)
    other = place.worker(instance_id="other", **kept)
    wait_until_ready(mortal, other)
    async with talking_to(other) as api:
        await until(lambda: served_by_two(place.site.bootstrap), "both have partitions")
        wait_until_ready(mortal, other)
        before = rebalances(await api.metrics())

        mortal.kill()
        batch = await a_batch(place.site, 60)
        await produce(place.site.bootstrap, batch.events)
        again = place.worker(**itself, data_dir=mortal.data_dir)
        wait_until_ready(again)
        answer = await completed_batch(api, batch.batch_id)
        after = rebalances(await api.metrics())
    assert (again.stop(), other.stop()) == (0, 0)

    assert set(answer["status_breakdown"]) == {SUCCESS}
    assert after == before


def rebalances(metrics: str) -> str:
    return next(line for line in metrics.splitlines() if line.startswith("huleedu_rebalances_t"))


async def served_by_two(bootstrap: str) -> bool | None:
    return True if len(await assigned_members(bootstrap, APP_ID)) == 2 else None
