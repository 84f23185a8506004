from __future__ import annotations

import stat
from pathlib import Path

import pytest

from huleedu_streams.adapters.content_files import FileContentStore
from huleedu_streams.errors import (
    ContentNotFoundError,
    ContentRefusedError,
    ContentStoreUnavailableError,
)

TEXT_ID = "0123456789abcdef0123456789abcdef"


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


async def test_content_is_one_private_file_in_sharded_folders(tmp_path: Path) -> None:
    await FileContentStore(tmp_path).put(TEXT_ID, b"a text", "text/plain")

    assert files(tmp_path) == [tmp_path / "01" / "23" / TEXT_ID]
    assert files(tmp_path)[0].read_bytes() == b"text/plain\na text"
    assert stat.S_IMODE(files(tmp_path)[0].stat().st_mode) == 0o600


async def test_content_outlives_the_store_that_wrote_it(tmp_path: Path) -> None:
    await FileContentStore(tmp_path / "deep" / "down").put(TEXT_ID, b"a text", "text/plain")

    again = await FileContentStore(tmp_path / "deep" / "down").get(TEXT_ID)

    assert again.body == b"a text"


async def test_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "01" / "23" / TEXT_ID).mkdir(parents=True)

    with pytest.raises(ContentStoreUnavailableError):
        await FileContentStore(tmp_path).put(TEXT_ID, b"a text", "text/plain")

    assert files(tmp_path) == []


async def test_broken_disk_is_an_outage_that_names_the_folder(tmp_path: Path) -> None:
    store = FileContentStore(tmp_path)
    (tmp_path / "01").write_text("in the way")

    with pytest.raises(ContentStoreUnavailableError, match="cannot write under") as raised:
        await store.put(TEXT_ID, b"a text", "text/plain")
    with pytest.raises(ContentStoreUnavailableError, match="cannot read under"):
        await store.get(TEXT_ID)

    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_root_that_is_a_file_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "content").write_text("in the way")
    store = FileContentStore(tmp_path / "content")

    with pytest.raises(ContentStoreUnavailableError):
        await store.get(TEXT_ID)

    assert not await store.is_healthy()


async def test_folder_that_vanished_is_an_outage_and_no_missing_text(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    store = FileContentStore(root)
    with pytest.raises(ContentNotFoundError):
        await store.get(TEXT_ID)

    root.rmdir()

    with pytest.raises(ContentStoreUnavailableError):
        await store.get(TEXT_ID)
    with pytest.raises(ContentStoreUnavailableError):
        await store.put(TEXT_ID, b"a text", "text/plain")


async def test_foreign_file_under_an_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / "01" / "23").mkdir(parents=True)
    (tmp_path / "01" / "23" / TEXT_ID).write_bytes(b"no first line")

    with pytest.raises(ContentRefusedError):
        await FileContentStore(tmp_path).get(TEXT_ID)


async def test_health_probe_leaves_no_file(tmp_path: Path) -> None:
    store = FileContentStore(tmp_path / "content")

    assert await store.is_healthy()

    assert files(tmp_path) == []
    await store.close()
