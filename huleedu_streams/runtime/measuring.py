"""What a worker's consumer tells the metrics: lag, rebalances, recovery."""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import Any

import faust
from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted

from huleedu_streams.metrics import Metrics

LAG_INTERVAL_SECONDS = 5.0
_POSITION_SECONDS = 1.0


def measure_consumer(app: faust.App, metrics: Metrics) -> None:
    """Have `app` keep lag, rebalances and recovery times in `metrics`."""
    topics = [str(topic) for agent in app.agents.values() for topic in agent.channel.topics]
    if not topics:
        return
    metrics.prime(topics, app.conf.id)
    started = monotonic()

    async def on_revoked(*_args: object, **_kwargs: object) -> None:
        nonlocal started
        started = monotonic()
        metrics.rebalances.inc()
        metrics.consumer_lag.clear()

    app.on_partitions_revoked.connect(on_revoked)

    for table in app.tables.values():

        async def on_recovered(name: str = table.name) -> None:
            metrics.table_recovery.labels(name).set(monotonic() - started)

        table.on_recover(on_recovered)

    async def measure_lag() -> None:
        with contextlib.suppress(ConsumerNotStarted):
            await _measure_lag(app, metrics, frozenset(topics))

    app.timer(interval=LAG_INTERVAL_SECONDS)(measure_lag)


async def _measure_lag(app: faust.App, metrics: Metrics, topics: frozenset[str]) -> None:
    consumer: Any = app.consumer  # the offsets below have no public name
    for partition in list(consumer.assignment()):
        if partition.topic not in topics:
            continue
        end = consumer.highwater(partition)
        # What is committed, or where reading began: between the two everything is unprocessed.
        committed, read = consumer._committed_offset, consumer._read_offset  # noqa: SLF001
        done = committed.get(partition) or read.get(partition)
        if end is None or done is None:
            continue
        count = max(0, end - done)
        if count and await _is_done(consumer, partition, end):
            count = 0
        metrics.consumer_lag.labels(partition.topic, str(partition.partition)).set(count)


async def _is_done(consumer: Any, partition: Any, end: int) -> bool:  # noqa: ANN401 - Faust's
    """Whether all there is was read and acknowledged.

    A replay of dead letters ends in the log with the end of its transaction, an offset without a
    record: nobody ever commits past it.
    """
    if any(message.tp == partition for message in list(consumer.unacked)):
        return False
    with contextlib.suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(_POSITION_SECONDS):
            return bool(await consumer.position(partition) >= end)
    return False
