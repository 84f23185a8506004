"""What RocksDB and the system say, and what becomes of the partition and the worker then."""

from __future__ import annotations

import asyncio
import errno
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

from huleedu_streams.errors import DiskFullError, TableUnusableError
from tables.faults import Fault, fault_of
from tests.unit.tables.guarded import PARTITION, ROWS, Tables
from tests.unit.tables.handled import Handling


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("Corruption: block checksum mismatch: stored = 1, computed = 2", Fault.DAMAGED),
        ("IO error: No such file or directory: While open a file: 000009.sst", Fault.DAMAGED),
        ("IO error: While pread offset 0 len 5: Input/output error", Fault.DAMAGED),
        ("IO error: No space left on device: While appending to file: 4.log", Fault.FULL),
        ("IO error: Disk quota exceeded: While appending to file: 4.log", Fault.FULL),
        ("IO error: While lock file: x/LOCK: Resource temporarily unavailable", Fault.LOCKED),
        ("IO error: lock hold by current process, acquire time 1", Fault.LOCKED),
        ("IO error: While open a file for appending: x: Permission denied", Fault.OTHER),
    ],
)
def test_words_of_rocksdb_are_told_apart(words: str, fault: Fault) -> None:
    assert fault_of(Exception(words)) is fault


def test_words_of_others_say_nothing_of_a_database() -> None:
    assert fault_of(ValueError("Corruption: of morals")) is None


def test_full_disk_withdraws_the_partition_and_keeps_its_rows(tables: Tables) -> None:
    error = tables.store.withdraw(PARTITION, Exception("IO error: No space left on device"))

    assert isinstance(error, DiskFullError)
    tables.open()
    assert tables.store.persisted_offset(tables.tp) == ROWS - 1


def test_full_disk_at_the_opening_makes_the_worker_start_again(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tables.store, "_opened", full)

    with pytest.raises(DiskFullError) as caught:
        tables.get("key-00001")

    assert tables.app.failed == [("things", caught.value)]
    assert tables.app.refused == []


def test_write_that_the_system_refuses_withdraws_the_partition_and_is_no_change(
    tables: Tables, handling: Handling
) -> None:
    tables.get("key-00001")
    with (
        handling(PARTITION) as changes,
        no_room_to_write(),
        pytest.raises(TableUnusableError, match=r"cannot be used \(IO error.*File too large"),
    ):
        tables.table["key-x"] = {"n": 1}

    assert changes == []
    assert [table for table, _ in tables.app.failed] == ["things"]
    with pytest.raises(TableUnusableError):
        tables.get("key-00001")
    tables.open()
    assert tables.store.persisted_offset(tables.tp) == ROWS - 1


def test_folder_that_cannot_be_opened_ends_the_worker_with_what_to_do(tables: Tables) -> None:
    shutil.rmtree(tables.folder)
    tables.folder.write_text("no folder")

    with pytest.raises(TableUnusableError, match=rf"cannot open .*: rm -r {tables.folder}$"):
        tables.store.persisted_offset(tables.tp)

    assert [table for table, _ in tables.app.refused] == ["things"]
    assert tables.app.failed == []


@pytest.mark.parametrize(
    "words",
    [
        "IO error: while open a file for lock: x/LOCK: Permission denied",
        "Corruption: block checksum mismatch",
    ],
)
async def test_folder_that_cannot_be_opened_is_no_lock_to_wait_for(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """Faust waits thirty seconds for what has "lock" in it."""
    opened: list[int] = []

    def refuse(partition: int, _path: object) -> NoReturn:
        opened.append(partition)
        raise Exception(words)  # noqa: TRY002 - as rocksdict says it

    monkeypatch.setattr(tables.store, "_opened", refuse)

    with pytest.raises(TableUnusableError):
        await tables.store._try_open_db_for_partition(PARTITION)  # noqa: SLF001 - Faust calls it

    assert set(opened) == {PARTITION}
    assert [table for table, _ in tables.app.refused] == ["things"]


async def test_database_that_a_view_still_reads_is_waited_for(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables.app, "_consumer_generation", 0, raising=False)
    held = tables.store._db_for_partition(PARTITION)  # noqa: SLF001 - as an iteration holds it
    del tables.store._dbs[PARTITION]  # noqa: SLF001 - as Faust lets go of it
    opening = asyncio.create_task(
        tables.store._try_open_db_for_partition(  # noqa: SLF001
            PARTITION, retry_delay=0.01, generation_id=tables.app.consumer_generation_id
        )
    )
    await asyncio.sleep(0)
    assert not opening.done()

    held.close()
    await opening

    assert tables.store.persisted_offset(tables.tp) == ROWS - 1
    assert tables.app.read_again == []


async def test_lock_that_stays_makes_the_worker_start_again(tables: Tables) -> None:
    held = tables.store._db_for_partition(PARTITION)  # noqa: SLF001 - as above
    del tables.store._dbs[PARTITION]  # noqa: SLF001

    with pytest.raises(TableUnusableError, match="lock"):
        await tables.store._try_open_db_for_partition(  # noqa: SLF001
            PARTITION,
            max_retries=2,
            retry_delay=0.01,
            generation_id=tables.app.consumer_generation_id,
        )

    assert [table for table, _ in tables.app.failed] == ["things"]
    held.close()


def test_damaged_folder_that_has_gone_is_withdrawn_all_the_same(tables: Tables) -> None:
    shutil.rmtree(tables.folder)

    error = tables.store.withdraw(PARTITION, Exception("Corruption: block checksum mismatch"))

    assert tables.app.failed == [("things", error)]
    tables.open()
    assert tables.store.persisted_offset(tables.tp) is None


@contextmanager
def no_room_to_write() -> Iterator[None]:
    """Have the system refuse every byte that this process would add to a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
