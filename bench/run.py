"""One run: every subject measured in turn, medians over rounds, figures beside their peers'."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import ClassVar

from bench.compaction import compaction
from bench.failover import failover_seconds
from bench.growth import growth
from bench.kafka import a_kafka
from bench.load import stored_texts
from bench.loops import LOOPS, LoopRate, loop_rates
from bench.measuring import Latency, Throughput, latency, throughput
from bench.recovery import recovery_rows_per_second
from bench.report import Aim, Figure
from bench.subjects import Peer, Subject, Worker
from huleedu_streams.settings import Settings

Report = Callable[[str], None]

_WARM_UP_ESSAYS = 300
_SLOW_ESSAYS = 8
_LATENCY_ESSAYS = 600
_PER_SECOND = 20.0
_MIB = 1024 * 1024
# The session timeout, by default, and five seconds.
_FAILOVER = Aim(Settings.model_fields["session_timeout_seconds"].default + 5, is_most=True)

BY_HAND = "(a) aiokafka by hand"
PIPELINE = "(b) pyspellchecker"
FIRST_SHAPE = "first shape"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        essays: Of one round, without those that warm up.
        rounds: Worker and peers take turns so often.
        rows: To recover from a changelog.
        chosen: The parts to run; `growth` and `compaction`, which take long, only where they are
            asked for.
    """

    parts: ClassVar[frozenset[str]] = frozenset({"essays", "loops", "recovery", "failover"})

    essays: int
    rounds: int
    rows: int
    chosen: frozenset[str]


@dataclass(frozen=True, slots=True)
class Measured:
    """One subject in one round."""

    ready_seconds: float
    throughput: Throughput
    latency: Latency | None


async def run(folder: Path, plan: Plan, report: Report) -> list[Figure]:
    """Measure all that the plan names."""
    figures: list[Figure] = []
    if "essays" in plan.chosen:
        figures += await _essays(folder, plan, report)
    if "loops" in plan.chosen:
        rates = await loop_rates(folder, plan.rounds, list(LOOPS), report)
        figures += _loop_figures(rates)
    if "recovery" in plan.chosen:
        rate = await recovery_rows_per_second(folder / "recovery", plan.rows)
        report(f"recovery: {rate:,.0f} rows/s")
        figures.append(Figure("recovery", "rows/s", rate, aim=Aim(10_000)))
    if "failover" in plan.chosen:
        seconds = await failover_seconds(folder / "failover", plan.rows)
        report(f"failover: {seconds:.1f} s")
        figures.append(Figure("failover of a killed worker", "s", seconds, aim=_FAILOVER))
    if "growth" in plan.chosen:
        figures += await growth(folder / "growth", plan.rows, report)
    if "compaction" in plan.chosen:
        figures += await compaction(folder / "compaction", report)
    return figures


async def _essays(folder: Path, plan: Plan, report: Report) -> list[Figure]:
    content = folder / "content"
    text_ids = await stored_texts(content, _WARM_UP_ESSAYS + plan.essays)
    workers: list[Measured] = []
    peers: list[Measured] = []
    for number in range(plan.rounds):
        for name, found in (("worker", workers), ("handwritten", peers)):
            place = folder / f"{name}-{number}"
            measured = await _measured(name, place, content, text_ids, is_first=number == 0)
            report(f"{name}: {measured.throughput}")
            found.append(measured)
    slow = await _measured("pipeline", folder / "pipeline", content, text_ids[:_SLOW_ESSAYS])
    report(f"pipeline: {slow.throughput}")
    return list(_essay_figures(workers, peers, slow))


async def _measured(
    name: str, folder: Path, content: Path, text_ids: Sequence[str], *, is_first: bool = False
) -> Measured:
    async with a_kafka(folder / "kafka") as bootstrap:
        subject = _subject(name, folder / "subject", bootstrap, content)
        try:
            ready_seconds = await subject.start()
            warm_up = _WARM_UP_ESSAYS if len(text_ids) > _WARM_UP_ESSAYS else 0
            backlog = await throughput(bootstrap, subject, text_ids, warm_up)
            even = None
            if is_first:
                even = await latency(bootstrap, text_ids[:_LATENCY_ESSAYS], _PER_SECOND)
        finally:
            await asyncio.to_thread(subject.end)
    return Measured(ready_seconds, backlog, even)


def _subject(name: str, folder: Path, bootstrap: str, content: Path) -> Subject:
    if name == "worker":
        return Worker(folder, bootstrap, content)
    speller = {"handwritten": "ours", "pipeline": "pipeline"}[name]
    return Peer(folder, "bench.handwritten", bootstrap, str(content), "--speller", speller)


def _essay_figures(
    workers: Sequence[Measured], peers: Sequence[Measured], slow: Measured
) -> Iterator[Figure]:
    rate, end_to_end = _rate(workers), "essays end to end"
    by_hand, slow_rate = _rate(peers), slow.throughput.essays_per_second
    yield Figure(end_to_end, "essays/s", rate, aim=Aim(250))
    yield Figure(end_to_end, "essays/s", rate, by_hand, BY_HAND, Aim(0.5, is_ratio=True))
    yield Figure(end_to_end, "essays/s", rate, slow_rate, PIPELINE, Aim(500, is_ratio=True))
    ours, theirs = workers[0].latency, peers[0].latency
    if ours is not None and theirs is not None:
        at = f"at {_PER_SECOND:g} essays/s"
        yield Figure(f"latency p50 {at}", "ms", ours.p50_ms, theirs.p50_ms, BY_HAND)
        aim = Aim(150, is_most=True)
        yield Figure(f"latency p95 {at}", "ms", ours.p95_ms, theirs.p95_ms, BY_HAND, aim)
    yield Figure("processor time", "ms/essay", _cpu(workers), _cpu(peers), BY_HAND)
    yield Figure("memory, children included", "MiB", _memory(workers), _memory(peers), BY_HAND)
    yield Figure("time to ready", "s", _ready(workers), _ready(peers), BY_HAND)


def _loop_figures(rates: Mapping[str, Sequence[LoopRate]]) -> Iterator[Figure]:
    first, ours, by_hand = [
        LoopRate(*map(median, zip(*rates[name], strict=True))) for name in LOOPS
    ]
    for name, loop, floor in (
        ("delivery loop alone", ours, 2.5),
        ("loop of (a) alone", by_hand, 8),
    ):
        speed, aim = loop.events_per_second, Aim(floor, is_ratio=True)
        yield Figure(name, "events/s", speed, first.events_per_second, FIRST_SHAPE, aim)
        cost = loop.cpu_us_per_event
        yield Figure(f"{name}, processor", "us/event", cost, first.cpu_us_per_event, FIRST_SHAPE)


def _rate(found: Sequence[Measured]) -> float:
    return median(each.throughput.essays_per_second for each in found)


def _cpu(found: Sequence[Measured]) -> float:
    return median(each.throughput.cpu_ms_per_essay for each in found)


def _memory(found: Sequence[Measured]) -> float:
    return median(each.throughput.resident_bytes for each in found) / _MIB


def _ready(found: Sequence[Measured]) -> float:
    return median(each.ready_seconds for each in found)
