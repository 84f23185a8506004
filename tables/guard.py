"""RocksDB under a guard: a damaged database is thrown away and built anew from its changelog.

RocksDB says that a block is damaged when it is read, not before. What cannot be trusted then is
withdrawn: its folder is moved aside and removed, nobody gets another row from it, and the app is
told, so that the worker starts again and recovers that partition, and only that one, from the
changelog.

Not here: what RocksDB's words mean (`tables/faults.py`), how a worker starts again
(`huleedu_streams/runtime/`), reading from outside (`tables/reader.py`).
"""

from __future__ import annotations

import asyncio
import math
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, cast

import orjson
from faust.stores.rocksdb import Store
from faust.streams import current_event
from faust.types import TP
from rocksdict import Rdict, WriteBatch

from huleedu_streams.errors import TableDamagedError, TableError, TableUnusableError
from tables.faults import Fault, failure_of, fault_of, reason_of
from tables.folders import aside_of, begin_to_look, mark_of, move_aside
from tables.options import SharingOptions
from tables.runs import Runs

# Some milliseconds of reading: 2 KB each, 64 KiB at most.
_SLICE_ROWS = 100
_SLICE_BYTES = 500_000
# Faust keeps the changelog offset it has applied under this key, among the rows.
_OFFSET_KEY = b"__faust\0offset__"


class Guardian(Protocol):
    """What an app does for its tables; `StreamsApp` is one."""

    def table_failed(self, table: str, error: TableError) -> None:
        """Start the worker again: a partition of `table` gives no more rows in this process."""
        ...

    def table_cannot_be_opened(self, table: str, error: TableError) -> None:
        """End the worker: starting again would not help."""
        ...

    def table_is_rebuilt(self, table: str, folder: str) -> None:
        """Note that the database `folder` was damaged and is made anew from its changelog."""
        ...

    def table_is_read_again(self, table: str, folder: str) -> None:
        """Note that the database `folder` may lack rows and gets its whole changelog again."""
        ...


class ChangelogRecord(Protocol):
    """What is read of a record of a changelog topic."""

    @property
    def key(self) -> bytes:
        """The row's key."""
        ...

    @property
    def value(self) -> bytes | None:
        """The row; None where it was deleted."""
        ...


class GuardedStore(Store):
    """The RocksDB databases of one table, one a partition, none of them trusted blindly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's own
        super().__init__(*args, **kwargs)
        self.rocksdb_options = SharingOptions.of(self.rocksdb_options)
        self._withdrawn: dict[int, TableError] = {}
        self._sent: defaultdict[int, Runs] = defaultdict(Runs)

    @property
    def open_partitions(self) -> tuple[int, ...]:
        """The partitions whose databases are open and trusted."""
        return tuple(self._dbs)

    def close(self) -> None:
        """Close all databases, at the end of the process."""
        while self._dbs:
            _close(self._dbs.popitem()[1])

    def withdraw(self, partition: int, error: Exception) -> TableError:
        """Give no more rows of `partition` in this process, for what RocksDB said.

        Returns:
            What to raise, the first time and whenever the partition is asked for again.
        """
        if partition not in self._withdrawn:
            path = self.partition_path(partition)
            if (database := self._dbs.pop(partition, None)) is not None:
                _close(database)
            failure = failure_of(path, error)
            self._withdrawn[partition] = failure
            if isinstance(failure, TableDamagedError):
                # What cannot be moved now is found again as it is opened.
                with suppress(OSError):
                    move_aside(path)
            self._guardian.table_failed(self.table_name, failure)
        return self._withdrawn[partition]

    def read_through(self, partition: int) -> Iterator[None]:
        """Read every block of a database, a slice a step, and withdraw it if one is damaged.

        Nothing else finds damage in rows that nobody asks for; and what iterates over a damaged
        database without asking for its status takes it for a shorter one.
        """
        database = self._dbs.get(partition)
        if database is None:
            return
        with suppress(TableError), self._trusting(partition):
            entries = database.iter()
            entries.seek_to_first()
            while entries.valid():
                for _ in range(_SLICE_ROWS):
                    if not entries.valid():
                        break
                    entries.next()
                yield
                if self._dbs.get(partition) is not database:
                    return  # revoked meanwhile
            entries.status()

    def rows(self, partition: int) -> Iterator[list[tuple[str, dict[str, Any]]]]:
        """Yield all rows of a database as it is now, a slice a step, by key.

        It ends early if the partition is withdrawn or revoked meanwhile.
        """
        database = self._dbs.get(partition)
        if database is None:
            return
        with suppress(TableError), self._trusting(partition):
            entries = database.iter()
            entries.seek_to_first()
            while entries.valid():
                rows: list[tuple[str, dict[str, Any]]] = []
                left = _SLICE_BYTES
                while entries.valid() and len(rows) < _SLICE_ROWS and left > 0:
                    key, value = entries.key(), entries.value()
                    if key != _OFFSET_KEY:
                        rows.append((key.decode(), orjson.loads(value)))
                    left -= len(value)
                    entries.next()
                yield rows
                if self._dbs.get(partition) is not database:
                    return
            entries.status()

    def persisted_offset(self, tp: TP) -> int | None:
        """Return how far the changelog is applied, by the word of the database."""
        with self._trusting(tp.partition):
            offset: int | None = super().persisted_offset(tp)
            return offset

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Remember how far the changelog is applied."""
        with self._trusting(tp.partition):
            super().set_persisted_offset(tp, offset)

    def note_sent(self, partition: int, offset: int) -> None:
        """Note that a row of this table is at `offset` of its changelog."""
        self._sent[partition].add(offset)

    def persist_sent(self, tp: TP) -> None:
        """Remember how far the changelog holds nothing but rows of this table, or applied ones.

        Where another worker has written in between, one that was stopped and continued or one that
        had the partition meanwhile, its rows are not here: a recovery must begin before them. A
        row that was sent twice, as after a lost answer, leaves a gap as well; either lasts until
        the next recovery.
        """
        if tp.partition not in self._dbs:
            return  # not this worker's any more
        applied = self.persisted_offset(tp)
        first = 0 if applied is None else applied + 1
        reached = self._sent[tp.partition].reach(first)
        if reached > first:
            self.set_persisted_offset(tp, reached - 1)

    def apply(self, tp: TP, records: Iterable[ChangelogRecord], reached: int) -> None:
        """Write records of the changelog, of each key the row of the highest version.

        The last one in the log is not always the best: a worker that was stopped for longer than
        its session may still send a row of a partition that it has lost.

        Args:
            tp: The partition of the changelog that they are from.
            records: In the order of the log.
            reached: The offset up to which the log is applied then, itself excluded.

        Raises:
            TableError: the database cannot be used; the worker is about to start again.
        """
        with self._trusting(tp.partition):
            database = self._db_for_partition(tp.partition)
            rows = WriteBatch(raw_mode=True)
            for key, value in _best(database, records).items():
                if value is None:
                    rows.delete(key)
                else:
                    rows.put(key, value)
            rows.put(_OFFSET_KEY, str(reached - 1).encode())
            database.write(rows)

    async def _try_open_db_for_partition(
        self,
        partition: int,
        max_retries: int = 30,
        retry_delay: float = 1.0,
        generation_id: int = 0,
    ) -> None:
        """Open a database, once whoever is still reading it here has let go of it.

        Faust takes every word with "lock" in it for a lock: "b*lock* checksum mismatch".
        """
        for _ in range(max_retries):
            try:
                self._db_for_partition(partition)
            except Exception as error:
                if fault_of(error) is not Fault.LOCKED:
                    raise
            else:
                return
            if generation_id != self.app.consumer_generation_id:
                return
            await asyncio.sleep(retry_delay)
        with self._trusting(partition):
            self._db_for_partition(partition)

    def _open_for_partition(self, partition: int) -> Rdict:
        if partition in self._withdrawn:
            raise self._withdrawn[partition]
        path = self.partition_path(partition)
        try:
            return self._opened_or_made_anew(partition, path)
        except Exception as error:
            fault = fault_of(error)
            if fault is Fault.FULL:
                raise self.withdraw(partition, error) from error
            if fault in {Fault.OTHER, Fault.DAMAGED}:  # damaged when made anew as well
                failure = TableUnusableError(
                    f"cannot open {path} ({reason_of(error)}); mend its disk or its mode and start "
                    f"again, or have it made anew from its changelog: rm -r {path}"
                )
                self._guardian.table_cannot_be_opened(self.table_name, failure)
                raise failure from error
            raise

    def _opened_or_made_anew(self, partition: int, path: Path) -> Rdict:
        try:
            return self._opened(partition, path)
        except Exception as error:
            if fault_of(error) is not Fault.DAMAGED:
                raise
            move_aside(path)
            self._sent.pop(partition, None)  # what is made anew has none of it
        return self._opened(partition, path)

    def _opened(self, partition: int, path: Path) -> Rdict:
        self._count_damaged(path)
        files = {file.name for file in path.glob("*.sst")}
        is_new = not files and not mark_of(path).exists()
        was_looked_at = is_new or begin_to_look(path)
        try:
            database: Rdict = super()._open_for_partition(partition)
        except Exception as error:
            if was_looked_at and fault_of(error) is Fault.LOCKED:
                mark_of(path).unlink(missing_ok=True)  # nothing was touched
            raise
        try:
            known = {Path(file["name"]).name for file in database.live_files()}
            self._look_at(partition, database, is_whole=was_looked_at and files <= known)
        except Exception:
            _close(database)
            raise
        mark_of(path).unlink(missing_ok=True)
        return database

    def _look_at(self, partition: int, database: Rdict, *, is_whole: bool) -> None:
        """Have the changelog read again if RocksDB does not know all files that were there.

        Its MANIFEST ends before them, or a crash came between the two. RocksDB takes either for
        whole and deletes the file that it does not know, whose rows are then missing. What is
        there is right, so the changelog is applied over it. The mark stands for a look that did
        not end: what was deleted before it cannot be seen any more.
        """
        if not is_whole:
            self._sent.pop(partition, None)
            database.delete(_OFFSET_KEY)
            database.flush_wal(sync=True)
            path = self.partition_path(partition)
            self._guardian.table_is_read_again(self.table_name, path.name)
        database.get(_OFFSET_KEY)  # is asked for in the rebalance, which must not fail
        database.set_options({"disable_auto_compactions": "false"})

    def _count_damaged(self, path: Path) -> None:
        """Tell the app of a database that lies aside, then remove it; once, also after a kill."""
        if (aside := aside_of(path)).exists():
            self._guardian.table_is_rebuilt(self.table_name, path.name)
            shutil.rmtree(aside, ignore_errors=True)

    @property
    def _guardian(self) -> Guardian:
        return cast("Guardian", self.app)

    def _get(self, key: bytes) -> bytes | None:
        event = current_event()
        if event is not None:
            with self._trusting(event.message.partition):
                value: bytes | None = super()._get(key)
                return value
        # A view asks: any of the databases may have the row.
        for partition, db in tuple(self._dbs.items()):
            with self._trusting(partition):
                found: bytes | None = db.get(key)
            if found is not None:
                return found
        if self._withdrawn:
            raise next(iter(self._withdrawn.values()))
        return None

    def _contains(self, key: bytes) -> bool:
        return self._get(key) is not None

    def _set(self, key: bytes, value: bytes | None) -> None:
        event = current_event()
        assert event is not None  # noqa: S101 - Faust's own condition
        with self._trusting(event.message.partition):
            super()._set(key, value)

    @contextmanager
    def _trusting(self, partition: int) -> Iterator[None]:
        """Withdraw the partition if the block hears from RocksDB that it cannot be used.

        Raises:
            TableError: it cannot, or it was withdrawn before.
        """
        if partition in self._withdrawn:
            raise self._withdrawn[partition]
        try:
            yield
        except Exception as error:
            if fault_of(error) is None:
                raise
            raise self.withdraw(partition, error) from error


def _best(database: Rdict, records: Iterable[ChangelogRecord]) -> dict[bytes, bytes | None]:
    """Return of each key what is not older than the row that is here already."""
    best: dict[bytes, bytes | None] = {}
    for record in records:
        key, value = record.key, record.value
        known = best[key] if key in best else database.get(key)
        if known is None or _version(value) >= _version(known):
            best[key] = value
    return best


def _version(value: bytes | None) -> float:
    """Return the version of a row as it lies in a changelog; a tombstone is newer than all."""
    if value is None:
        return math.inf
    version: int = orjson.loads(value).get("version", 0)
    return version


def _close(database: Rdict) -> None:
    """Close a database that is in trouble: it may say so once more, and is closed all the same."""
    with suppress(Exception):
        database.close()
