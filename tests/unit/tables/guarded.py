"""A table in a real RocksDB, opened again and again, and an app that notes what it is told."""

from __future__ import annotations

import gc
from pathlib import Path

import faust
from faust.types import TP

from huleedu_streams.errors import TableError
from tables.changelog import RecordingTable
from tables.guard import GuardedStore
from tests.unit.tables.handled import Handling

PARTITION = 3
ROWS = 3_000


class GuardedApp(faust.App):
    """An app that never starts, and notes what its tables tell it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            "tests",
            broker="kafka://127.0.0.1:1",
            store="rocksdb://",
            datadir=str(folder),
            tabledir="rocksdb",
            Table=RecordingTable,
        )
        self.failed: list[tuple[str, TableError]] = []
        self.refused: list[tuple[str, TableError]] = []
        self.rebuilt: list[str] = []
        self.read_again: list[str] = []

    def table_failed(self, table: str, error: TableError) -> None:
        self.failed.append((table, error))

    def table_cannot_be_opened(self, table: str, error: TableError) -> None:
        self.refused.append((table, error))

    def table_is_rebuilt(self, _table: str, folder: str) -> None:
        self.rebuilt.append(folder)

    def table_is_read_again(self, _table: str, folder: str) -> None:
        self.read_again.append(folder)


class Tables:
    """A worker's table `things` in a folder, opened again and again."""

    def __init__(self, folder: Path, handling: Handling) -> None:
        self._folder = folder
        self._handling = handling
        self.open()

    def open(self) -> None:
        """Open the table as a new process does."""
        self.app = GuardedApp(self._folder)
        options = {"write_buffer_size": 65_536, "block_cache_size": 65_536}
        self.table = self.app.Table("things", key_type=str, partitions=6, options=options)

    @property
    def store(self) -> GuardedStore:
        store = self.table.data
        assert isinstance(store, GuardedStore)
        return store

    @property
    def folder(self) -> Path:
        return self.store.partition_path(PARTITION)

    def put(self, key: str, row: dict[str, object]) -> None:
        with self._handling(PARTITION):
            self.table[key] = row

    def get(self, key: str) -> object:
        with self._handling(PARTITION):
            return self.table.get(key)

    def fill(self) -> None:
        for number in range(ROWS):
            self.put(f"key-{number:05}", {"n": number, "pad": f"{number:0100}"})
        self.store.set_persisted_offset(self.tp, ROWS - 1)

    def close(self) -> None:
        database = self.store._dbs.pop(PARTITION)  # noqa: SLF001 - Faust leaves it to the collector
        database.close()
        del database
        gc.collect()

    @property
    def tp(self) -> TP:
        return TP("tests-things-changelog", PARTITION)
