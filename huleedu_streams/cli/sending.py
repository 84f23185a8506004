"""Submit essays from outside a worker: texts to the content store, events to Kafka.

Steps 1 and 2 of 6, as any producer may do them. Events are partitioned by murmur2, aiokafka's
default, so that they meet their rows. Not here: the files and the printing (`cli.submit`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from huleedu_streams.cli import WrongUsageError
from huleedu_streams.contracts.codec import OutgoingEvent, decode, encode
from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.events import SpellcheckResultDataV1
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.errors import BrokerUnavailableError, ContractError
from huleedu_streams.processors.spellcheck import TEXT_MEDIA_TYPE
from huleedu_streams.processors.submission import (
    Origin,
    Registration,
    Submission,
    batch_registration,
    spellcheck_request,
)
from huleedu_streams.protocols import ContentStore
from huleedu_streams.settings import Settings
from huleedu_streams.topics.bootstrap import verify
from huleedu_streams.topics.catalogue import catalogue

_SENT_AT_ONCE = 16
_RESULTS = topic_name(ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED)
_TOPICS = frozenset(
    {
        _RESULTS,
        topic_name(ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED),
        topic_name(ProcessingEvent.BATCH_ESSAYS_REGISTERED),
    }
)
Result = EventEnvelope[SpellcheckResultDataV1]


@dataclass(frozen=True, slots=True)
class Essay:
    """One essay to submit, and the file that it came from."""

    essay_id: str
    text: str
    language: str
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the broker has acknowledged."""

    essay_id: str
    text_storage_id: str
    event_id: UUID


class Sender:
    """Submits the essays of one batch; made by `open_sender`."""

    def __init__(
        self,
        store: ContentStore,
        producer: AIOKafkaProducer,
        results: AIOKafkaConsumer | None,
        settings: Settings,
    ) -> None:
        self._store = store
        self._producer = producer
        self._results = results
        self._event_max_bytes = settings.event_max_bytes
        self._batch_max_essays = settings.batch_max_essays
        self._correlation_id = uuid4()

    async def register(self, batch_id: str, essay_ids: Sequence[str]) -> None:
        """Register the batch, so that it completes once each essay has a result.

        Raises:
            WrongUsageError: its essays are too many for one registration; nothing was sent.
        """
        if len(essay_ids) > self._batch_max_essays:
            raise WrongUsageError(
                f"a batch has {self._batch_max_essays} essays at most; hand in fewer at once"
            )
        event = encode(batch_registration(Registration(batch_id, essay_ids), self._new()))
        if len(event.value) > self._event_max_bytes:
            raise WrongUsageError(
                f"the ids of {len(essay_ids)} essays need {len(event.value)} bytes, a registration"
                f" has {self._event_max_bytes}; hand in fewer, or give the files shorter names"
            )
        await self._send(event)

    async def submit(
        self, batch_id: str, essays: Sequence[Essay], on_sent: Callable[[], None]
    ) -> list[Sent]:
        """Store the texts and send the events; return what was acknowledged, in order."""
        slots = asyncio.Semaphore(_SENT_AT_ONCE)

        async def submit_one(essay: Essay) -> Sent:
            async with slots:
                sent = await self._submit(batch_id, essay)
            on_sent()
            return sent

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(submit_one(essay)) for essay in essays]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the others are its fellows, or cancelled
        return [task.result() for task in tasks]

    async def results(self, sent: Sequence[Sent]) -> AsyncIterator[Result]:
        """Yield the result of each submission as it comes; end when all have one."""
        waiting = {str(one.event_id) for one in sent}
        while waiting and self._results is not None:
            result = _result_of(await self._results.getone(), self._event_max_bytes)
            if result is not None and result.causation_id in waiting:
                waiting.remove(result.causation_id)
                yield result

    async def _submit(self, batch_id: str, essay: Essay) -> Sent:
        text_id = uuid4().hex
        await self._store.put(text_id, essay.text.encode(), TEXT_MEDIA_TYPE)
        origin = self._new()
        submission = Submission(essay.essay_id, batch_id, text_id, essay.language)
        await self._send(encode(spellcheck_request(submission, origin)))
        return Sent(essay.essay_id, text_id, origin.event_id)

    async def _send(self, event: OutgoingEvent) -> None:
        await self._producer.send_and_wait(
            event.topic, event.value, key=event.key.encode(), headers=list(event.headers)
        )

    def _new(self) -> Origin:
        return Origin(uuid4(), self._correlation_id, datetime.now(UTC))


@asynccontextmanager
async def open_sender(
    settings: Settings, store: ContentStore, *, is_waiting: bool
) -> AsyncIterator[Sender]:
    """Yield a sender; with `is_waiting` it sees every result sent from now on.

    Raises:
        TopicMissingError: the topics were not applied.
        BrokerUnavailableError: nobody answers, or stops answering inside the block.
    """
    servers = settings.bootstrap_servers
    # What aiokafka logs of a broker that goes away, it raises too.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    await verify(servers, [spec for spec in catalogue(None) if spec.name in _TOPICS])
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", max_request_size=settings.event_max_bytes
    )
    consumer = AIOKafkaConsumer(_RESULTS, bootstrap_servers=servers) if is_waiting else None
    try:
        await producer.start()
        if consumer is not None:
            await consumer.start()
            await consumer.seek_to_end()
        yield Sender(store, producer, consumer, settings)
    except KafkaError as error:
        raise BrokerUnavailableError(f"no Kafka answers at {servers} ({error!r:.160})") from error
    finally:
        await producer.stop()
        if consumer is not None:
            await consumer.stop()
        await store.close()


def _result_of(record: ConsumerRecord[bytes, bytes], event_max_bytes: int) -> Result | None:
    try:
        envelope: EventEnvelope[Any] = decode(
            record.topic, record.key, record.value, event_max_bytes
        )
    except ContractError:
        return None  # somebody else's poison; the lifecycle role buries it
    return envelope
