"""Peer (a): aiokafka by hand, as one writes it without a framework; `python -m bench.handwritten`.

It does the work of a worker with the same engine, store, contracts and folds: fetch, check, two
stores, every output acknowledged by the broker before its request is committed. What it leaves
out is what a framework is for: rows live in dictionaries and end with the process.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from bench.pipeline_speller import PipelineSpeller
from huleedu_streams.adapters.content_files import FileContentStore
from huleedu_streams.contracts.codec import OutgoingEvent, decode, encode
from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.processors.batches import decide_registration, decide_update
from huleedu_streams.processors.lifecycle import decide
from huleedu_streams.processors.spellcheck import check_essay
from huleedu_streams.protocols import ContentStore, SpellChecker
from huleedu_streams.spelling.pool import build_spell_checker

REQUESTED = topic_name(ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED)
COMPLETED = topic_name(ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED)
REGISTERED = topic_name(ProcessingEvent.BATCH_ESSAYS_REGISTERED)
UPDATED = topic_name(ProcessingEvent.ESSAY_LIFECYCLE_STATE_UPDATED)

Handle = Callable[[Sequence[EventEnvelope[Any]]], Awaitable[list[OutgoingEvent]]]

_RECORDS_A_FETCH = 64
_EVENT_MAX_BYTES = 262_144
LINGER_MS = 5


class DictRows:
    """The rows of batches and their pages, in two dictionaries."""

    def __init__(self) -> None:
        self.batches: dict[str, Any] = {}
        self.pages: dict[tuple[str, int], Any] = {}

    def batch(self, batch_id: str) -> Any | None:  # noqa: ANN401 - a row
        """Return the batch's row."""
        return self.batches.get(batch_id)

    def page(self, batch_id: str, page: int) -> Any | None:  # noqa: ANN401 - a row
        """Return the row of one page of the batch's members."""
        return self.pages.get((batch_id, page))


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time, aware, UTC."""
        return datetime.now(UTC)


class Handwritten:
    """Three loops in one process: check, fold essays, fold batches."""

    def __init__(self, bootstrap: str, store: ContentStore, checker: SpellChecker) -> None:
        self._bootstrap = bootstrap
        self._store = store
        self._checker = checker
        self._essays: dict[str, Any] = {}
        self._rows = DictRows()

    async def run(self) -> None:
        """Consume until the process ends."""
        await self._checker.start()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", linger_ms=LINGER_MS
        )
        await self._producer.start()
        loops: tuple[tuple[Handle, tuple[str, ...]], ...] = (
            (self._check, (REQUESTED,)),
            (self._fold_essays, (REQUESTED, COMPLETED)),
            (self._fold_batches, (REGISTERED, UPDATED)),
        )
        consumers = [await self._consumer(handle.__name__, topics) for handle, topics in loops]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        async with asyncio.TaskGroup() as running:
            for consumer, (handle, _) in zip(consumers, loops, strict=True):
                running.create_task(self._consume(consumer, handle))

    async def _consumer(self, name: str, topics: Sequence[str]) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            *topics,
            bootstrap_servers=self._bootstrap,
            group_id=f"bench-{name}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        return consumer

    async def _consume(self, consumer: AIOKafkaConsumer, handle: Handle) -> None:
        while True:
            fetched = await consumer.getmany(timeout_ms=1000, max_records=_RECORDS_A_FETCH)
            records = [record for each in fetched.values() for record in each]
            if records:
                await self._send(await handle([_decoded(record) for record in records]))
                await consumer.commit()

    async def _send(self, outputs: Sequence[OutgoingEvent]) -> None:
        acks = [
            await self._producer.send(
                output.topic, output.value, output.key.encode(), headers=list(output.headers)
            )
            for output in outputs
        ]
        await asyncio.gather(*acks)

    async def _check(self, requests: Sequence[EventEnvelope[Any]]) -> list[OutgoingEvent]:
        decisions = await asyncio.gather(
            *(
                check_essay(request, self._store, self._checker, SystemClock())
                for request in requests
            )
        )
        return [encode(decision.result) for decision in decisions]

    async def _fold_essays(self, events: Sequence[EventEnvelope[Any]]) -> list[OutgoingEvent]:
        outputs: list[OutgoingEvent] = []
        for event in events:
            essay_id = event.data.entity_ref.entity_id
            decision = decide(self._essays.get(essay_id), event)
            self._essays[essay_id] = decision.row
            outputs += decision.outputs
        return outputs

    async def _fold_batches(self, events: Sequence[EventEnvelope[Any]]) -> list[OutgoingEvent]:
        outputs: list[OutgoingEvent] = []
        for event in events:
            fold = decide_registration if event.event_type == REGISTERED else decide_update
            decision = fold(self._rows, event)
            if decision.batch_id is not None:
                self._rows.batches[decision.batch_id] = decision.batch
                for number, page in decision.pages.items():
                    self._rows.pages[decision.batch_id, number] = page
            outputs += decision.outputs
        return outputs


def _decoded(record: ConsumerRecord) -> EventEnvelope[Any]:
    return decode(record.topic, record.key, record.value, _EVENT_MAX_BYTES)


def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(prog="python -m bench.handwritten", description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("content", type=Path)
    parser.add_argument("--speller", choices=("ours", "pipeline"), default="ours")
    chosen = parser.parse_args()
    checker: SpellChecker = (
        build_spell_checker(("en",)) if chosen.speller == "ours" else PipelineSpeller()
    )
    uvloop.run(Handwritten(chosen.bootstrap, FileContentStore(chosen.content), checker).run())


if __name__ == "__main__":
    main()
