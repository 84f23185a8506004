from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from prometheus_client import CollectorRegistry

from huleedu_streams.adapters.content import build_content_store
from huleedu_streams.adapters.content_objects import Bucket, ObjectContentStore
from huleedu_streams.errors import (
    ContentNotFoundError,
    ContentRefusedError,
    ContentStoreUnavailableError,
    SettingsError,
)
from huleedu_streams.metrics import Metrics
from huleedu_streams.settings import Settings
from tests.unit.adapters.s3 import S3Server

TEXT_ID = "0123456789abcdef0123456789abcdef"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def store_in(bucket: Bucket, timeout_seconds: float = 5) -> ObjectContentStore:
    return ObjectContentStore(bucket, timeout_seconds=timeout_seconds, max_bytes=1000)


@asynccontextmanager
async def store_behind(
    handler: Handler, timeout_seconds: float = 5
) -> AsyncIterator[ObjectContentStore]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        url = str(server.make_url("")).rstrip("/")
        yield store_in(Bucket("texts", "", url, ("key-id", "secret")), timeout_seconds)


def answering(status: int, code: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        body = f"<Error><Code>{code}</Code><Message>secret essay words</Message></Error>"
        return web.Response(status=status, text=body, content_type="application/xml")

    return answer


async def test_object_is_named_after_prefix_and_id(s3_server: S3Server) -> None:
    bucket = s3_server.new_bucket(prefix="class/9b")

    await store_in(bucket).put(TEXT_ID, b"a text", "text/plain")

    assert f"<Key>class/9b/{TEXT_ID}</Key>" in s3_server.object_names(bucket)


async def test_settings_name_bucket_endpoint_and_credentials(
    s3_server: S3Server, tmp_path: Path
) -> None:
    bucket = s3_server.new_bucket()
    file = tmp_path / "credentials"
    file.write_text("key-id\nsecret\n")
    settings = Settings(
        content_store_url=f"s3://{bucket.name}/essays/2026",
        s3_endpoint_url=s3_server.url,
        s3_credentials_file=file,
    )
    store = build_content_store(settings, Metrics(CollectorRegistry()))

    await store.put(TEXT_ID, b"a text", "text/plain")

    assert f"<Key>essays/2026/{TEXT_ID}</Key>" in s3_server.object_names(bucket)
    assert await store.is_healthy()
    await store.close()


def test_credentials_file_is_of_two_lines(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("key-id secret\n")
    settings = Settings(content_store_url="s3://texts", s3_credentials_file=file)

    with pytest.raises(SettingsError, match="two lines"):
        build_content_store(settings, Metrics(CollectorRegistry()))


def test_half_of_the_aws_variables_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-id")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)

    with pytest.raises(SettingsError, match="Missing SecretAccessKey") as raised:
        store_in(Bucket("texts"))

    assert "\n" not in str(raised.value)


async def test_missing_bucket_is_an_outage_and_no_missing_text(s3_server: S3Server) -> None:
    store = store_in(replace(s3_server.new_bucket(), name="nobody-made-this"))

    with pytest.raises(ContentStoreUnavailableError, match="404 NoSuchBucket"):
        await store.get(TEXT_ID)
    with pytest.raises(ContentStoreUnavailableError, match="404 NoSuchBucket"):
        await store.put(TEXT_ID, b"a text", "text/plain")

    assert not await store.is_healthy()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ExpiredToken"),
        (401, "Unauthorized"),
        (403, "InvalidAccessKeyId"),
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (503, "SlowDown"),
    ],
)
async def test_answer_that_is_no_missing_text_is_an_outage(status: int, code: str) -> None:
    async with store_behind(answering(status, code)) as store:
        with pytest.raises(ContentStoreUnavailableError, match=f"answers {status} {code}") as got:
            await store.get(TEXT_ID)
        with pytest.raises(ContentStoreUnavailableError, match=f"answers {status} {code}") as put:
            await store.put(TEXT_ID, b"a text", "text/plain")

        assert not await store.is_healthy()
    for raised in (got, put):
        assert "secret" not in str(raised.value)
        assert "\n" not in str(raised.value)


async def test_missing_object_is_asked_for_once() -> None:
    asked = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await answering(404, "NoSuchKey")(request)

    async with store_behind(answer) as store:
        with pytest.raises(ContentNotFoundError):
            await store.get(TEXT_ID)

        assert asked == [f"/texts/{TEXT_ID}"]
        assert await store.is_healthy()


async def test_refused_connection_is_an_outage() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    store = store_in(Bucket("texts", "", url, ("key-id", "secret")))

    with pytest.raises(ContentStoreUnavailableError) as got:
        await store.get(TEXT_ID)
    with pytest.raises(ContentStoreUnavailableError):
        await store.put(TEXT_ID, b"a text", "text/plain")

    assert not await store.is_healthy()
    assert "\n" not in str(got.value)


async def test_slow_answer_is_an_outage_after_the_timeout() -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with store_behind(never, timeout_seconds=0.1) as store:
        with pytest.raises(ContentStoreUnavailableError):
            await store.get(TEXT_ID)
        with pytest.raises(ContentStoreUnavailableError):
            await store.put(TEXT_ID, b"a text", "text/plain")


async def test_truncated_body_is_an_outage_and_no_short_text() -> None:
    async def truncate(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=object_headers(500))
        await response.prepare(request)
        await response.write(b"only this")
        assert request.transport is not None
        request.transport.close()
        return response

    async with store_behind(truncate) as store:
        with pytest.raises(ContentStoreUnavailableError):
            await store.get(TEXT_ID)


async def test_content_over_the_cap_is_refused_before_it_is_read() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=object_headers(1_000_000_000))
        await response.prepare(request)
        while True:
            await response.write(b"a" * 60_000)

    async with store_behind(endless) as store:
        with pytest.raises(ContentRefusedError, match="larger than 1000 bytes"):
            await store.get(TEXT_ID)


def object_headers(size: int) -> dict[str, str]:
    return {
        "Content-Length": str(size),
        "ETag": '"0"',
        "Last-Modified": "Thu, 26 Nov 2026 12:00:00 GMT",
    }
