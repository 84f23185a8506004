from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from huleedu_streams.adapters.content_files import MARKER, FileContentStore
from huleedu_streams.errors import (
    ContentNotFoundError,
    ContentRefusedError,
    ContentStoreUnavailableError,
)
from huleedu_streams.protocols import StoredContent

TEXT_ID = "0123456789abcdef0123456789abcdef"


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and path.name != MARKER]


async def test_content_is_one_private_file_in_sharded_folders(tmp_path: Path) -> None:
    await FileContentStore(tmp_path).put(TEXT_ID, b"a text", "text/plain")

    assert files(tmp_path) == [tmp_path / "01" / "23" / TEXT_ID]
    assert files(tmp_path)[0].read_bytes() == b"text/plain\t6\ta9642a83\na text"
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

    shutil.rmtree(root)

    assert not await store.is_healthy()
    assert not root.exists()
    with pytest.raises(ContentStoreUnavailableError):
        await store.get(TEXT_ID)
    with pytest.raises(ContentStoreUnavailableError):
        await store.put(TEXT_ID, b"a text", "text/plain")


async def test_empty_mount_point_is_an_outage_and_no_missing_text(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    store = FileContentStore(root)
    await store.put(TEXT_ID, b"a text", "text/plain")

    root.rename(tmp_path / "unmounted")
    root.mkdir()

    assert not await store.is_healthy()
    with pytest.raises(ContentStoreUnavailableError, match="volume"):
        await store.get(TEXT_ID)
    with pytest.raises(ContentStoreUnavailableError):
        await store.put(TEXT_ID, b"a text", "text/plain")
    assert list(root.iterdir()) == []


async def test_volume_that_is_back_is_used_again(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    store = FileContentStore(root)
    await store.put(TEXT_ID, b"a text", "text/plain")
    root.rename(tmp_path / "unmounted")
    assert not await store.is_healthy()

    (tmp_path / "unmounted").rename(root)

    assert await store.is_healthy()
    assert (await store.get(TEXT_ID)).body == b"a text"


async def test_store_that_is_made_is_said_once(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            await FileContentStore(tmp_path / "new").put(TEXT_ID, b"a text", "text/plain")

    made = [(log["event"], log["folder"]) for log in logs]
    assert made == [("content_store_made", str(tmp_path / "new"))]


async def test_folder_filled_by_an_earlier_version_is_read_and_marked(tmp_path: Path) -> None:
    (tmp_path / "01" / "23").mkdir(parents=True)
    (tmp_path / "01" / "23" / TEXT_ID).write_bytes(b"text/plain; charset=utf-8\ntwo\nlines")

    content = await FileContentStore(tmp_path).get(TEXT_ID)

    assert content == StoredContent(b"two\nlines", "text/plain; charset=utf-8")
    assert (tmp_path / MARKER).exists()


@pytest.mark.parametrize("kept", range(24 + 6))
async def test_file_cut_short_anywhere_is_refused(tmp_path: Path, kept: int) -> None:
    store = FileContentStore(tmp_path)
    await store.put(TEXT_ID, b"a text", "text/plain")
    [file] = files(tmp_path)
    os.truncate(file, min(kept, file.stat().st_size - 1))

    with pytest.raises(ContentRefusedError, match="damaged"):
        await store.get(TEXT_ID)


async def test_file_with_a_changed_byte_is_refused(tmp_path: Path) -> None:
    store = FileContentStore(tmp_path)
    await store.put(TEXT_ID, b"a text", "text/plain")
    [file] = files(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"a text", b"a tent"))

    with pytest.raises(ContentRefusedError, match="damaged"):
        await store.get(TEXT_ID)


async def test_media_type_no_header_could_carry_is_refused_on_reading(tmp_path: Path) -> None:
    store = FileContentStore(tmp_path)
    await store.put(TEXT_ID, b"a text", "text/plain")
    files(tmp_path)[0].write_bytes(b"text/plain\r\na text")

    with pytest.raises(ContentRefusedError, match="media type"):
        await store.get(TEXT_ID)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
async def test_what_is_no_file_is_refused_without_waiting(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    (tmp_path / "01" / "23").mkdir(parents=True)
    make(tmp_path / "01" / "23" / TEXT_ID)

    with pytest.raises(ContentRefusedError, match="no file"):
        await FileContentStore(tmp_path).get(TEXT_ID)


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
