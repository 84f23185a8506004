"""The Faust table that all tables here are: raw keys, and a changelog that the agent sends.

Lives here: how a write leaves the table. Faust would send the changelog record by itself and
persist its offset whenever it likes; here the record is handed to the delivery loop, which sends
it next to the event's outputs and acknowledges the event only after the broker has both.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import faust
import orjson
from faust.stores.base import SerializedStore
from faust.streams import _current_event
from faust.types import TP, CodecArg, StoreT
from faust.types.models import ModelArg
from yarl import URL

from tables.guard import GuardedStore

Row = dict[str, Any]

_changes: ContextVar[list[Change] | None] = ContextVar("changes", default=None)


@dataclass(frozen=True, slots=True)
class Change:
    """One write to one table, not yet in its changelog topic."""

    table: faust.Table[str, Row]
    topic: str
    partition: int
    key: bytes
    value: bytes | None

    @property
    def place(self) -> TP:
        """The partition of the changelog topic that the change goes to."""
        return TP(self.topic, self.partition)


class PersistedOffsets:
    """How far RocksDB is, of each changelog's partition, not yet written down there.

    To be behind is harmless: a recovery reads a few changes again. So it is written once for many.
    """

    def __init__(self) -> None:
        self._noted: dict[TP, GuardedStore] = {}

    def note(self, change: Change, offset: int) -> None:
        """Note that the changelog holds `change` at `offset`."""
        store = change.table.data
        if isinstance(store, GuardedStore):
            store.note_sent(change.partition, offset)
            self._noted[change.place] = store

    def write(self) -> None:
        """Remember in RocksDB what was noted."""
        for place, store in self._noted.items():
            store.persist_sent(place)
        self._noted.clear()


@contextmanager
def recorded_changes(event: Any) -> Iterator[list[Change]]:  # noqa: ANN401
    """Collect the changes that the block makes to any `RecordingTable`, in order.

    Args:
        event: The Faust event that is handled; its partition is the one that is read and written.
    """
    changes: list[Change] = []
    recording, handling = _changes.set(changes), _current_event.set(weakref.ref(event))
    try:
        yield changes
    finally:
        _changes.reset(recording)
        _current_event.reset(handling)


class RecordingTable(faust.Table[str, Row]):
    """A Faust table with raw keys whose writes are recorded for the delivery loop.

    Keys are stored and sent as the bytes of the id, as producers key their records: Faust's JSON
    keys would hash to another partition than the topic's, and routed reads would miss.
    """

    def _serializer_from_type(self, typ: ModelArg | None) -> CodecArg:
        return "raw" if typ in (str, bytes) else super()._serializer_from_type(typ)

    def _new_store_by_url(self, url: str | URL) -> StoreT[str, Row]:
        if URL(url).scheme != "rocksdb":
            return super()._new_store_by_url(url)
        return GuardedStore(
            url,
            self.app,
            self,
            table_name=self.name,
            key_type=self.key_type,
            key_serializer=self.key_serializer,
            value_serializer=self.value_serializer,
            value_type=self.value_type,
            loop=self.loop,
            options=self.options,
        )

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - a row, or anything
        """Return the row of `key`, read and decoded once; Faust's own way does it twice."""
        if not isinstance(self.data, SerializedStore):
            return super().get(key, default)
        value = self.data._get(key.encode())  # noqa: SLF001 - the row as bytes
        return default if value is None else orjson.loads(value)

    def __setitem__(self, key: str, value: Row) -> None:
        """Write the row and record the write, in the same bytes."""
        if not isinstance(self.data, SerializedStore):
            super().__setitem__(key, value)
            return
        encoded = orjson.dumps(value)
        changes, change = self._changed(key, encoded)
        self.data._set(key.encode(), encoded)  # noqa: SLF001 - the row as bytes
        changes.append(change)  # not before: what RocksDB did not take is no change

    def on_key_set(self, key: str, value: Row) -> None:
        """Record the write in place of sending it."""
        self._record(key, orjson.dumps(value))

    def on_key_del(self, key: str) -> None:
        """Record the deletion as a tombstone."""
        self._record(key, None)

    def _record(self, key: str, value: bytes | None) -> None:
        changes, change = self._changed(key, value)
        changes.append(change)

    def _changed(self, key: str, value: bytes | None) -> tuple[list[Change], Change]:
        """Return a change, and where it is to be recorded."""
        changes = _changes.get()
        partition = self.partition_for_key(key)
        if changes is None or partition is None:
            raise RuntimeError(f"table {self.name} is written outside the delivery loop")
        topic = self.changelog_topic.get_topic_name()
        return changes, Change(self, topic, partition, key.encode(), value)
