"""How long a start takes and what memory it takes, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import psutil

from bench.spelling.rows import Row

_PROCESSES = 3
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Footprint:
    """One loaded process; bytes.

    Attributes:
        load_seconds: Processor time of the load.
        resident: All pages it has in memory, shared or not.
        proportional: The same, each shared page divided by those that share it.
        private: Pages that nobody shares.
    """

    load_seconds: float
    resident: int
    proportional: int
    private: int


def rows(engines: Iterable[str]) -> Iterator[Row]:
    """Yield load time and memory beyond what Python and the libraries take.

    Only Linux tells shared pages from private ones.
    """
    (bare,) = footprints("none", 1)
    together = f"memory of a language, {_PROCESSES} processes together"
    measured = {engine: footprints(engine, _PROCESSES) for engine in engines}
    for engine, found in measured.items():
        best = min(process.load_seconds for process in found)
        yield Row("start with a built index", engine, best, "s", len(found), "<= 1")
    for engine, found in measured.items():
        grown = (found[0].resident - bare.resident) / _MB
        yield Row("memory of a language, one process", engine, grown, "MB", 1)
    for engine, found in measured.items():
        grown = sum(process.proportional - bare.private for process in found) / _MB
        yield Row(together, engine, grown, "MB", len(found), "<= 150")
    for engine, found in measured.items():
        grown = sum(process.private - bare.private for process in found) / len(found) / _MB
        yield Row("  of it private to each", engine, grown, "MB", len(found))


def footprints(engine: str, count: int) -> list[Footprint]:
    """Start processes that load an engine and measure them while all are there."""
    with ExitStack() as stack:
        processes = []
        for _ in range(count):
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "bench.spelling.loaded", engine],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.communicate)  # its input ends, and so does it
            processes.append(process)
        said = [process.stdout.readline() if process.stdout else "" for process in processes]
        return [
            _of(process.pid, float(line)) for process, line in zip(processes, said, strict=True)
        ]


def _of(pid: int, load_seconds: float) -> Footprint:
    memory = psutil.Process(pid).memory_full_info()
    proportional = getattr(memory, "pss", memory.rss)
    return Footprint(load_seconds, memory.rss, proportional, memory.uss)
