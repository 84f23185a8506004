"""The consumer of a worker: every record of a partition reaches its agents, in order.

Faust reads ahead of what it delivers. Where a rebalance or a recovery cuts its loop off, records
that were read are dropped, and reading goes on after them: Faust takes what is missing for a hole
in the log and commits past it, or waits for it for ever. Both happen under load, a few times in a
hundred restarts. Here each record is held against the one before it; where some are missing, the
consumer goes back for them.

Lives here: fetching, seeking, and which offset may be committed. Not here: the arithmetic
(`domain/continuity.py`); changelogs, whose offsets Faust's recovery keeps.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import cast

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP, Message

from huleedu_streams.domain.continuity import Continuity, Verdict
from huleedu_streams.runtime.consumer import StreamsConsumer

logger = structlog.stdlib.get_logger(__name__)


class ContiguousConsumer(StreamsConsumer):
    """A Faust consumer that goes back for records that it read and did not deliver."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._continuity: Continuity[TP] = Continuity()
        # Counts whatever makes records worthless that were fetched before it.
        self._epoch = 0

    def stop_flow(self) -> None:
        """Block delivery; what is under way is lost by it."""
        self._epoch += 1
        self._continuity.doubt()
        super().stop_flow()

    async def perform_seek(self) -> None:
        """Seek all streams to what is committed, or to their beginning."""
        self._epoch += 1
        await super().perform_seek()
        starts = {tp: self._read_offset[tp] for tp in self._streams(self.assignment())}
        unset = [tp for tp, offset in starts.items() if offset is None]
        if unset:
            # Where nothing is committed Faust stays wherever reading has got to by now.
            begins = await self.earliest_offsets(*unset)
            await self.seek_wait(begins)
            starts.update(begins)
        for tp in starts:
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)
            self._gap.pop(tp, None)
        self._continuity.begin({tp: offset for tp, offset in starts.items() if offset is not None})
        self._epoch += 1

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> AsyncIterator[tuple[TP, Message]]:
        """Yield fetched records, the streams' ones in the order of their partition."""
        epoch, changelogs = self._epoch, self.app.tables.changelog_topics
        behind: set[TP] = set()
        is_empty = True
        fetching = cast("AsyncGenerator[tuple[TP, Message], None]", super().getmany(timeout))
        try:
            async with contextlib.aclosing(fetching) as records:
                async for tp, message in records:
                    is_empty = False
                    if tp.topic in changelogs:
                        yield tp, message
                    elif epoch == self._epoch and self._is_due(tp, message.offset, behind):
                        # Or Faust would look for gaps of its own.
                        self._read_offset[tp] = message.offset
                        yield tp, message
                        if epoch == self._epoch:
                            self._continuity.delivered(tp, message.offset)
        except BaseException:  # cancelled, or closed by whoever iterates: the rest is lost
            self._continuity.doubt()
            raise
        if epoch == self._epoch and is_empty:
            behind = await self._read_ahead()
        if epoch == self._epoch:
            await self._go_back(behind)

    def _is_due(self, tp: TP, offset: int, behind: set[TP]) -> bool:
        """Whether the record is to be delivered; note its partition if others come before it."""
        if tp in behind:
            return False
        verdict = self._continuity.judge(tp, offset)
        if verdict is Verdict.MISSED:
            behind.add(tp)
        elif verdict is Verdict.HOLE:
            self._pass_over(tp, self._continuity.hole(tp, offset))
        return verdict in {Verdict.NEXT, Verdict.HOLE}

    def _pass_over(self, tp: TP, hole: range) -> None:
        """Let commits go past offsets at which there is no record."""
        self._acked[tp].extend(offset for offset in hole if offset not in self._acked_index[tp])
        self._acked_index[tp].update(hole)

    async def _read_ahead(self) -> set[TP]:
        """Return the streams whose reading has left records behind, now that none come."""
        behind = set()
        with contextlib.suppress(KafkaError):  # a partition that has just been revoked
            for tp in self._streams(self._get_active_partitions()):
                position = await self.position(tp)
                expected = self._continuity.expected(tp)
                if position is None or expected is None or position <= expected:
                    continue
                if hole := self._continuity.hole(tp, position):  # the end of a transaction
                    self._pass_over(tp, hole)
                    self._continuity.delivered(tp, hole[-1])
                else:
                    behind.add(tp)
        return behind

    async def _go_back(self, behind: Iterable[TP]) -> None:
        starts = {tp: self._continuity.seek_back(tp) for tp in behind}
        for tp, offset in starts.items():
            logger.info("reading_again", topic=tp.topic, partition=tp.partition, offset=offset)
        if starts:
            with contextlib.suppress(KafkaError):
                await self.seek_wait(starts)

    def _new_offset(self, tp: TP) -> int | None:
        """Return the offset to commit: what lies before it is acknowledged without exception."""
        start = self._committed_offset[tp] or self._continuity.start(tp)
        acked = self._acked[tp]
        if acked and start is not None and min(acked) > start:
            return None
        offset: int | None = super()._new_offset(tp)
        return offset

    def _streams(self, partitions: Iterable[TP]) -> set[TP]:
        changelogs = self.app.tables.changelog_topics
        return {tp for tp in partitions if tp.topic not in changelogs}
