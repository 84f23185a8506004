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

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import cast

import structlog
from aiokafka.errors import KafkaError
from faust.transport.consumer import RecordMap
from faust.types import TP, Message

from huleedu_streams.domain.continuity import Continuity, Verdict
from huleedu_streams.runtime.consumer import StreamsConsumer

# Not the name of the module: that is what Faust logs as.
log = structlog.get_logger("huleedu_streams.reading")

_POSITION_SECONDS = 1.0


class ContiguousConsumer(StreamsConsumer):
    """A Faust consumer that goes back for records that it read and did not deliver."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._continuity: Continuity[TP] = Continuity()
        # Counts whatever makes records worthless that were fetched before it.
        self._epoch = 0
        self._fetch_epoch = 0

    def stop_flow(self) -> None:
        """Block delivery; what is under way is lost by it."""
        self._epoch += 1
        self._continuity.doubt()
        super().stop_flow()

    async def perform_seek(self) -> None:
        """Seek all streams to what is committed, or to their beginning."""
        self._epoch += 1
        await super().perform_seek()
        streams = self._streams(self.assignment())
        begins = await self.earliest_offsets(*streams)
        ends = await self.highwaters(*streams)
        starts = {tp: self._start(tp, begins[tp], ends[tp]) for tp in streams}
        moved = {tp: start for tp, start in starts.items() if start != self._read_offset[tp]}
        if moved:
            await self.seek_wait(moved)
        for tp in streams:
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)
            self._gap.pop(tp, None)
            if tp in moved:
                self._committed_offset[tp] = None
        self._continuity.begin(starts)
        self._epoch += 1

    def _start(self, tp: TP, begin: int, end: int) -> int:
        """Return where to read on: at what is committed, as far as that is still in the log."""
        committed = self._read_offset[tp]
        if committed is None:
            return begin  # Faust would stay wherever reading has got to by now
        if begin <= committed <= end:
            return committed
        place = {"topic": tp.topic, "partition": tp.partition, "committed": committed}
        log.error("committed_offset_is_not_in_the_log", **place, begin=begin, end=end)
        return begin

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> AsyncIterator[tuple[TP, Message]]:
        """Yield fetched records, the streams' ones in the order of their partition."""
        changelogs = self.app.tables.changelog_topics
        behind: set[TP] = set()
        is_empty = True
        fetching = cast("AsyncGenerator[tuple[TP, Message], None]", super().getmany(timeout))
        try:
            async with contextlib.aclosing(fetching) as records:
                async for tp, message in records:
                    is_empty = False
                    if tp.topic in changelogs:
                        yield tp, message
                    elif self._is_current and self._is_due(tp, message.offset, behind):
                        # Or Faust would look for gaps of its own.
                        self._read_offset[tp] = message.offset
                        yield tp, message
                        if self._is_current:
                            self._continuity.delivered(tp, message.offset)
        except BaseException:  # cancelled, or closed by whoever iterates: the rest is lost
            self._continuity.doubt()
            raise
        if self._is_current and is_empty:
            behind = await self._read_ahead()
        if self._is_current:
            await self._go_back(behind)

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> RecordMap:
        self._fetch_epoch = self._epoch
        return await super()._getmany(active_partitions, timeout)

    @property
    def _is_current(self) -> bool:
        """Whether the latest fetch is still worth something."""
        return self._fetch_epoch == self._epoch

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
        for tp in self._streams(self._get_active_partitions() & self.assignment()):
            position, expected = await self._position(tp), self._continuity.expected(tp)
            if position is None or expected is None or position <= expected:
                continue
            if hole := self._continuity.hole(tp, position):  # the end of a transaction
                self._pass_over(tp, hole)
                self._continuity.delivered(tp, hole[-1])
            else:
                behind.add(tp)
        return behind

    async def _position(self, tp: TP) -> int | None:
        """Return how far the partition is read; None while nobody knows."""
        with contextlib.suppress(KafkaError, TimeoutError):  # revoked, or not begun yet
            async with asyncio.timeout(_POSITION_SECONDS):
                return await self.position(tp)
        return None

    async def _go_back(self, behind: Iterable[TP]) -> None:
        starts = {tp: self._continuity.seek_back(tp) for tp in behind}
        for tp, offset in starts.items():
            log.info("reading_again", topic=tp.topic, partition=tp.partition, offset=offset)
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
