"""How one subject is measured: essays a second, latency, and what it uses."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.handwritten import COMPLETED, UPDATED
from bench.kafka import PARTITIONS, Offsets, StalledError, a_producer, produce, send
from bench.load import BATCH_ESSAYS, Load, a_load
from bench.subjects import Subject
from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.lifecycle import EssayStatus

PHASE_COMPLETED = topic_name(ProcessingEvent.BATCH_SPELLCHECK_PHASE_COMPLETED)
_LATE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """What came of a backlog of essays.

    Attributes:
        essays_per_second: From the first request produced to the last batch's completion.
        cpu_ms_per_essay: Of the subject and its children.
        resident_bytes: Of the same, at the end.
    """

    essays_per_second: float
    cpu_ms_per_essay: float
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Latency:
    """From a request's production to the broker's copy of its essay's new status, in ms."""

    p50_ms: float
    p95_ms: float


async def throughput(
    bootstrap: str,
    subject: Subject,
    text_ids: Sequence[str],
    warm_up: int,
    batch_essays: int = BATCH_ESSAYS,
) -> Throughput:
    """Give the subject all essays at once; the first `warm_up` ones do not count."""
    async with Offsets(bootstrap, COMPLETED, UPDATED, PHASE_COMPLETED) as offsets:
        if warm_up:
            await _through(bootstrap, offsets, a_load(text_ids[:warm_up]))
        load = a_load(text_ids[warm_up:], batch_essays)
        cpu_before = subject.use().cpu_seconds
        seconds = await _through(bootstrap, offsets, load)
    used, count = subject.use(), len(load.requests)
    cpu_seconds = used.cpu_seconds - cpu_before
    return Throughput(count / seconds, 1000 * cpu_seconds / count, used.resident_bytes)


async def _through(bootstrap: str, offsets: Offsets, load: Load) -> float:
    """Return how many seconds the essays took until every output was there."""
    before = await offsets.counts()
    await asyncio.to_thread(produce, bootstrap, load.registrations)
    began = time.monotonic()
    await asyncio.to_thread(produce, bootstrap, load.requests)
    outputs = {
        COMPLETED: len(load.requests),
        UPDATED: 2 * len(load.requests),
        PHASE_COMPLETED: len(load.registrations),
    }
    await offsets.until({topic: before[topic] + count for topic, count in outputs.items()})
    return time.monotonic() - began


async def latency(bootstrap: str, text_ids: Sequence[str], per_second: float) -> Latency:
    """Hand in so many essays a second, evenly."""
    load = a_load(text_ids)
    await asyncio.to_thread(produce, bootstrap, load.registrations)
    arrivals: dict[str, float] = {}
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        places = [TopicPartition(UPDATED, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_end(*places)
        reading = asyncio.create_task(_arrivals(consumer, arrivals, len(load.requests)))
        starts = await _evenly(bootstrap, load, per_second)
        await asyncio.wait_for(reading, _LATE_SECONDS)
    except TimeoutError:
        raise StalledError(f"{len(arrivals)} of {len(load.requests)} essays came through") from None
    finally:
        await consumer.stop()
    waits = sorted(1000 * (arrivals[key] - started) for key, started in starts.items())
    cuts = statistics.quantiles(waits, n=100)
    return Latency(cuts[49], cuts[94])


async def _evenly(bootstrap: str, load: Load, per_second: float) -> dict[str, float]:
    producer, starts = a_producer(bootstrap), dict[str, float]()
    began = time.monotonic()
    for number, request in enumerate(load.requests):
        await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
        starts[request.key] = time.monotonic()
        send(producer, request)
    await asyncio.to_thread(producer.flush)
    return starts


async def _arrivals(consumer: AIOKafkaConsumer, arrivals: dict[str, float], count: int) -> None:
    """Note when each essay's success arrives."""
    while len(arrivals) < count:
        record = await consumer.getone()
        event = orjson.loads(record.value)["data"]
        if event["status"] == EssayStatus.SPELLCHECKED_SUCCESS:
            arrivals.setdefault(event["entity_ref"]["entity_id"], time.monotonic())
