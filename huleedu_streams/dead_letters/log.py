"""Reads a dead-letter topic: its letters in order, each with whether it was replayed.

A topic is read as it was when it was opened, a partition at a time, a few records in memory. The
marks of replayed letters lie behind the letters, so a partition is read twice: once for the marks,
kept as one bit an offset, once for the letters. Only what is committed is read: a replay that did
not come to its end has left no mark.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from huleedu_streams.contracts.burials import UNREADABLE, Letter, marked_offset, read_letter
from huleedu_streams.contracts.dead_letters import ConsumedRecord
from huleedu_streams.dead_letters.selection import Selection
from huleedu_streams.errors import BrokerUnavailableError
from huleedu_streams.topics.admin import quiet

_POLL_MS = 200
# One record may be 512 KiB that unpack to hundreds of megabytes.
_RECORDS_AT_ONCE = 8
_SILENCE_SECONDS = 20.0
_REQUEST_TIMEOUT_MS = 10_000
_FETCH_WAIT_MS = 20
_SETTLE_SECONDS = 10.0
_SETTLE_POLL_SECONDS = 0.02

_NO_TIME = datetime.fromtimestamp(0, UTC)

OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FoundLetter:
    """A letter, and whether it was sent back already."""

    letter: Letter
    is_replayed: bool


@dataclass(frozen=True, slots=True)
class _Stored:
    """A record of the topic, letter or mark."""

    place: ConsumedRecord
    stored_at: datetime
    is_readable: bool = True

    def letter(self) -> Letter:
        """Return the letter that it is, if it is no mark."""
        letter = read_letter(self.place, self.stored_at)
        if self.is_readable:
            return letter
        said = "the name of a header is no UTF-8"
        return replace(letter, reason=UNREADABLE, message=said, is_readable=False)


class Marks:
    """Which offsets of a partition are marked as replayed: a bit each."""

    def __init__(self, begin: int, end: int) -> None:
        self._begin = begin
        self._bits = bytearray((max(0, end - begin) + 7) // 8)

    def add(self, offset: int) -> None:
        """Mark `offset`; one that was deleted meanwhile is none of ours."""
        place = offset - self._begin
        if 0 <= place < len(self._bits) * 8:
            self._bits[place // 8] |= 1 << place % 8

    def __contains__(self, offset: int) -> bool:
        place = offset - self._begin
        return 0 <= place < len(self._bits) * 8 and bool(self._bits[place // 8] >> place % 8 & 1)


class DeadLetterLog:
    """One dead-letter topic as it was when it was opened; made by `open_log`.

    Attributes:
        topic: Its name.
        ends: Partition -> the first offset and the one behind the last.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        topic: str,
        ends: Mapping[int, tuple[int, int]],
        on_progress: OnProgress,
    ) -> None:
        self._consumer = consumer
        self._on_progress = on_progress
        self.topic = topic
        self.ends = ends

    @property
    def record_count(self) -> int:
        """How many offsets there are: at least as many as records."""
        return sum(end - begin for begin, end in self.ends.values())

    async def letters(self, selection: Selection) -> AsyncIterator[FoundLetter]:
        """Yield the letters that are meant, partition by partition, in order.

        Raises:
            BrokerUnavailableError: the broker stopped answering.
        """
        for partition in self.ends:
            async for found in self.letters_of(partition, selection):
                if selection.admits(found.letter):
                    yield found

    async def letters_of(self, partition: int, selection: Selection) -> AsyncIterator[FoundLetter]:
        """Yield the letters of one partition, from the first to the last that can be meant."""
        begin, end = selection.bounds(partition, *self.ends[partition])
        begin = await self._not_before(partition, begin, selection.since)
        if begin >= end:
            return
        marks = await self._marks(partition, begin)
        async for stored in self._records(partition, begin, end):
            if marked_offset(stored.place) is None:
                yield FoundLetter(stored.letter(), stored.place.offset in marks)

    async def until_visible(self, offsets: Mapping[int, int]) -> None:
        """Return once whoever reads this topic anew sees these offsets, or time is up.

        Args:
            offsets: Partition -> an offset that was committed.
        """
        places = [TopicPartition(self.topic, partition) for partition in offsets]
        deadline = monotonic() + _SETTLE_SECONDS
        while places and monotonic() < deadline:
            ends = await self._consumer.end_offsets(places)
            if all(ends[place] > offsets[place.partition] for place in places):
                return
            await asyncio.sleep(_SETTLE_POLL_SECONDS)

    async def _marks(self, partition: int, begin: int) -> Marks:
        end = self.ends[partition][1]
        marks = Marks(begin, end)
        async for stored in self._records(partition, begin, end):
            offset = marked_offset(stored.place)
            if offset is not None:
                marks.add(offset)
        return marks

    async def _not_before(self, partition: int, begin: int, since: datetime | None) -> int:
        """Return where letters of `since` can begin, so that older ones need not be read."""
        if since is None or begin >= self.ends[partition][1]:
            return begin
        place = TopicPartition(self.topic, partition)
        milliseconds = max(0, int(since.timestamp() * 1000))
        found = (await self._consumer.offsets_for_times({place: milliseconds}))[place]
        return max(begin, self.ends[partition][1] if found is None else found.offset)

    async def _records(self, partition: int, begin: int, end: int) -> AsyncIterator[_Stored]:
        """Yield the records from `begin` to `end`, exclusive."""
        place = TopicPartition(self.topic, partition)
        self._consumer.assign([place])
        self._consumer.seek(place, begin)
        position, heard_at = begin, monotonic()
        while position < end:
            for stored in await self._some(place, position):
                if stored.place.offset < end:
                    yield stored
            # Behind the last record there may be the ends of transactions, which are no records.
            before, position = position, await self._consumer.position(place)
            self._on_progress(min(position, end) - min(before, end))
            if position != before:
                heard_at = monotonic()
            elif monotonic() - heard_at > _SILENCE_SECONDS:
                raise BrokerUnavailableError(
                    f"the broker sends nothing of {self.topic} partition {partition} any more"
                )

    async def _some(self, place: TopicPartition, position: int) -> list[_Stored]:
        """Return the next few records; none if none came in time."""
        try:
            return await self._fetched(place, _RECORDS_AT_ONCE)
        except UnicodeDecodeError:
            self._consumer.seek(place, position)
        try:
            return await self._fetched(place, 1)
        except UnicodeDecodeError:
            # aiokafka gives no record whose headers have such names; the next one follows.
            self._consumer.seek(place, position + 1)
            missing = ConsumedRecord(place.topic, place.partition, position, None, None, ())
            return [_Stored(missing, _NO_TIME, is_readable=False)]

    async def _fetched(self, place: TopicPartition, most: int) -> list[_Stored]:
        batches = await self._consumer.getmany(place, timeout_ms=_POLL_MS, max_records=most)
        return [_Stored(_consumed(record), _time_of(record)) for record in batches.get(place, ())]


@asynccontextmanager
async def open_log(
    bootstrap: str, topic: str, partitions: int, on_progress: OnProgress = lambda _count: None
) -> AsyncIterator[DeadLetterLog]:
    """Open a dead-letter topic for the block, as it is now.

    Args:
        bootstrap: `host:port[,host:port]`.
        topic: The dead-letter topic; it must exist.
        partitions: How many it has.
        on_progress: Told how many offsets were passed; each is passed up to twice.

    Raises:
        BrokerUnavailableError: nobody answers, or stops answering inside the block.
    """
    with quiet():
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            # A fetch behind the last record must not hold up the next partition's.
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        try:
            await _started(consumer, bootstrap)
            places = [TopicPartition(topic, number) for number in range(partitions)]
            consumer.assign(places)
            ends = await _ends(consumer, places)
            yield DeadLetterLog(consumer, topic, ends, on_progress)
        except KafkaError as error:
            raise _unavailable(bootstrap, error) from error
        finally:
            await consumer.stop()


async def _started(consumer: AIOKafkaConsumer, bootstrap: str) -> None:
    try:
        await consumer.start()
    except OSError as error:  # only here: in the block it may be the terminal's
        raise _unavailable(bootstrap, error) from error


def _unavailable(bootstrap: str, error: Exception) -> BrokerUnavailableError:
    return BrokerUnavailableError(f"no Kafka answers at {bootstrap} ({type(error).__name__})")


async def _ends(
    consumer: AIOKafkaConsumer, places: Iterable[TopicPartition]
) -> dict[int, tuple[int, int]]:
    wanted = list(places)
    begins = await consumer.beginning_offsets(wanted)
    ends = await consumer.end_offsets(wanted)
    return {place.partition: (begins[place], ends[place]) for place in wanted}


def _consumed(record: ConsumerRecord[bytes | None, bytes | None]) -> ConsumedRecord:
    return ConsumedRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple((str(name), value) for name, value in record.headers),
    )


def _time_of(record: ConsumerRecord[bytes | None, bytes | None]) -> datetime:
    try:
        return datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (ValueError, OverflowError, OSError):  # whatever clock the producer had
        return _NO_TIME
