from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from rocksdict import Options, Rdict

from huleedu_streams.errors import HuleeduStreamsError, TableDamagedError
from tables.listing import TableQuery, show
from tables.reader import count_rows, find_row, partitions_on_disk, read_rows, tables_folder

OFFSET_KEY = b"__faust\0offset__"


@contextmanager
def a_live_writer(folder: Path, name: str, rows: Mapping[str, object]) -> Iterator[Rdict]:
    """Yield a database that stays open for writing, as a worker's does."""
    folder.mkdir(parents=True, exist_ok=True)
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003 - rocksdict's own signature
    database = Rdict(str(folder / name), options)
    for key, row in rows.items():
        database[key.encode()] = json.dumps(row).encode()
    database[OFFSET_KEY] = b"41"
    try:
        yield database
    finally:
        database.close()


def a_table(folder: Path, name: str, rows: Mapping[str, object]) -> None:
    with a_live_writer(folder, name, rows):
        pass


def damage(folder: Path) -> None:
    """Turn bytes of a data block, as a failing disk does."""
    file = next(folder.glob("*.sst"))
    body = bytearray(file.read_bytes())
    body[100:140] = bytes(40)
    file.write_bytes(body)


def shown(query: TableQuery) -> list[dict[str, object]]:
    out = io.StringIO()
    show(query, out, as_json=True)
    found: list[dict[str, object]] = json.loads(out.getvalue())
    return found


def test_folder_is_where_faust_keeps_rocksdb(tmp_path: Path) -> None:
    assert tables_folder(tmp_path, "an-app") == tmp_path / "an-app" / "v1" / "rocksdb"


def test_machine_without_tables_has_no_partitions(tmp_path: Path) -> None:
    assert partitions_on_disk(tmp_path / "absent") == {}


def test_rows_are_read_beside_a_live_writer(tmp_path: Path) -> None:
    with a_live_writer(tmp_path, "essays-3.db", {"essay-1": {"version": 1}}) as database:
        database[b"essay-2"] = b'{"version": 2}'

        rows = list(read_rows(tmp_path, "essays"))

    assert [(row.key, row.partition, row.value) for row in rows] == [
        ("essay-1", 3, {"version": 1}),
        ("essay-2", 3, {"version": 2}),
    ]


def test_reading_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    with a_live_writer(tmp_path, "essays-0.db", {"essay-1": {}}):
        before = sorted(path.name for path in (tmp_path / "essays-0.db").iterdir())

        assert count_rows(tmp_path, "essays") == 1

        assert sorted(path.name for path in (tmp_path / "essays-0.db").iterdir()) == before


def test_offset_of_faust_is_no_row(tmp_path: Path) -> None:
    a_table(tmp_path, "essays-0.db", {})

    assert count_rows(tmp_path, "essays") == 0


def test_row_is_found_in_whatever_partition_it_lies(tmp_path: Path) -> None:
    a_table(tmp_path, "essays-0.db", {"essay-1": {"version": 1}})
    a_table(tmp_path, "essays-5.db", {"essay-2": {"version": 2}})

    row = find_row(tmp_path, "essays", "essay-2")

    assert row is not None
    assert (row.partition, row.value) == (5, {"version": 2})
    assert find_row(tmp_path, "essays", "essay-3") is None


def test_damaged_database_is_named_after_what_can_be_read(tmp_path: Path) -> None:
    a_table(tmp_path, "essays-0.db", {f"essay-{n:04}": {"n": n} for n in range(500)})
    a_table(tmp_path, "essays-1.db", {"essay-whole": {}})
    damage(tmp_path / "essays-0.db")
    rows = read_rows(tmp_path, "essays")
    keys: list[str] = []

    with pytest.raises(TableDamagedError, match=r"essays-0\.db is damaged"):
        keys.extend(row.key for row in rows)

    assert keys[-1] == "essay-whole"


def test_damage_is_told_after_the_rows_were_shown(tmp_path: Path) -> None:
    a_table(tmp_path, "essays-0.db", {f"essay-{n:04}": {"n": n} for n in range(500)})
    a_table(tmp_path, "essays-1.db", {"essay-whole": {}})
    damage(tmp_path / "essays-0.db")
    out = io.StringIO()

    with pytest.raises(TableDamagedError):
        show(TableQuery(tmp_path, "essays"), out, as_json=True)

    assert "essay-whole" in out.getvalue()


def test_row_that_is_no_object_is_damage(tmp_path: Path) -> None:
    a_table(tmp_path, "essays-0.db", {"essay-1": ["not", "a", "row"]})

    with pytest.raises(TableDamagedError, match="essay-1"):
        find_row(tmp_path, "essays", "essay-1")


def test_folder_that_is_no_database_is_damage(tmp_path: Path) -> None:
    (tmp_path / "essays-0.db").mkdir()
    (tmp_path / "essays-0.db" / "CURRENT").write_text("MANIFEST-000001\n")

    with pytest.raises(TableDamagedError):
        count_rows(tmp_path, "essays")


def test_rows_are_chosen_by_status_and_limit(tmp_path: Path) -> None:
    failed = {"current_status": "spellcheck_failed"}
    rows = {"essay-1": failed, "essay-2": {"current_status": "uploaded"}, "essay-3": failed}
    a_table(tmp_path, "essays-0.db", rows)

    found = shown(TableQuery(tmp_path, "essays", status="spellcheck_failed"))

    assert [row["key"] for row in found] == ["essay-1", "essay-3"]
    assert [row["key"] for row in shown(TableQuery(tmp_path, "essays", limit=1))] == ["essay-1"]


def test_status_of_a_newer_writer_is_shown_as_it_is(tmp_path: Path) -> None:
    a_table(tmp_path, "essays-0.db", {"essay-1": {"current_status": "yet_unheard_of"}})

    assert shown(TableQuery(tmp_path, "essays", key="essay-1")) == [
        {"key": "essay-1", "partition": 0, "current_status": "yet_unheard_of"}
    ]


def test_members_are_shown_an_essay_at_a_time(tmp_path: Path) -> None:
    pages = {
        "batch-1/00": {"members": {"essay-1": {"status": "uploaded"}}},
        "batch-1/01": {"members": {"essay-2": {"status": "spellcheck_failed"}}},
        "batch-2/00": {"members": {"essay-3": {"status": "uploaded"}}},
    }
    a_table(tmp_path, "batch_members-0.db", pages)

    def keys(key: str | None = None, status: str | None = None) -> list[object]:
        query = TableQuery(tmp_path, "batch_members", key=key, status=status)
        return [row["key"] for row in shown(query)]

    assert keys() == ["batch-1/essay-1", "batch-1/essay-2", "batch-2/essay-3"]
    assert keys("batch-1") == ["batch-1/essay-1", "batch-1/essay-2"]
    assert keys("batch-1/essay-2") == ["batch-1/essay-2"]
    assert keys(status="uploaded") == ["batch-1/essay-1", "batch-2/essay-3"]


def test_unknown_table_names_those_that_are_there(tmp_path: Path) -> None:
    a_table(tmp_path, "essays-0.db", {})

    with pytest.raises(HuleeduStreamsError, match="tables there: essays"):
        show(TableQuery(tmp_path, "esays"), io.StringIO(), as_json=False)


def test_tables_are_listed_with_their_rows(tmp_path: Path) -> None:
    a_table(tmp_path, "essays-0.db", {"essay-1": {}})
    out = io.StringIO()

    show(TableQuery(tmp_path), out, as_json=True, helps={"batches": "How far each batch is."})

    assert json.loads(out.getvalue()) == [
        {"table": "batches", "partitions": [], "rows": 0, "help": "How far each batch is."},
        {"table": "essays", "partitions": [0], "rows": 1, "help": ""},
    ]


def test_tables_are_readable_at_a_terminal(tmp_path: Path) -> None:
    row = {"batch_id": "batch-1", "counts": {"uploaded": 2, "spellcheck_failed": 0}}
    a_table(tmp_path, "batches-0.db", {"batch-1": row})
    a_table(tmp_path, "others-0.db", {"key-1": {"plain": 1, "listed": [1, 2]}})

    assert "uploaded 2" in printed(TableQuery(tmp_path, "batches"))
    assert "plain" in printed(TableQuery(tmp_path, "others"))
    assert "1 row" in printed(TableQuery(tmp_path, "others"))
    assert "batches" in printed(TableQuery(tmp_path))


def printed(query: TableQuery) -> str:
    out = io.StringIO()
    assert show(query, out, as_json=False)
    return out.getvalue()
