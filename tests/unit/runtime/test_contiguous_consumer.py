"""Whatever cuts the reading off, every record is delivered, and nothing is committed past."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from huleedu_streams.runtime.contiguous_consumer import ContiguousConsumer
from huleedu_streams.runtime.streams_app import StreamsApp
from huleedu_streams.settings import Settings

ONE, TWO = TP("requests", 1), TP("requests", 2)


@dataclass
class Fetched:
    """A record, as far as the consumer looks at it."""

    topic: str
    partition: int
    offset: int


class Log:
    """Partitions as a broker keeps them: offsets that are there, an end, what is committed."""

    def __init__(self, **records: list[int]) -> None:
        self.records = {TP("requests", int(name[1:])): there for name, there in records.items()}
        self.ends = {tp: there[-1] + 1 if there else 0 for tp, there in self.records.items()}
        self.begins = {tp: there[0] if there else 0 for tp, there in self.records.items()}
        self.committed: dict[TP, int | None] = dict.fromkeys(self.records)


async def _nothing(*_args: object) -> None:
    """In place of what an app does about a record or a rebalance."""


class ReadingConsumer(ContiguousConsumer):
    """The consumer under test on such a log, with its thread and its group left out."""

    def __init__(self, app: StreamsApp, log: Log) -> None:
        super().__init__(
            app.transport,
            callback=_nothing,
            on_partitions_revoked=_nothing,
            on_partitions_assigned=_nothing,
        )
        self.log_of = log
        self.assigned = set(log.records)
        self.positions = dict.fromkeys(log.records, 0)
        self.sought: list[Mapping[TP, int]] = []
        self.cut_off_at: int | None = None

    def assignment(self) -> set[TP]:
        return set(self.assigned)

    def highwater(self, tp: TP) -> int:
        return self.log_of.ends[tp]

    def _get_active_partitions(self) -> set[TP]:
        return set(self.log_of.records)

    def _to_message(self, tp: TP, record: Any) -> Any:  # noqa: ANN401, ARG002 - the record itself
        return record

    async def seek_to_committed(self) -> Any:  # noqa: ANN401 - Faust's
        for tp, offset in self.log_of.committed.items():
            self.positions[tp] = offset or self.positions[tp]
        return dict(self.log_of.committed)

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        return {tp: self.log_of.begins[tp] for tp in partitions}

    async def highwaters(self, *partitions: TP) -> dict[TP, int]:
        return {tp: self.log_of.ends[tp] for tp in partitions}

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.sought.append(dict(partitions))
        self.positions.update(partitions)

    async def position(self, tp: TP) -> int:
        if tp not in self.assigned:
            await asyncio.Event().wait()
        return self.positions[tp]

    async def _getmany(self, *_args: object, **_kwargs: object) -> Any:  # noqa: ANN401
        self._fetch_epoch = self._epoch
        fetched = {}
        for tp, offsets in self.log_of.records.items():
            there = [n for n in offsets if n >= self.positions[tp]]
            if there:
                fetched[tp] = [Fetched(tp.topic, tp.partition, n) for n in there]
            self.positions[tp] = max(self.positions[tp], self.log_of.ends[tp])
        return fetched

    def acknowledge(self, tp: TP, *offsets: int) -> None:
        self._acked[tp] = list(offsets)

    def committable(self, tp: TP) -> int | None:
        return self._new_offset(tp)

    async def read(self, *, stop_at: int | None = None) -> list[tuple[int, int]]:
        """Fetch once and return what is delivered, the flow stopped at that offset."""
        delivered = []
        async for tp, message in self.getmany(0.1):
            if message.offset == stop_at:
                self.stop_flow()
                continue
            delivered.append((tp.partition, message.offset))
        return delivered


@pytest.fixture
def app(tmp_path: Path) -> StreamsApp:
    return StreamsApp(Settings(data_dir=tmp_path, _env_file=None), partitions=6)


async def ready(app: StreamsApp, log: Log) -> ReadingConsumer:
    consumer = ReadingConsumer(app, log)
    consumer.resume_flow()
    await consumer.perform_seek()
    return consumer


async def test_records_are_delivered_from_the_committed_one_on(app: StreamsApp) -> None:
    log = Log(p1=[0, 1, 2, 3])
    log.committed[ONE] = 2
    consumer = await ready(app, log)

    assert await consumer.read() == [(1, 2), (1, 3)]


async def test_what_a_stop_cuts_off_is_read_again(app: StreamsApp) -> None:
    consumer = await ready(app, Log(p1=[0, 1, 2, 3]))

    assert await consumer.read(stop_at=1) == [(1, 0)]
    consumer.resume_flow()
    assert await consumer.read() == []
    assert await consumer.read() == [(1, 1), (1, 2), (1, 3)]


async def test_partition_without_a_commit_begins_at_its_begin(app: StreamsApp) -> None:
    consumer = ReadingConsumer(app, Log(p1=[5, 6]))
    consumer.resume_flow()
    consumer.positions[ONE] = 7  # where reading has got to in a recovery

    await consumer.perform_seek()

    assert await consumer.read() == [(1, 5), (1, 6)]


async def test_revoked_partition_keeps_no_other_from_being_read(app: StreamsApp) -> None:
    consumer = await ready(app, Log(p1=[0, 1], p2=[0, 1]))
    await consumer.read(stop_at=0)
    consumer.resume_flow()
    consumer.assigned = {TWO}

    assert await consumer.read() == []
    assert await consumer.read() == [(2, 0), (2, 1)]


async def test_end_of_a_transaction_is_passed_over_and_committed(app: StreamsApp) -> None:
    log = Log(p1=[0, 1])
    log.ends[ONE] = 3
    consumer = await ready(app, log)
    assert await consumer.read() == [(1, 0), (1, 1)]
    consumer.acknowledge(ONE, 0, 1)

    await consumer.read()
    await consumer.read()

    assert consumer.committable(ONE) == 3


async def test_hole_in_the_log_is_passed_over(app: StreamsApp) -> None:
    consumer = await ready(app, Log(p1=[0, 4]))

    assert await consumer.read() == [(1, 0)]
    assert await consumer.read() == [(1, 4)]
    assert consumer.sought[-1] == {ONE: 1}


@pytest.mark.parametrize(("committed", "begin"), [(500, 0), (2, 7)], ids=["truncated", "expired"])
async def test_commit_outside_the_log_begins_at_its_begin(
    app: StreamsApp, committed: int, begin: int
) -> None:
    log = Log(p1=list(range(begin, begin + 3)))
    log.committed[ONE] = committed
    consumer = await ready(app, log)

    assert await consumer.read() == [(1, begin), (1, begin + 1), (1, begin + 2)]
    consumer.acknowledge(ONE, begin)
    assert consumer.committable(ONE) == begin + 1


async def test_nothing_is_committed_past_what_is_not_acknowledged(app: StreamsApp) -> None:
    log = Log(p1=[0, 1, 2, 3])
    log.committed[ONE] = 1
    consumer = await ready(app, log)
    consumer.acknowledge(ONE, 2, 3)

    assert consumer.committable(ONE) is None
    consumer.acknowledge(ONE, 1, 2)
    assert consumer.committable(ONE) == 3
