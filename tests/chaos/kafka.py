"""The broker and what a stranger does at it: produce, read a log to its end, ask for lag.

Clients are librdkafka's, another implementation than the workers use.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as AIOKafkaError
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from huleedu_streams.embedded import broker, process
from huleedu_streams.topics.bootstrap import apply
from huleedu_streams.topics.catalogue import catalogue
from tests.chaos import wire
from tests.chaos.plan import Record
from tests.chaos.poison import Way
from tests.chaos.proxy import KafkaProxy
from tests.raw_records import send_unreadable

PARTITIONS = 6
CODECS = ("none", "lz4", "snappy", "zstd")
_READ_SECONDS = 120.0
_CRITICAL = 2  # of syslog: a broker that is away is part of the plan


class Cluster:
    """One embedded Kafka, and the proxy through which workers reach it."""

    def __init__(self, folder: Path, proxy: KafkaProxy) -> None:
        self.folder = folder
        self.proxy = proxy
        self.bootstrap = ""
        self._pid = 0

    @property
    def for_workers(self) -> str:
        """Where workers look for it: at the proxy."""
        return f"127.0.0.1:{self.proxy.port}"

    async def start(self) -> None:
        """Start, or start again with the data and on the ports of before."""
        address = await asyncio.to_thread(broker.start, self.folder, proxy_port=self.proxy.port)
        self.bootstrap, self._pid = address.bootstrap, address.pid
        self.proxy.target_port = broker.proxied_port(self.folder) or 0

    async def make_topics(self) -> None:
        await apply(self.bootstrap, catalogue())

    def kill(self) -> None:
        """SIGKILL the broker."""
        os.kill(self._pid, signal.SIGKILL)
        assert process.wait_until(lambda: not process.is_alive(self._pid), 10)

    def stop(self) -> None:
        broker.stop(self.folder)


@dataclass(frozen=True, slots=True)
class Logged:
    """One record as it lies in a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: wire.Headers


class ForeignProducer:
    """Sends a plan's records in order, as far as it is let and no faster than it is told."""

    def __init__(self, bootstrap: str, records: Sequence[Record], codec: str) -> None:
        common = {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,  # what is repeated is repeated by the plan
            "linger.ms": 5,
            "log_level": _CRITICAL,
            # A batch above the topic's limit would be refused with all that is in it.
            "batch.size": 16_384,
            "message.max.bytes": 100_000_000,
            "queue.buffering.max.kbytes": 1_000_000,
            "message.timeout.ms": 0,
        }
        self._plain = Producer(common | {"compression.type": codec})
        self._ways = {Way.PLAIN: self._plain} | {
            way: Producer(common | {"compression.type": way.value}) for way in (Way.GZIP, Way.ZSTD)
        }
        self._bootstrap = bootstrap
        self._by_hand: set[asyncio.Task[None]] = set()
        # A broker that is away is part of the plan.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        self._records = records
        self._released = 0
        self.rate_per_second = 200.0
        self.sent = 0
        self.refused: list[str] = []
        self.sent_at: dict[bytes, float] = {}

    def release(self, share: float) -> None:
        """Let everything up to this share of the records go out."""
        self._released = max(self._released, round(len(self._records) * share))

    @property
    def is_idle(self) -> bool:
        """Whether all that is released has been acknowledged."""
        waiting = sum(map(len, self._ways.values())) + len(self._by_hand)
        return self.sent >= self._released and not waiting

    async def run(self) -> None:
        """Send until cancelled."""
        allowance, last = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(0.02)
            now = time.monotonic()
            allowance = min(allowance + (now - last) * self.rate_per_second, self.rate_per_second)
            last = now
            while allowance >= 1 and self.sent < self._released:
                self._send(self._records[self.sent], now)
                self.sent += 1
                allowance -= 1
            for producer in self._ways.values():
                producer.poll(0)

    def _send(self, record: Record, now: float) -> None:
        if record.topic == wire.REQUESTED and record.key is not None:
            self.sent_at.setdefault(record.key, now)
        if record.way is Way.UNREADABLE:
            task = asyncio.create_task(self._send_by_hand(record))
            self._by_hand.add(task)
            task.add_done_callback(self._by_hand.discard)
            return
        self._ways[record.way].produce(
            record.topic,
            value=record.value,
            key=record.key,
            headers=list(record.headers),
            on_delivery=self._delivered,
        )

    async def _send_by_hand(self, record: Record) -> None:
        """Send what librdkafka does not make, however long the broker is away."""
        while True:
            producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all")
            try:
                await producer.start()
                await send_unreadable(
                    producer, record.topic, 0, record.key, record.value, record.headers
                )
            except (AIOKafkaError, OSError):
                await asyncio.sleep(0.5)
            else:
                return
            finally:
                await producer.stop()

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.refused.append(f"{message.topic()}: {error}")


def _consumer(bootstrap: str, group: str = "chaos-oracle") -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "log_level": _CRITICAL,
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": 50_000_000,
            "fetch.max.bytes": 100_000_000,
            "receive.message.max.bytes": 200_000_000,
        }
    )


def read_log(bootstrap: str, topics: Iterable[str]) -> dict[str, list[Logged]]:
    """Return every record of each topic, in the order of its partitions; blocks."""
    consumer = _consumer(bootstrap)
    found: dict[str, list[Logged]] = {topic: [] for topic in topics}
    try:
        ends = {}
        for topic in found:
            for number in range(PARTITIONS):
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), 20)
                if high > low:
                    ends[topic, number] = high
        consumer.assign([TopicPartition(topic, number, 0) for topic, number in ends])
        deadline = time.monotonic() + _READ_SECONDS
        while ends and time.monotonic() < deadline:
            for record in map(_logged, consumer.consume(1000, 0.5)):
                found[record.topic].append(record)
                if record.offset + 1 >= ends.get((record.topic, record.partition), 2**63):
                    del ends[record.topic, record.partition]
        if ends:
            raise AssertionError(f"not read to the end: {sorted(ends)}")
    finally:
        consumer.close()
    return {
        topic: sorted(records, key=lambda record: (record.partition, record.offset))
        for topic, records in found.items()
    }


# The client returns a list and leaves the error set that it met. A call from C notices; the
# interpreter's own, once it is warm, goes on and raises it in whatever comes next.
_ask_headers = methodcaller("headers")


def _logged(message: Message) -> Logged:
    if message.error() is not None:
        raise KafkaException(message.error())
    return Logged(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=headers_of(message),
    )


def headers_of(message: Message) -> wire.Headers:
    """Return the record's headers in order, one without a value as empty; none it cannot read."""
    try:
        found = _ask_headers(message) or []
    except (SystemError, UnicodeDecodeError):
        return ()
    pairs = found.items() if isinstance(found, dict) else found
    return tuple((name, _bytes(value) or b"") for name, value in pairs)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def lag(bootstrap: str, group: str, topics: Iterable[str]) -> int:
    """Return how many records the group has not committed past; blocks."""
    consumer = _consumer(bootstrap, group)
    try:
        places = [TopicPartition(topic, n) for topic in topics for n in range(PARTITIONS)]
        behind = 0
        for place in consumer.committed(places, 20):
            low, high = consumer.get_watermark_offsets(
                TopicPartition(place.topic, place.partition), 20
            )
            behind += high - max(place.offset, low)
        return behind
    finally:
        consumer.close()
