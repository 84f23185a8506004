"""Everything that a run leaves behind, gathered once for the invariants to look at."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import faults, wire
from tests.chaos.kafka import Logged, read_log
from tests.chaos.plan import Plan
from tests.chaos.site import Site, Tally
from tests.chaos.workers import Worker

TABLES = ("essays", "batches", "batch_members")
_OWNED = re.compile(
    r'huleedu_consumer_lag_messages\{partition="(\d+)",topic="' + re.escape(wire.REQUESTED)
)
_MOMENTS = frozenset({"at", "created_at", "updated_at", "registered_at", "completed_at"})

_REBUILD_SECONDS = 120.0

Rows = dict[str, dict[str, Any]]


@dataclass(slots=True)
class Evidence:
    """What was planned, what was done, and what is there now.

    Attributes:
        log: Every record of every topic, poison left out of the topics that are consumed.
        poison: The poison messages as they lie there, by mark.
        before: The tables as their owners held them at rest.
        after: The tables that one worker made from the changelogs alone.
    """

    plan: Plan
    tally: Tally
    site: Site
    log: dict[str, list[Logged]]
    poison: dict[bytes, Logged]
    before: dict[str, Rows]
    after: dict[str, Rows]
    scrapes: dict[str, str]
    logs: dict[str, str]
    peak_per_second: dict[str, int]

    def bodies(self, topic: str) -> list[wire.Json]:
        """Return the events of a topic, decoded, in the order of its partitions."""
        return [json.loads(record.value or b"") for record in self.log[topic]]

    def write(self, folder: Path) -> None:
        """Leave the tables and the log beside the other files of a red run."""
        tables = {"before": self.before, "after": self.after}
        (folder / "tables.json").write_text(json.dumps(tables, indent=1), "utf-8")
        with (folder / "log.jsonl").open("w", encoding="utf-8") as lines:
            for topic in (*wire.CONSUMED, wire.PHASE_COMPLETED):
                for record, body in zip(self.log[topic], self.bodies(topic), strict=True):
                    place = [topic, record.partition, record.offset]
                    lines.write(json.dumps({"place": place, "body": body}) + "\n")


async def gather(site: Site) -> Evidence:
    """Stop the workers of a settled site, wipe them, let one recover, and keep what all say."""
    await asyncio.sleep(6)  # the lag metric, which tells who owns what, is renewed every 5 s
    scrapes = {worker.name: await worker.metrics(site.session) for worker in site.wanted}
    before = await _owned_tables(site, scrapes)
    workers = list(site.wanted)
    for worker in workers:
        await faults.stop(site, worker.name)
    after = await _recovered_tables(site, workers)
    topics = (*wire.CONSUMED, wire.PHASE_COMPLETED, *wire.DEAD_LETTERS)
    log = await asyncio.to_thread(read_log, site.kafka.bootstrap, topics)
    marks = {
        (bad.topic, bad.key, bad.value, bad.seen_headers): bad.mark for bad in site.plan.poison
    }
    poison: dict[bytes, Logged] = {}
    for topic in wire.CONSUMED:
        events = []
        for record in log[topic]:
            mark = marks.get((topic, record.key, record.value, record.headers))
            if mark is None:
                events.append(record)
            else:
                poison[mark] = record
        log[topic] = events
    return Evidence(
        plan=site.plan,
        tally=site.tally,
        site=site,
        log=log,
        poison=poison,
        before=before,
        after=after,
        scrapes=scrapes,
        logs={
            name: worker.log.read_text("utf-8", errors="replace")
            for name, worker in site.workers.items()
        },
        peak_per_second={topic: site.observer.peak_per_second(topic) for topic in topics},
    )


async def _owned_tables(site: Site, scrapes: dict[str, str]) -> dict[str, Rows]:
    """Return each table's rows, every partition from the worker that owns it."""
    tables: dict[str, Rows] = {}
    for worker in site.wanted:
        owned = {int(number) for number in _OWNED.findall(scrapes[worker.name])}
        site.note("owner", worker=worker.name, partitions=sorted(owned))
        for table in TABLES:
            rows = [row for row in await worker.rows(table) if row["partition"] in owned]
            tables.setdefault(table, {}).update(_by_key(rows))
    return tables


async def _recovered_tables(site: Site, workers: list[Worker]) -> dict[str, Rows]:
    for worker in workers:
        worker.wipe()
    survivor = workers[0]
    survivor.start()
    # One worker rebuilds what all of them had: that is no fail-over.
    await site.until_ready("all RocksDB folders wiped", _REBUILD_SECONDS)
    tables = {table: _by_key(await survivor.rows(table)) for table in TABLES}
    await faults.stop(site, survivor.name)
    return tables


def _by_key(rows: list[dict[str, Any]]) -> Rows:
    return {row["key"]: canonical(row) for row in rows}


def canonical(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any JSON value
    """Return JSON in the one form in which two are compared: sorted keys, times in UTC."""
    if isinstance(value, dict):
        return {key: canonical(value[key], key) for key in sorted(value)}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if name in _MOMENTS and isinstance(value, str):
        return wire.moment(value)
    return value
