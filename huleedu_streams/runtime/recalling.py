"""Finds what waits in a worker's own tables, once it has recovered them.

Rows are read through in slices, in the background, once an assignment. From then on the agents keep
the index themselves (`domain/in_flight.py`), and no sweep reads a row that does not wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.in_flight import InFlight, batch_step, essay_step
from tables.batches import BatchTables
from tables.essays import EssaysTable
from tables.guard import GuardedStore

REQUESTED = topic_name(ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED)
COMPLETED = topic_name(ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED)
REGISTERED = topic_name(ProcessingEvent.BATCH_ESSAYS_REGISTERED)
STATE_UPDATED = topic_name(ProcessingEvent.ESSAY_LIFECYCLE_STATE_UPDATED)

Row = Mapping[str, Any]
PAUSE_SECONDS = 0.005


async def pause() -> None:
    """Let everybody else have the event loop for a moment."""
    await asyncio.sleep(PAUSE_SECONDS)


@dataclass(slots=True, eq=False)
class Watched:
    """One table whose rows may wait, and the index of those that do.

    Attributes:
        key_name: What a row's key is called in logs.
        topic: What its rows wait for an answer to; its partitions are theirs.
        answers: The topic that answers come on.
        faust_table: Where its rows lie.
        get: Returns the row of a key as it is now.
        step_of: Returns what a row waits in.
        in_flight: The index.
        recalled: The partitions that were read through since they were assigned.
    """

    key_name: str
    topic: str
    answers: str
    faust_table: Any
    get: Callable[[str], Row | None]
    step_of: Callable[[Row], str | None]
    in_flight: InFlight
    recalled: set[int] = field(default_factory=set)

    async def recall(
        self,
        ends: Mapping[int, int],
        is_current: Callable[[], bool],
        rest: Callable[[], Awaitable[None]] = pause,
    ) -> bool:
        """Find the rows that wait in all partitions that are not read through yet.

        Args:
            ends: Of each partition of this worker, where the topic ends now: who reads beyond
                that has read what the rows wait for.
            is_current: Whether the partitions are still this worker's.
            rest: Awaited after each slice.

        Returns:
            Whether all of them are read through.
        """
        store = self.faust_table.data
        for partition in ends.keys() - self.recalled:
            rows = store.rows(partition) if isinstance(store, GuardedStore) else ()
            for part in rows:
                self._take(partition, ends[partition], part)
                await rest()
                if not is_current():
                    return False
            self.recalled.add(partition)
        return True

    def _take(self, partition: int, end: int, rows: list[tuple[str, dict[str, Any]]]) -> None:
        for key, found in rows:
            if self.step_of(found) is None:
                continue
            # What was found is as old as the reading; the table knows better.
            row = self.get(key)
            step = None if row is None else self.step_of(row)
            if step is not None:
                self.in_flight.recall(partition, key, step, end - 1)


def watched_essays(table: EssaysTable, in_flight: InFlight | None) -> Watched | None:
    """Return the essays, which wait for a result; None where nobody asks."""
    if in_flight is None:
        return None
    rows = table.faust_table
    return Watched("essay_id", REQUESTED, COMPLETED, rows, table.get, essay_step, in_flight)


def watched_batches(tables: BatchTables, in_flight: InFlight | None) -> Watched | None:
    """Return the batches, which wait for their outcome; None where nobody asks."""
    if in_flight is None:
        return None
    rows = tables.faust_table
    return Watched("batch_id", REGISTERED, STATE_UPDATED, rows, tables.batch, batch_step, in_flight)
