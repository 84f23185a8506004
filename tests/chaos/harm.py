"""What is done to one worker: to its disk, its clock, its children, its time on the processor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.chaos import faults
from tests.chaos.site import SESSION_SECONDS, Site, StalledError
from tests.chaos.workers import Worker

_HOLD_SECONDS = 1.0
_DISK_MEGABYTES = 512
_FOUND_SECONDS = 60.0
_SKEWED_SECONDS = 6.0
_SPELLER = "huleedu_streams.spelling.worker"
_FAKETIME = next(
    (
        path
        for folder in ("lib/*", "lib64", "local/lib")
        for path in Path("/usr").glob(f"{folder}/faketime/libfaketime.so.1")
    ),
    None,
)


async def freeze(site: Site, name: str, *, release: float) -> None:
    """Stop a worker with rows on their way, for two session timeouts, then let it go on.

    The broker gets nothing from anybody for a second before, so the stopped worker holds a row for
    each event in flight. Others have long gone on from those very rows when it could send them.
    """
    worker = site.worker(name)
    site.proxy.hold_produce()
    await faults.let_out(site, release)
    await asyncio.sleep(_HOLD_SECONDS)
    before = site.done
    worker.freeze()
    site.note("frozen", worker=name, done=round(before, 4))
    site.proxy.cut_produce()
    site.proxy.flow()
    await asyncio.sleep(2 * SESSION_SECONDS)
    assert site.done > before, "nobody took the stopped worker's partitions over"
    worker.thaw()
    site.note("thawed", worker=name, done=round(site.done, 4))
    site.tally.rebalances += 2
    await site.until_ready(f"{name} thawed")


def _flip(path: Path) -> None:
    """Damage every block: one that was just read is still in the cache."""
    body = bytearray(path.read_bytes())
    for place in range(100, len(body) * 3 // 4, 100):
        body[place] ^= 0x55
    path.write_bytes(body)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


# Which files of a database, what is done to them, and whether RocksDB cannot but notice: of a
# MANIFEST or a WAL that ends early it may take what is left, an older state that is whole.
DAMAGES: dict[str, tuple[str, Callable[[Path], None], bool]] = {
    "flipped bytes": ("*.sst", _flip, True),
    "truncated SST": ("*.sst", _cut, True),
    "truncated MANIFEST": ("MANIFEST-*", _cut, False),
    "truncated WAL": ("*.log", _cut, False),
    "empty CURRENT": ("CURRENT", _empty, True),
}


async def damage(site: Site, name: str, how: str, *, release: float) -> None:
    """SIGKILL a worker, damage all databases in its folder, and start it on them.

    Some are of partitions that it does not own any more: those nobody opens.
    """
    worker = site.worker(name)
    pattern, harm, is_noticed = DAMAGES[how]
    await faults.let_out(site, release)
    faults.note_kill(site, worker, f"SIGKILL, {how}")
    worker.kill()
    files = _files(worker, pattern)
    if not files:
        # All is in the WAL yet; a database that is opened after a crash makes an SST of it.
        await faults.start_again(site, worker)
        worker.kill()
        files = _files(worker, pattern)
    assert files, f"no {pattern} in {worker.data_dir}"
    for path in files:
        harm(path)
    harmed = {path.parent.name for path in files}
    site.note("damaged", worker=name, how=how, databases=sorted(harmed))
    before = len(worker.entries("table_is_rebuilt"))
    restarts = len(worker.entries("worker_starts_again"))
    # Where nobody asks for the row, the scrub finds it.
    await faults.start_again(site, worker, settings={"scrub_interval_seconds": 1})

    def rebuilt() -> set[str]:
        return {entry["folder"] for entry in worker.entries("table_is_rebuilt")[before:]}

    if is_noticed:
        with contextlib.suppress(StalledError):  # the invariant tells
            await site.until(
                lambda: harmed & worker.open_databases <= rebuilt(),
                f"{how} is noticed",
                _FOUND_SECONDS,
            )
        await site.until_ready(f"{how} of {name}")
    site.tally.rebalances += 2 * (len(worker.entries("worker_starts_again")) - restarts)
    missed = harmed & worker.open_databases - rebuilt() if is_noticed else set()
    site.tally.damages[how] = (len(rebuilt()), len(missed))


def _files(worker: Worker, pattern: str) -> list[Path]:
    return [path for path in worker.data_dir.glob(f"**/*.db/{pattern}") if path.stat().st_size]


async def fill_disk(site: Site, name: str, *, release: float) -> None:
    """Give a worker a disk of its own, leave no byte of it free for a while, and take it away."""
    worker = site.worker(name)
    await faults.stop(site, name)
    worker.wipe()
    with _small_disk(worker.data_dir) as is_there:
        if not is_there:
            site.tally.unchecked.append("a full disk: this user may mount none")
        await faults.start(site, name)
        if is_there:
            await _fill(site, worker, release)
        await faults.stop(site, name)
    worker.wipe()
    await faults.start(site, name)


async def _fill(site: Site, worker: Worker, release: float) -> None:
    waiting = len(worker.entries("waiting_for_space"))
    back = len(worker.entries("space_is_back"))
    ballast = worker.data_dir / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1 << 16)):
                pass
        site.note("disk full", worker=worker.name)
        await faults.let_out(site, release)
        await site.until(
            lambda: len(worker.entries("waiting_for_space")) > waiting, "the full disk is noticed"
        )
    finally:
        ballast.unlink()
    await site.until(lambda: len(worker.entries("space_is_back")) > back, "the space is noticed")
    site.tally.rebalances += 2
    await site.until_ready(f"space for {worker.name}")


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """Mount a file system in memory there; yield whether that is allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MEGABYTES}m", "tmpfs", str(folder)]
    is_there = subprocess.run(mount, check=False, capture_output=True).returncode == 0  # noqa: S603
    try:
        yield is_there
    finally:
        if is_there:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607


async def kill_spellers(site: Site, name: str, *, release: float) -> None:
    """SIGKILL the processes that check texts, at work, under a worker that lives on."""
    worker = site.worker(name)
    await faults.let_out(site, release)
    family = psutil.Process(worker.life.process.pid).children(recursive=True)
    alive = [process for process in family if process.status() != psutil.STATUS_ZOMBIE]
    spellers = [process for process in alive if _SPELLER in process.cmdline()]
    assert spellers, f"{name} has no process that checks texts"
    for process in spellers:
        process.kill()
    site.note("spellers killed", worker=name, processes=len(spellers))
    await faults.resume(site, f"{name} has lost its spellers")


async def skew(site: Site, name: str, hours: int, *, release: float) -> None:
    """Have a worker's clock be hours off for one life."""
    if _FAKETIME is None:
        site.tally.unchecked.append("a clock that is hours off: install libfaketime")
        return
    worker = site.worker(name)
    await faults.stop(site, name)
    worker.start(
        environment={
            "LD_PRELOAD": str(_FAKETIME),
            "FAKETIME": f"{hours:+d}h",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
    )
    site.note("skewed", worker=name, hours=hours)
    site.tally.rebalances += 1
    await site.until_ready(f"{name} with a clock {hours:+d} h off")
    await faults.let_out(site, release)
    await asyncio.sleep(_SKEWED_SECONDS)
    await faults.stop(site, name)
    await faults.start(site, name)
