"""Read a worker's RocksDB folders from outside, beside the live worker or without one.

Each database is opened as a RocksDB *secondary*: it takes no lock, writes nothing into the
folder and sees what the worker wrote a moment ago, the write-ahead log included.
Not here: who writes (`agents`), and what rows mean.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rocksdict import AccessType, Options, Rdict

from huleedu_streams.errors import TableDamagedError

# Faust keeps the changelog offset it has applied under this key, among the rows.
_OFFSET_KEY = b"__faust\0offset__"
_FOLDER_NAME = re.compile(r"^(?P<table>.+)-(?P<partition>\d+)\.db$")
# A live worker may remove a file between our reading of the manifest and opening it.
_OPEN_TRIES = 3


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row as it lies on disk.

    Attributes:
        table: The table's name.
        partition: Where the row lives.
        key: An id, e.g. an essay id.
        value: The row, a JSON object; also one that a newer version wrote.
    """

    table: str
    partition: int
    key: str
    value: dict[str, Any]


def tables_folder(data_dir: Path, app_id: str) -> Path:
    """Return where Faust keeps the RocksDB folders of the app, version 1."""
    return data_dir / app_id / "v1" / "rocksdb"


def partitions_on_disk(folder: Path) -> dict[str, dict[int, Path]]:
    """Return table -> partition -> database folder, sorted; no folder means no tables."""
    found: dict[str, dict[int, Path]] = {}
    for path in folder.glob("*.db"):
        match = _FOLDER_NAME.match(path.name)
        # A database without CURRENT is one that its worker is making just now.
        if match and (path / "CURRENT").exists():
            found.setdefault(match["table"], {})[int(match["partition"])] = path
    return {table: dict(sorted(found[table].items())) for table in sorted(found)}


def read_rows(folder: Path, table: str) -> Iterator[StoredRow]:
    """Yield every row of `table` on this machine, partition by partition, by key.

    Raises:
        TableDamagedError: last, for the first database that cannot be read to its end; the rows
            before that and those of the other partitions were yielded.
    """
    damage: TableDamagedError | None = None
    for partition, path in partitions_on_disk(folder).get(table, {}).items():
        try:
            for key, value in _entries(path):
                yield StoredRow(table, partition, key, _row_value(path, key, value))
        except TableDamagedError as error:
            damage = damage or error
    if damage is not None:
        raise damage


def find_row(folder: Path, table: str, key: str) -> StoredRow | None:
    """Return the row of `key`, or None where this machine does not hold one.

    Raises:
        TableDamagedError: the block that should hold it cannot be read.
    """
    for partition, path in partitions_on_disk(folder).get(table, {}).items():
        with _opened(path) as database:
            value = database.get(key.encode())
        if value is not None:
            return StoredRow(table, partition, key, _row_value(path, key, value))
    return None


def count_rows(folder: Path, table: str) -> int:
    """Return how many rows of `table` this machine holds.

    Raises:
        TableDamagedError: a database ends before its end.
    """
    partitions = partitions_on_disk(folder).get(table, {})
    return sum(1 for path in partitions.values() for _ in _entries(path))


def _entries(path: Path) -> Iterator[tuple[str, bytes]]:
    with _opened(path) as database:
        entries = database.iter()
        entries.seek_to_first()
        while entries.valid():
            if entries.key() != _OFFSET_KEY:
                yield entries.key().decode("utf-8", errors="replace"), entries.value()
            entries.next()
        # A damaged database looks like one that ends early: only the status tells.
        entries.status()


@contextmanager
def _opened(path: Path) -> Iterator[Rdict]:
    with tempfile.TemporaryDirectory(prefix="huleedu-tables-") as scratch:
        database = _open(path, scratch)
        try:
            yield database
        except Exception as error:
            if not _is_rocksdb(error):
                raise
            raise _damaged(path, str(error)) from error
        finally:
            database.close()


def _open(path: Path, scratch: str) -> Rdict:
    reason = ""
    for _ in range(_OPEN_TRIES):
        try:
            return Rdict(
                str(path), Options(raw_mode=True), access_type=AccessType.secondary(scratch)
            )
        except Exception as error:
            if not _is_rocksdb(error):
                raise
            reason = str(error)
    raise _damaged(path, reason)


def _is_rocksdb(error: Exception) -> bool:
    # rocksdict raises plain `Exception` for all that RocksDB reports.
    return type(error) is Exception


def _row_value(path: Path, key: str, value: bytes) -> dict[str, Any]:
    try:
        row = json.loads(value)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise _damaged(path, f"the row of {key} is no JSON object")
    return row


def _damaged(path: Path, reason: str) -> TableDamagedError:
    return TableDamagedError(
        f"{path} is damaged ({' '.join(reason.split())[:160]}); stop the worker and remove that "
        "folder: the next start rebuilds it from the changelog"
    )
