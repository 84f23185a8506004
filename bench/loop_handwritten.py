"""The loop of peer (a), alone: `python -m bench.loop_handwritten`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from bench.counting import HEADERS, OUTPUT, TOPIC, an_output, counted, report_rate
from bench.handwritten import LINGER_MS

_RECORDS_A_FETCH = 500


class Counting:
    """One loop: a dictionary in place of the table."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self._rows: dict[bytes, Any] = {}

    async def run(self, bootstrap: str) -> None:
        """Consume until the process ends."""
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=LINGER_MS)
        consumer = AIOKafkaConsumer(
            TOPIC,
            bootstrap_servers=bootstrap,
            group_id="bench-handwritten",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await producer.start()
        await consumer.start()
        reporting = asyncio.create_task(report_rate(lambda: self.acknowledged))
        while not reporting.done():
            fetched = await consumer.getmany(timeout_ms=1000, max_records=_RECORDS_A_FETCH)
            records = [record for each in fetched.values() for record in each]
            await self._handle(producer, records)
            await consumer.commit()
            self.acknowledged += len(records)
        await consumer.stop()
        await producer.stop()

    async def _handle(self, producer: AIOKafkaProducer, records: Sequence[ConsumerRecord]) -> None:
        acks = []
        for record in records:
            row = counted(self._rows.get(record.key), record.value)
            self._rows[record.key] = row
            acks.append(
                await producer.send(OUTPUT, an_output(row), record.key, headers=list(HEADERS))
            )
        await asyncio.gather(*acks)


if __name__ == "__main__":
    uvloop.run(Counting().run(sys.argv[1]))
