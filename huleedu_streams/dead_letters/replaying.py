"""Sends dead letters back to where they came from, each of them once.

The record and the mark that says so (`contracts/burials.py`) are sent in one Kafka transaction: a
crash leaves both or neither. The transactional id is that of the dead-letter topic, so that a
second replay of it, on whatever machine, ends the first before it looks which letters are left.

Source: docs/decisions/0006-replay-in-a-transaction.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    BrokerResponseError,
    InvalidProducerEpoch,
    KafkaError,
    ProducerFenced,
)

from huleedu_streams.adapters.kafka_burials import COMPRESSION
from huleedu_streams.adapters.kafka_records import send_record
from huleedu_streams.contracts.burials import (
    MARK,
    Letter,
    mark_headers,
    replayed_headers,
)
from huleedu_streams.dead_letters.fitting import bytes_too_many
from huleedu_streams.dead_letters.log import DeadLetterLog, FoundLetter
from huleedu_streams.dead_letters.selection import Selection
from huleedu_streams.errors import (
    BrokerUnavailableError,
    HuleeduStreamsError,
    ReplayRefusedError,
    ReplayTakenOverError,
)
from huleedu_streams.topics.admin import quiet

BEFORE_COMMIT = "before-replay-commit"
# Of the letters and of their values, in one transaction: what a crash may have to send again.
_BATCH_LETTERS = 100
_BATCH_BYTES = 4_194_304
# After that long without an end the broker ends a transaction itself, where no replay does.
_TRANSACTION_MS = 60_000
_COMMIT_SECONDS = 60.0
_REQUEST_TIMEOUT_MS = 20_000
_STOP_SECONDS = 5.0


class Fate(StrEnum):
    """What becomes of a letter that is meant."""

    REPLAYED = "replayed"
    ALREADY_REPLAYED = "already-replayed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Target:
    """Where letters of one dead-letter topic go back to.

    Attributes:
        topic: The topic that they were read from.
        partitions: How many it has now.
        max_message_bytes: The largest compressed batch that it takes.
    """

    topic: str
    partitions: int
    max_message_bytes: int


@dataclass(frozen=True, slots=True)
class Replay:
    """One letter and what becomes of it.

    Attributes:
        partition: Where it goes; None = by its key.
        why: Why it is refused; empty if it is not.
    """

    letter: Letter
    fate: Fate
    partition: int | None = None
    why: str = ""


class Replayer:
    """Sends letters and marks in transactions; made by `open_replayer`."""

    def __init__(
        self, producer: AIOKafkaProducer, target: Target, reached: Callable[[str], None]
    ) -> None:
        self._producer = producer
        self._target = target
        self._reached = reached
        self._marked: dict[int, int] = {}

    async def replay(
        self, log: DeadLetterLog, selection: Selection, limit: int = 0
    ) -> AsyncIterator[Replay]:
        """Send back what is meant and was not; yield each letter once its fate is certain.

        Args:
            log: The topic, opened after this replayer: only then are all marks in it.
            selection: Which letters.
            limit: Of letters that are sent; 0 = all.

        Raises:
            ReplayTakenOverError: another replay began.
            ReplayRefusedError: the broker takes a record for no good.
            BrokerUnavailableError: the broker stopped answering; what was not yielded may have
                been sent, and the next replay will know.
        """
        batch: list[Replay] = []
        async for one in planned(log, selection, self._target, limit):
            batch.append(one)
            if _is_full(batch):
                await self._send(batch)
                for settled in batch:
                    yield settled
                batch = []
        await self._send(batch)
        for settled in batch:
            yield settled
        await log.until_visible(self._marked)

    async def _send(self, settled: Sequence[Replay]) -> None:
        """Send those of a batch that are to be sent."""
        batch = [one for one in settled if one.fate is Fate.REPLAYED]
        if not batch:
            return
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self._producer.begin_transaction()
                await self._send_all(batch)
                self._reached(BEFORE_COMMIT)
                await self._producer.commit_transaction()
        except asyncio.CancelledError:
            await self._abort()
            raise
        except (KafkaError, TimeoutError) as error:
            await self._abort()
            raise _translated(error, batch) from error

    async def _send_all(self, batch: Sequence[Replay]) -> None:
        sends = []
        for one in batch:
            place, to = one.letter.place, self._target.topic
            back, mark = replayed_headers(one.letter), mark_headers(one.letter, to, one.partition)
            sends += [
                await send_record(
                    self._producer, to, place.key, place.value, back, partition=one.partition
                ),
                await send_record(
                    self._producer, place.topic, *MARK, mark, partition=place.partition
                ),
            ]
        for metadata in await asyncio.gather(*sends):
            if metadata.topic != self._target.topic:
                self._marked[metadata.partition] = metadata.offset

    async def _abort(self) -> None:
        # Where even that fails, the broker or the next replay ends the transaction.
        with suppress(KafkaError, TimeoutError, AssertionError):
            async with asyncio.timeout(_STOP_SECONDS):
                await self._producer.abort_transaction()


async def planned(
    log: DeadLetterLog, selection: Selection, target: Target, limit: int = 0
) -> AsyncIterator[Replay]:
    """Yield the letters that are meant, each with what a replay makes of it.

    Ends with the `limit`-th that would be sent; 0 = with the last.
    """
    count = 0
    async for found in log.letters(selection):
        one = _fate(found, target)
        yield one
        count += one.fate is Fate.REPLAYED
        if limit and count == limit:
            return


@asynccontextmanager
async def open_replayer(
    bootstrap: str,
    dead_letter_topic: str,
    target: Target,
    max_request_bytes: int,
    reached: Callable[[str], None],
) -> AsyncIterator[Replayer]:
    """Open the one replayer of a dead-letter topic for the block; an earlier one is ended.

    Raises:
        BrokerUnavailableError: nobody answers.
        ReplayRefusedError: the broker does not allow it.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=f"huleedu-streams-replay:{dead_letter_topic}",
        transaction_timeout_ms=_TRANSACTION_MS,
        # As it was buried: what passed compressed must pass again.
        compression_type=COMPRESSION,
        request_timeout_ms=_REQUEST_TIMEOUT_MS,
        max_request_size=max_request_bytes,
    )
    with quiet():
        try:
            await _start(producer)
            yield Replayer(producer, target, reached)
        finally:
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await producer.stop()


async def _start(producer: AIOKafkaProducer) -> None:
    # A producer that is fenced leaves futures behind that nobody can await; what they hold is
    # raised by the send or the commit too. They are told of when they are collected, so for good.
    asyncio.get_running_loop().set_exception_handler(_tell_unless_kafkas)
    try:
        async with asyncio.timeout(_COMMIT_SECONDS):
            await producer.start()
    except (KafkaError, OSError, TimeoutError) as error:
        raise _translated(error, ()) from error


def _tell_unless_kafkas(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), KafkaError):
        loop.default_exception_handler(context)


def _fate(found: FoundLetter, target: Target) -> Replay:
    letter = found.letter
    if found.is_replayed:
        return Replay(letter, Fate.ALREADY_REPLAYED)
    if letter.omitted is not None:
        why = f"{letter.omitted} was left out of it; only its original place may still have that"
        return Replay(letter, Fate.REFUSED, why=why)
    if not letter.is_readable:
        return Replay(letter, Fate.REFUSED, why="it cannot be read, a header's name is no UTF-8")
    origin = letter.origin
    if origin.topic is not None and origin.topic != target.topic:
        return Replay(letter, Fate.REFUSED, why="it names another topic as its own")
    too_many = bytes_too_many(letter, target.max_message_bytes)
    if too_many:
        why = f"{too_many} bytes above max.message.bytes of its topic, also as {COMPRESSION}"
        return Replay(letter, Fate.REFUSED, why=why)
    is_there = origin.partition is not None and origin.partition < target.partitions
    return Replay(letter, Fate.REPLAYED, origin.partition if is_there else None)


def _is_full(batch: Sequence[Replay]) -> bool:
    size = sum(one.letter.value_bytes for one in batch)
    return len(batch) >= _BATCH_LETTERS or size >= _BATCH_BYTES


def _translated(error: Exception, batch: Sequence[Replay]) -> HuleeduStreamsError:
    if isinstance(error, ProducerFenced | InvalidProducerEpoch):
        return ReplayTakenOverError(
            "another replay of this topic began and goes on in place of this one; "
            "nothing is sent twice, run this again once the other has ended"
        )
    names = ", ".join(one.letter.name for one in batch[:3])
    if isinstance(error, BrokerResponseError) and not error.retriable:
        return ReplayRefusedError(
            f"the broker refuses ({type(error).__name__}); of the letters {names or 'none'} "
            f"and {max(0, len(batch) - 3)} more nothing was sent"
        )
    return BrokerUnavailableError(
        f"no acknowledgement of the letters {names or 'to come'} ({type(error).__name__}); "
        "run it again, what was sent is known"
    )
