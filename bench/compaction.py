"""How long the log keeps a row that an older one, sent late by a stopped worker, follows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.kafka import PARTITIONS, StalledError, a_kafka, produce
from bench.recovery import CHANGELOG, essay_rows
from bench.report import Figure
from huleedu_streams.adapters.kafka_batches import partition_of
from huleedu_streams.contracts.codec import OutgoingEvent

_ROWS_A_STEP = 1_000
# The broker's cleaner looks every fifteen seconds.
_CLEANED_SECONDS = 90.0
_POLL_SECONDS = 1.0
_ROW_VERSIONS = (5, 2)


async def compaction(folder: Path, report: Callable[[str], None]) -> list[Figure]:
    """Write a row, an older one after it, and others until the better one is compacted away."""
    async with a_kafka(folder / "kafka") as bootstrap:
        others = _of_partition(0)
        row = orjson.loads(next(others).value)
        better_and_older = [
            OutgoingEvent(CHANGELOG, row["essay_id"], orjson.dumps(row | {"version": version}), ())
            for version in _ROW_VERSIONS
        ]
        await asyncio.to_thread(produce, bootstrap, better_and_older)
        segments = folder / "kafka" / "kafka" / f"{CHANGELOG}-0"
        changes = 0
        while len(list(segments.glob("*.log"))) == 1:
            await asyncio.to_thread(produce, bootstrap, islice(others, _ROWS_A_STEP))
            changes += _ROWS_A_STEP
        await _compacted(bootstrap)
    report(f"the better row was gone after {changes:,} more changes of its partition")
    return [Figure("changes of a partition before a better row may go", "changes", changes)]


def _of_partition(number: int) -> Iterator[OutgoingEvent]:
    """Yield rows of essays of one partition, without end."""
    while True:
        for event in essay_rows(_ROWS_A_STEP):
            if partition_of(event.key.encode(), PARTITIONS) == number:
                yield event


async def _compacted(bootstrap: str) -> None:
    """Wait until the first record of the partition is gone."""
    partition = TopicPartition(CHANGELOG, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        consumer.assign([partition])
        async with asyncio.timeout(_CLEANED_SECONDS):
            while True:
                consumer.seek(partition, 0)
                if (await consumer.getone()).offset > 0:
                    return
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise StalledError(f"not compacted within {_CLEANED_SECONDS:g} s") from None
    finally:
        await consumer.stop()
