"""What every ContentStore does: the fake, the files, HTTP against the real content views, S3."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from huleedu_streams.adapters.content_files import FileContentStore
from huleedu_streams.adapters.content_http import HttpContentStore
from huleedu_streams.adapters.content_objects import ObjectContentStore
from huleedu_streams.errors import ContentNotFoundError, ContentRefusedError
from huleedu_streams.protocols import ContentStore, StoredContent
from huleedu_streams.views.content import build_content_views
from tests.fakes import MemoryContentStore
from tests.unit.adapters.s3 import S3Server
from tests.web import serving

TEXT_ID = "0123456789abcdef0123456789abcdef"
TEXT = "en fågel \U0001f426\r\n".encode()
TOKEN = "let-me-in"  # noqa: S105 - of this test alone
PLAIN = "text/plain; charset=utf-8"


@pytest.fixture(params=["memory", "file", "http", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ContentStore]:
    if request.param == "memory":
        yield MemoryContentStore()
    elif request.param == "file":
        yield FileContentStore(tmp_path / "content")
    elif request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        yield ObjectContentStore(server.new_bucket(), timeout_seconds=5, max_bytes=1_000_000)
    else:
        views = build_content_views(FileContentStore(tmp_path / "content"), 1_000_000)
        async with serving(views, tokens=[TOKEN]) as client:
            address = str(client.make_url("/v1/content/"))
            store = HttpContentStore(address, timeout_seconds=5, max_bytes=1_000_000, token=TOKEN)
            yield store
            await store.close()


async def test_content_comes_back_as_it_was_put(store: ContentStore) -> None:
    await store.put(TEXT_ID, TEXT, PLAIN)

    assert await store.get(TEXT_ID) == StoredContent(TEXT, PLAIN)


async def test_upper_case_id_finds_the_same_content(store: ContentStore) -> None:
    await store.put(TEXT_ID.upper(), TEXT, PLAIN)

    assert (await store.get(TEXT_ID)).body == TEXT
    assert (await store.get(TEXT_ID.upper())).body == TEXT


async def test_put_under_the_same_id_overwrites(store: ContentStore) -> None:
    await store.put(TEXT_ID, TEXT, PLAIN)
    await store.put(TEXT_ID, b"{}", "application/json")

    assert await store.get(TEXT_ID) == StoredContent(b"{}", "application/json")


async def test_missing_content_is_not_found(store: ContentStore) -> None:
    with pytest.raises(ContentNotFoundError):
        await store.get(TEXT_ID)


@pytest.mark.parametrize(
    "bad", ["", "0", "../../etc/passwd", TEXT_ID + "0", "g" * 32, "\u0660" * 32]
)
async def test_malformed_id_is_refused(store: ContentStore, bad: str) -> None:
    with pytest.raises(ContentRefusedError):
        await store.get(bad)
    with pytest.raises(ContentRefusedError):
        await store.put(bad, TEXT, PLAIN)


@pytest.mark.parametrize("bad", ["", "text/plain\nx", "text/plain\r\nx: y", "t" * 256, "tëxt"])
async def test_media_type_no_header_could_carry_is_refused(store: ContentStore, bad: str) -> None:
    with pytest.raises(ContentRefusedError):
        await store.put(TEXT_ID, TEXT, bad)


@pytest.mark.parametrize("body", [b"", b"\n", b"\x00\xff" * 500, b"a" * 300_000])
async def test_any_bytes_are_kept(store: ContentStore, body: bytes) -> None:
    await store.put(TEXT_ID, body, "application/octet-stream")

    assert (await store.get(TEXT_ID)).body == body


async def test_many_writers_of_one_id_leave_one_whole_content(store: ContentStore) -> None:
    bodies = [bytes([number]) * 50_000 for number in range(20)]

    await asyncio.gather(*(store.put(TEXT_ID, body, PLAIN) for body in bodies))

    assert (await store.get(TEXT_ID)).body in bodies


async def test_answering_store_is_healthy(store: ContentStore) -> None:
    assert await store.is_healthy()
