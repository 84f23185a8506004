from __future__ import annotations

from contextvars import copy_context
from pathlib import Path

import faust
import orjson
import pytest
from faust.types import TP

from tables.changelog import Change, PersistedOffsets, RecordingTable, _changes, recorded_changes
from tables.guard import GuardedStore
from tests.unit.tables.handled import HandledEvent, Handling


@pytest.fixture
def table(app: faust.App) -> RecordingTable:
    declared = app.Table("things", key_type=str, partitions=6)
    assert isinstance(declared, RecordingTable)
    return declared


@pytest.mark.parametrize(("key_type", "serializer"), [(str, "raw"), (bytes, "raw"), (int, "json")])
def test_keys_that_are_ids_are_stored_raw(app: faust.App, key_type: type, serializer: str) -> None:
    table = app.Table("things", key_type=key_type)

    assert isinstance(table, RecordingTable)
    assert table.key_serializer == serializer


def test_raw_key_is_the_id_in_both_directions(table: RecordingTable, app: faust.App) -> None:
    raw = b"essay-1"

    assert app.serializers.dumps_key(str, "essay-1", serializer=table.key_serializer) == raw
    assert app.serializers.loads_key(str, raw, serializer=table.key_serializer) == "essay-1"


def test_writes_are_recorded_in_their_order(table: RecordingTable, handling: Handling) -> None:
    with handling(4) as changes:
        table["a"] = {"n": 1}
        table["b"] = {"n": 2}
        del table["a"]

    topic = "tests-things-changelog"
    assert changes == [
        Change(table, topic, 4, b"a", orjson.dumps({"n": 1})),
        Change(table, topic, 4, b"b", orjson.dumps({"n": 2})),
        Change(table, topic, 4, b"a", None),
    ]


def test_recording_ends_with_its_block(table: RecordingTable, handling: Handling) -> None:
    with handling(4) as outer:
        with recorded_changes(HandledEvent(4)) as inner:
            table["a"] = {"n": 1}
        table["b"] = {"n": 2}

    assert [change.key for change in inner] == [b"a"]
    assert [change.key for change in outer] == [b"b"]


def test_write_that_nobody_records_is_refused(table: RecordingTable, handling: Handling) -> None:
    with handling(4):
        context = copy_context()
        context.run(_changes.set, None)

        with pytest.raises(RuntimeError, match="outside the delivery loop"):
            context.run(table.__setitem__, "a", {"n": 1})


@pytest.fixture
def rocksdb_table(tmp_path: Path) -> RecordingTable:
    app = faust.App(
        "tests", broker="kafka://127.0.0.1:1", store="rocksdb://", datadir=str(tmp_path / "data")
    )
    table = RecordingTable(app, name="things", key_type=str)
    Path(app.conf.tabledir).mkdir(parents=True)
    return table


def test_row_in_rocksdb_comes_back_as_it_was_recorded(
    rocksdb_table: RecordingTable, handling: Handling
) -> None:
    with handling(4) as changes:
        assert rocksdb_table.get("a") is None
        rocksdb_table["a"] = {"n": 1, "word": "\u00e5"}
        found = rocksdb_table.get("a")

    assert found == {"n": 1, "word": "\u00e5"}
    assert changes == [
        Change(rocksdb_table, "tests-things-changelog", 4, b"a", orjson.dumps(found))
    ]
    # A view has no event that would say which partition to look in.
    assert rocksdb_table.get("a") == found
    assert rocksdb_table["a"] == found


def test_refused_write_leaves_rocksdb_as_it_was(
    rocksdb_table: RecordingTable, handling: Handling
) -> None:
    with handling(4):
        context = copy_context()
        context.run(_changes.set, None)

        with pytest.raises(RuntimeError, match="outside the delivery loop"):
            context.run(rocksdb_table.__setitem__, "a", {"n": 1})

        assert rocksdb_table.get("a") is None


TOPIC = "tests-things-changelog"


def noted(table: RecordingTable, *places: tuple[int, int]) -> PersistedOffsets:
    """Return offsets that have been told of a change at each partition and offset."""
    offsets = PersistedOffsets()
    for partition, offset in places:
        offsets.note(Change(table, TOPIC, partition, b"a", None), offset)
    return offsets


def at(rocksdb_table: RecordingTable, partition: int, offset: int) -> TP:
    """Open a partition of which so much is applied."""
    place = TP(TOPIC, partition)
    rocksdb_table.data.set_persisted_offset(place, offset)
    return place


def test_latest_offset_of_each_partition_is_remembered_once_written(
    rocksdb_table: RecordingTable,
) -> None:
    fourth, fifth = at(rocksdb_table, 4, 40), at(rocksdb_table, 5, 6)
    offsets = noted(rocksdb_table, (4, 42), (5, 7), (4, 41))

    assert rocksdb_table.persisted_offset(fourth) == 40
    offsets.write()

    assert rocksdb_table.persisted_offset(fourth) == 42
    assert rocksdb_table.persisted_offset(fifth) == 7


def test_rows_that_another_worker_wrote_in_between_are_not_passed_over(
    rocksdb_table: RecordingTable,
) -> None:
    place = at(rocksdb_table, 4, 40)
    noted(rocksdb_table, (4, 41), (4, 44), (4, 45)).write()
    assert rocksdb_table.persisted_offset(place) == 41

    # A recovery has read up to 45, itself excluded.
    at(rocksdb_table, 4, 44)
    noted(rocksdb_table, (4, 46)).write()

    assert rocksdb_table.persisted_offset(place) == 46


def test_two_agents_of_one_table_note_its_offsets_together(rocksdb_table: RecordingTable) -> None:
    place = at(rocksdb_table, 4, 9)
    one, other = noted(rocksdb_table, (4, 10), (4, 12)), noted(rocksdb_table, (4, 11))

    one.write()
    assert rocksdb_table.persisted_offset(place) == 12
    other.write()

    assert rocksdb_table.persisted_offset(place) == 12


def test_partition_that_is_gone_is_not_opened_for_an_offset(rocksdb_table: RecordingTable) -> None:
    noted(rocksdb_table, (4, 0)).write()

    store = rocksdb_table.data
    assert isinstance(store, GuardedStore)
    assert store.open_partitions == ()
