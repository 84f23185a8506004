"""Dead letters made without a worker, what a replay sent, and the command as it is typed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from huleedu_streams.adapters.kafka_records import send_record
from huleedu_streams.contracts.codec import Headers
from huleedu_streams.contracts.dead_letters import ConsumedRecord, dead_letter
from huleedu_streams.errors import UndecodableMessageError
from tests.builders import NOON
from tests.integration.kafka import producing
from tests.integration.workers import run_command

PARTITIONS = 6


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command said."""

    code: int
    out: str
    error: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True, slots=True)
class Dlt:
    """`huleedu-streams dlt` at one broker, for one topic."""

    bootstrap: str
    topic: str
    settings: dict[str, object] = field(default_factory=dict)

    async def run(self, command: str, *arguments: str, **settings: object) -> Ran:
        words = ("huleedu_streams", "dlt", command, self.topic, *arguments)
        chosen = {"broker_url": f"kafka://{self.bootstrap}"} | self.settings | settings
        done = await asyncio.to_thread(run_command, *words, **chosen)
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    async def rows(self, command: str, *arguments: str, expected: int = 0) -> list[dict[str, Any]]:
        ran = await self.run(command, *arguments, "--json")
        assert ran.code == expected, ran.error
        return ran.rows


def an_original(
    topic: str,
    number: int,
    *,
    key: bytes | None = b"essay-1",
    value: bytes | None = None,
    headers: Headers = (),
) -> ConsumedRecord:
    """Return a record that somebody could not read."""
    body = f"no event {number}".encode() if value is None else value
    mine = (("case", str(number).encode()), *headers)
    return ConsumedRecord(topic, number % PARTITIONS, number, key, body, mine)


async def bury(bootstrap: str, originals: Iterable[ConsumedRecord], partition: int = 0) -> None:
    """Put the dead letters of `originals` into one partition, in order."""
    error = UndecodableMessageError("not JSON")
    letters = [dead_letter(one, error, tries=1, first_failed_at=NOON) for one in originals]
    for letter in letters:
        await put(
            bootstrap, letter.topic, letter.key, letter.value, letter.headers, partition=partition
        )


async def put(
    bootstrap: str,
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    *,
    partition: int | None = None,
) -> tuple[int, int]:
    """Send one record as it is; return its place."""
    async with producing(
        bootstrap, compression_type="gzip", max_request_size=30_000_000
    ) as producer:
        metadata = await (
            await send_record(producer, topic, key, value, headers, partition=partition)
        )
    return metadata.partition, metadata.offset


async def committed(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Return what a reader of committed records sees of `topic`, partition by partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", fetch_max_wait_ms=20
    )
    await consumer.start()
    found: list[ConsumerRecord] = []
    try:
        for number in range(PARTITIONS):
            place = TopicPartition(topic, number)
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                found += (await consumer.getmany(place, timeout_ms=50)).get(place, [])
    finally:
        await consumer.stop()
    return found


def cases(records: Iterable[ConsumerRecord]) -> list[str]:
    """Return the header `case` of each."""
    return [dict(record.headers).get("case", b"").decode() for record in records]


def header(headers: Sequence[tuple[str, bytes]], name: str) -> list[bytes]:
    """Return the values of every header of that name."""
    return [value for found, value in headers if found == name]
