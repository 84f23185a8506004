"""Deletes dead letters, as far as Kafka can: from the beginning of a partition up to an offset.

So one letter that must stay keeps everything behind it. Marks of replayed letters lie behind their
letters and go with whatever stands before them, never before it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import BrokerResponseError, KafkaError

from huleedu_streams.dead_letters.log import DeadLetterLog, FoundLetter
from huleedu_streams.dead_letters.selection import Selection
from huleedu_streams.errors import BrokerUnavailableError, TopicError
from huleedu_streams.topics.admin import quiet

_NOT_REPLAYED = "not replayed"
_NOT_CHOSEN = "not chosen by the filters"


@dataclass(slots=True)
class Prefix:
    """What a purge does to one partition.

    Attributes:
        partition: Its number.
        begin: The first offset that is there.
        before: Everything before this offset goes.
        letters: How many letters go.
        unreplayed: How many of them were never replayed.
        stopped_at: The first letter that stays; None = none does.
        stopped_by: Why that one stays.
        kept: How many letters are meant and stay: they were not replayed.
        behind: How many could go and cannot: they lie behind one that stays.
    """

    partition: int
    begin: int
    before: int
    letters: int = 0
    unreplayed: int = 0
    stopped_at: int | None = None
    stopped_by: str = ""
    kept: int = 0
    behind: int = 0

    @property
    def deletes(self) -> bool:
        """Whether anything goes, be it marks alone."""
        return self.before > self.begin


async def planned_purge(
    log: DeadLetterLog, selection: Selection, *, with_unreplayed: bool
) -> AsyncIterator[Prefix]:
    """Yield, for each partition that is meant, what a purge would delete there.

    Args:
        log: The topic.
        selection: Which letters may go.
        with_unreplayed: Whether those may that were never replayed.
    """
    everything = Selection()
    for partition, (begin, end) in log.ends.items():
        if not selection.admits_partition(partition):
            continue
        prefix = Prefix(partition, begin, before=end)
        async for found in log.letters_of(partition, everything):
            _weigh(prefix, found, _why_kept(found, selection, with_unreplayed=with_unreplayed))
        yield prefix


async def delete(
    bootstrap: str, topic: str, prefixes: Sequence[Prefix], timeout_seconds: float = 30.0
) -> None:
    """Delete what was planned.

    Raises:
        TopicError: the broker refuses, for instance because the topic is compacted.
        BrokerUnavailableError: nobody answers.
    """
    wanted = {
        TopicPartition(topic, prefix.partition): RecordsToDelete(prefix.before)
        for prefix in prefixes
        if prefix.deletes
    }
    if not wanted:
        return
    admin = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap, request_timeout_ms=int(timeout_seconds * 1000)
    )
    try:
        with quiet():
            await admin.start()
            await admin.delete_records(wanted)
    except BrokerResponseError as error:
        raise TopicError(
            f"the broker refuses to delete records of {topic} ({type(error).__name__})"
        ) from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailableError(
            f"no Kafka answers at {bootstrap} ({type(error).__name__})"
        ) from error
    finally:
        await admin.close()


def _why_kept(found: FoundLetter, selection: Selection, *, with_unreplayed: bool) -> str:
    """Return why a letter must stay; empty if it may go."""
    if not selection.admits(found.letter):
        return _NOT_CHOSEN
    return "" if found.is_replayed or with_unreplayed else _NOT_REPLAYED


def _weigh(prefix: Prefix, found: FoundLetter, why: str) -> None:
    offset = found.letter.place.offset
    if why and prefix.stopped_at is None:
        prefix.stopped_at, prefix.stopped_by, prefix.before = offset, why, offset
    if why == _NOT_REPLAYED:
        prefix.kept += 1
    elif not why and prefix.stopped_at is not None:
        prefix.behind += 1
    elif not why:
        prefix.letters += 1
        prefix.unreplayed += not found.is_replayed
