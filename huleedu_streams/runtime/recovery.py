"""Faust's table recovery, mended where it loses events and where it is slow.

Once its tables are recovered, Faust lets the streams' partitions be read, seeks them to what is
committed, and then resumes its queues, which empties them. But the flow ran for the changelogs all
the while: what is read between that seek and that resuming is dropped from the queues and read by
nobody until the next rebalance. Seen here: 20 requests of 300 after a restart under backlog. And
where a single record is dropped, Faust commits past it: then it is lost for good.
Here the flow stands still meanwhile.

And changelogs are read in bulk (`changelogs.py`), before Faust would begin to.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import structlog
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from faust.types import TP
from mode.services import WaitArgT
from mode.utils.times import Seconds

from huleedu_streams.errors import StartupError, TableError
from huleedu_streams.runtime.changelogs import Changelogs

log = structlog.get_logger("huleedu_streams.recovery")


class StreamsRecovery(Recovery):
    """A recovery after which every event is read."""

    _behind: frozenset[TP] = frozenset()

    async def _wait(self, coro: WaitArgT, timeout: Seconds | None = None) -> None:  # noqa: ASYNC109
        try:
            await super()._wait(coro, timeout)
            if self._behind:
                # No step of Faust's: each of those has a time within which it must end.
                behind, self._behind = self._behind, frozenset()
                await super()._wait(self._catch_up(behind))
        except ServiceStopped:
            if self.should_stop:
                raise
            # A step that takes too long looks like a stop to Faust, which then never recovers
            # again: it happens where the broker goes away in between.
            log.warning("recovery_begins_again", step_seconds=timeout)
            self.signal_recovery_start.set()
            raise RebalanceAgain from None

    async def _build_offsets(
        self,
        consumer: Any,  # noqa: ANN401 - Faust's interfaces lack half of it
        tps: set[TP],
        destination: Counter[TP],
        title: str,
    ) -> None:
        """Find where to read on; refuse where a changelog has lost what a table already has."""
        applied = {tp: destination[tp] for tp in tps}
        await super()._build_offsets(consumer, tps, destination, title)
        for tp in sorted(tps) if title == "active" else ():
            if destination[tp] > (-1 if applied[tp] is None else applied[tp]):
                log.warning(
                    "changelog_begins_late",
                    topic=tp.topic,
                    partition=tp.partition,
                    offset=destination[tp] + 1,
                    detail="records before it were deleted; rows that only they had are lost",
                )
                cut: Any = self.tp_to_table[tp]
                with suppress(TableError):  # the guard told the app
                    cut.data.set_persisted_offset(tp, destination[tp])
            if destination[tp] > self.active_highwaters[tp]:
                self._refuse(tp, destination[tp] + 1, self.active_highwaters[tp] + 1)
                await asyncio.Event().wait()  # the worker is stopping
        if title == "active":
            remaining = self.active_remaining()
            self._behind = frozenset(tp for tp in tps if remaining[tp] > 0)

    async def _catch_up(self, tps: Iterable[TP]) -> None:
        """Apply the changelogs from where the tables are to where the logs end."""
        offsets, ends = self.active_offsets, self.active_highwaters
        spans = {tp: range(offsets[tp] + 1, ends[tp] + 1) for tp in tps}
        log.info("tables_behind", changes=sum(map(len, spans.values())))
        changelogs: Changelogs = self.app.changelogs  # type: ignore[attr-defined] # a StreamsApp
        async for tp, records, reached in changelogs.read(spans):
            table: Any = self.tp_to_table[tp]
            with suppress(TableError):  # the guard told the app
                table.data.apply(tp, records, reached)
            offsets[tp] = reached - 1

    def _refuse(self, tp: TP, applied: int, end: int) -> None:
        table: Any = self.tp_to_table[tp]
        self.app.refuse(  # type: ignore[attr-defined] # it is a StreamsApp
            StartupError(
                f"the changelog {tp.topic} ends at offset {end} of partition {tp.partition}, but "
                f"the rows here are those of offset {applied}: the topic was deleted or made "
                "anew. To give up all rows that it does not have: "
                f"rm -r {table.data.partition_path(tp.partition)}, then start again"
            )
        )

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Stop the flow; Faust seeks and resumes it."""
        consumer: Any = self.app.consumer  # its interface lacks the wait
        consumer.stop_flow()
        self.app.flow_control.suspend()
        # What is fetched now would come after the seek, or before it.
        await self._wait(consumer.wait_for_stopped_flow())
        await super().on_recovery_completed(generation_id)


class StreamsTableManager(TableManager):
    """A table manager with such a recovery."""

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Open what this worker was given; without all of it nothing is recovered."""
        with suppress(TableError):  # the guard told the app, which stops
            await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    @property
    def recovery(self) -> StreamsRecovery:
        """The recovery service of this app."""
        if self._recovery is None:
            self._recovery = StreamsRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery  # type: ignore[return-value] # made here and nowhere else
