"""Real RocksDB, really damaged."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from faust.types import TP

from huleedu_streams.embedded.process import wait_until
from huleedu_streams.errors import TableDamagedError
from tests.unit.tables.guarded import PARTITION, ROWS, Tables
from tests.unit.tables.handled import Handling


class Record:
    """A record of the changelog."""

    def __init__(self, row: object) -> None:
        self.key = b"key-x"
        self.value = None if row is None else orjson.dumps(row)


def crash(tables: Tables) -> None:
    """Leave the folder as a SIGKILL does now, and open it again as a new process does.

    RocksDB's threads are ended first: they delete files while these are copied. It cannot be
    closed after that, since closing writes: it is let go.
    """
    database = tables.store._dbs.pop(PARTITION)  # noqa: SLF001 - as in `close`
    database.cancel_all_background(wait=True)
    as_it_is = tables.folder.with_name("copy")
    shutil.copytree(tables.folder, as_it_is)
    del database
    gc.collect()
    shutil.rmtree(tables.folder)
    as_it_is.rename(tables.folder)
    tables.open()


def _first(folder: Path, pattern: str) -> Path:
    return min(folder.glob(pattern))


def _flip(path: Path, place: int | None = None) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 3 if place is None else place] ^= 0x55
    path.write_bytes(body)


def _put_rows(tables: Tables, count: int) -> None:
    for number in range(count):
        tables.put(f"key-{number % ROWS:05}", {"n": number, "pad": f"{number:0100}"})


def _flip_beginnings(folder: Path) -> None:
    """Damage the blocks that hold the first keys: Faust's offset is the first of all."""
    for path in folder.glob("*.sst"):
        _flip(path, 10)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


AT_OPENING: dict[str, Callable[[Path], object]] = {
    "truncated SST": lambda folder: _cut(_first(folder, "*.sst")),
    "missing SST": lambda folder: _first(folder, "*.sst").unlink(),
    # Within its first record: a wrong length of a later one is an early end, see below.
    "flipped MANIFEST": lambda folder: _flip(_first(folder, "MANIFEST-*"), 20),
    "missing MANIFEST": lambda folder: _first(folder, "MANIFEST-*").unlink(),
    "empty CURRENT": lambda folder: (folder / "CURRENT").write_bytes(b""),
    "flipped block of the offset": _flip_beginnings,
    "missing CURRENT": lambda folder: (folder / "CURRENT").unlink(),
}


@pytest.mark.parametrize("damage", AT_OPENING.values(), ids=AT_OPENING)
def test_database_that_cannot_be_opened_is_made_anew(
    tables: Tables, damage: Callable[[Path], object]
) -> None:
    damage(tables.folder)

    offset = tables.store.persisted_offset(tables.tp)

    assert offset is None, "the changelog is read from its beginning"
    assert tables.app.rebuilt == ["things-3.db"]
    assert tables.app.failed == []
    assert tables.get("key-00001") is None
    assert [path.name for path in tables.folder.parent.glob("*-3.db*")] == ["things-3.db"]


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8, 0.95])
def test_table_whose_manifest_ends_early_has_no_holes(
    tmp_path: Path, handling: Handling, share: float
) -> None:
    tables = Tables(tmp_path, handling)
    for number in range(ROWS):
        tables.put(f"key-{number:05}", {"n": number, "pad": f"{number:0100}"})
        tables.store.set_persisted_offset(tables.tp, number)
    crash(tables)
    manifest = _first(tables.folder, "MANIFEST-*")
    os.truncate(manifest, int(manifest.stat().st_size * share))

    offset = tables.store.persisted_offset(tables.tp)

    holes = [
        number
        for number in range(0 if offset is None else offset + 1)
        if tables.get(f"key-{number:05}") is None
    ]
    assert holes == []


def test_database_that_a_crash_left_whole_is_not_read_again(tables: Tables) -> None:
    tables.put("key-new", {"n": 1})
    crash(tables)

    assert tables.store.persisted_offset(tables.tp) == ROWS - 1
    assert tables.get("key-new") == {"n": 1}
    assert tables.app.read_again == []


def test_look_that_a_kill_cut_short_is_not_trusted_the_next_time(tables: Tables) -> None:
    # RocksDB may have deleted by then what it did not know, and nothing would show it.
    tables.folder.with_name("things-3.db.looking").touch()

    offset = tables.store.persisted_offset(tables.tp)

    assert offset is None
    assert tables.app.read_again == ["things-3.db"]
    assert [path.name for path in tables.folder.parent.glob("*-3.db*")] == ["things-3.db"]


def test_cut_short_look_that_left_no_file_is_not_trusted_either(tables: Tables) -> None:
    # All files were unknown and deleted; what is in the log alone has a later offset.
    shutil.rmtree(tables.folder)
    tables.store.set_persisted_offset(tables.tp, ROWS + 9)
    crash(tables)
    tables.folder.with_name("things-3.db.looking").touch()

    assert tables.store.persisted_offset(tables.tp) is None
    assert tables.app.read_again == ["things-3.db"]


def test_database_goes_on_to_compact_what_it_holds(tables: Tables) -> None:
    _put_rows(tables, 6 * ROWS)

    assert wait_until(lambda: len(list(tables.folder.glob("*.sst"))) < 12, 10)


def test_damaged_block_gives_no_row_and_ends_the_trust(tables: Tables) -> None:
    _flip(_first(tables.folder, "*.sst"))

    for _ in range(2):
        with pytest.raises(TableDamagedError, match="its changelog rebuilds it"):
            _read_all(tables)

    ((name, error),) = tables.app.failed
    assert name == "things"
    assert isinstance(error, TableDamagedError)
    with pytest.raises(TableDamagedError):
        tables.put("key-new", {})
    with pytest.raises(TableDamagedError):
        tables.store.set_persisted_offset(tables.tp, ROWS)


def test_database_that_cannot_be_closed_for_its_damage_is_withdrawn(tables: Tables) -> None:
    for path in tables.folder.glob("*.sst"):
        _flip(path)

    # Sooner or later RocksDB compacts what is damaged, and takes no write from then on.
    with pytest.raises(TableDamagedError):
        _put_rows(tables, 100 * ROWS)

    assert tables.store.open_partitions == ()
    assert [name for name, _ in tables.app.failed] == ["things"]


def test_start_after_damage_counts_it_once_and_reads_the_changelog(tables: Tables) -> None:
    _flip(_first(tables.folder, "*.sst"))
    with pytest.raises(TableDamagedError):
        _read_all(tables)

    for rebuilt in (["things-3.db"], []):
        tables.open()
        assert tables.store.persisted_offset(tables.tp) is None
        assert tables.app.rebuilt == rebuilt
        tables.close()


def test_view_hears_of_damage_and_not_that_the_row_is_absent(tables: Tables) -> None:
    _flip(_first(tables.folder, "*.sst"))
    assert tables.store.persisted_offset(tables.tp) == ROWS - 1

    for _ in range(2):
        with pytest.raises(TableDamagedError):
            _see_all(tables)


def test_reading_through_finds_damage_that_nobody_asked_for(tables: Tables) -> None:
    tables.store.persisted_offset(tables.tp)
    steps = sum(1 for _ in tables.store.read_through(PARTITION))
    assert steps >= ROWS / 500
    assert tables.app.failed == []
    tables.close()
    tables.open()
    _flip(_first(tables.folder, "*.sst"))
    tables.store.persisted_offset(tables.tp)

    for _ in tables.store.read_through(PARTITION):
        pass

    assert [name for name, _ in tables.app.failed] == ["things"]
    assert tables.store.open_partitions == ()


def test_partition_that_is_damaged_takes_no_change_and_others_do(tables: Tables) -> None:
    _flip(_first(tables.folder, "*.sst"))
    with pytest.raises(TableDamagedError):
        _read_all(tables)

    with pytest.raises(TableDamagedError):
        tables.store.apply(tables.tp, [Record({"version": 1})], 2)
    tables.store.apply(_other(tables.tp), [Record({"version": 1})], 8)

    assert tables.store.persisted_offset(_other(tables.tp)) == 7
    with pytest.raises(TableDamagedError):
        tables.store.persisted_offset(tables.tp)


@pytest.mark.parametrize(
    ("log", "kept"),
    [
        ([(5, "b"), (6, "b"), (5, "a, late")], (6, "b")),
        ([(5, "b"), (5, "the same again")], (5, "the same again")),
        ([(5, "b"), None], None),
        ([None, (1, "anew")], (1, "anew")),
    ],
    ids=["zombie's row", "equal rows", "tombstone", "after a tombstone"],
)
@pytest.mark.parametrize("batch_size", [1, 9])
def test_recovery_keeps_the_row_of_the_highest_version(
    tables: Tables,
    log: list[tuple[int, str] | None],
    kept: tuple[int, str] | None,
    batch_size: int,
) -> None:
    records = [Record(entry and {"version": entry[0], "of": entry[1]}) for entry in log]

    for start in range(0, len(records), batch_size):
        part = records[start : start + batch_size]
        tables.store.apply(tables.tp, part, start + len(part))

    assert tables.get("key-x") == (kept and {"version": kept[0], "of": kept[1]})
    assert tables.store.persisted_offset(tables.tp) == len(log) - 1


def _read_all(tables: Tables) -> None:
    for number in range(ROWS):
        tables.get(f"key-{number:05}")


def _see_all(tables: Tables) -> None:
    """Ask for every row as a view does, with no event in hand."""
    for number in range(ROWS):
        tables.table.get(f"key-{number:05}")


def _other(tp: TP) -> TP:
    return TP(tp.topic, tp.partition + 1)
