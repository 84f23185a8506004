from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from huleedu_streams.adapters.content_http import HttpContentStore
from huleedu_streams.errors import (
    ContentNotFoundError,
    ContentRefusedError,
    ContentStoreUnavailableError,
    HuleeduStreamsError,
)

TEXT_ID = "0123456789abcdef0123456789abcdef"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def store_behind(
    handler: Handler, timeout_seconds: float = 5
) -> AsyncIterator[HttpContentStore]:
    app = web.Application()
    app.router.add_route("*", "/v1/content/{id}", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        store = HttpContentStore(
            str(server.make_url("/v1/content")), timeout_seconds=timeout_seconds, max_bytes=1000
        )
        yield store
        await store.close()


def answering(status: int, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=status, headers=headers, body=b"secret essay words")

    return answer


@pytest.mark.parametrize(
    ("status", "get_error", "put_error"),
    [
        (204, ContentStoreUnavailableError, None),
        (302, ContentStoreUnavailableError, ContentStoreUnavailableError),
        (400, ContentRefusedError, ContentRefusedError),
        (401, ContentStoreUnavailableError, ContentStoreUnavailableError),
        (403, ContentRefusedError, ContentRefusedError),
        (404, ContentNotFoundError, ContentRefusedError),
        (408, ContentStoreUnavailableError, ContentStoreUnavailableError),
        (410, ContentRefusedError, ContentRefusedError),
        (413, ContentRefusedError, ContentRefusedError),
        (429, ContentStoreUnavailableError, ContentStoreUnavailableError),
        (500, ContentStoreUnavailableError, ContentStoreUnavailableError),
        (503, ContentStoreUnavailableError, ContentStoreUnavailableError),
        (599, ContentStoreUnavailableError, ContentStoreUnavailableError),
    ],
)
async def test_status_decides_whether_asking_again_helps(
    status: int,
    get_error: type[HuleeduStreamsError],
    put_error: type[HuleeduStreamsError] | None,
) -> None:
    async with store_behind(answering(status, Location="http://127.0.0.1:1/")) as store:
        with pytest.raises(get_error) as raised:
            await store.get(TEXT_ID)
        if put_error is None:
            await store.put(TEXT_ID, b"a text", "text/plain")
        else:
            with pytest.raises(put_error) as raised:
                await store.put(TEXT_ID, b"a text", "text/plain")

    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_unhealthy_while_the_store_answers_500() -> None:
    async with store_behind(answering(500)) as store:
        assert not await store.is_healthy()


async def test_healthy_when_it_answers_404_or_200() -> None:
    async with store_behind(answering(404)) as store:
        assert await store.is_healthy()
    async with store_behind(answering(200)) as store:
        assert await store.is_healthy()


async def test_unhealthy_while_it_answers_and_takes_no_writes() -> None:
    async def full(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=500 if request.method == "PUT" else 404)

    async with store_behind(full) as store:
        assert not await store.is_healthy()


async def test_unhealthy_while_it_cuts_off_what_it_gives() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        await request.read()
        if request.method == "PUT":
            return web.Response(status=204)
        response = web.StreamResponse(headers={"Content-Length": "500"})
        await response.prepare(request)
        assert request.transport is not None
        request.transport.close()
        return response

    async with store_behind(cut) as store:
        assert not await store.is_healthy()


async def test_probe_that_hangs_is_given_up_within_three_seconds() -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    # As long as it is by default.
    async with store_behind(never, timeout_seconds=10) as store:
        began = monotonic()
        assert not await store.is_healthy()

    assert monotonic() - began < 3


async def test_answer_that_is_no_http_is_an_outage_that_quotes_nothing() -> None:
    async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"secret essay words\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(garble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    store = HttpContentStore(f"http://127.0.0.1:{port}", timeout_seconds=5, max_bytes=1000)
    async with server:
        with pytest.raises(ContentStoreUnavailableError) as raised:
            await store.get(TEXT_ID)
        await store.close()

    assert "secret" not in str(raised.value)


async def test_refused_connection_is_an_outage() -> None:
    store = HttpContentStore(
        f"http://127.0.0.1:{unused_port()}/v1/content", timeout_seconds=5, max_bytes=1000
    )

    with pytest.raises(ContentStoreUnavailableError):
        await store.get(TEXT_ID)
    with pytest.raises(ContentStoreUnavailableError):
        await store.put(TEXT_ID, b"a text", "text/plain")

    assert not await store.is_healthy()
    await store.close()


async def test_slow_answer_is_an_outage_after_the_timeout() -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with store_behind(never, timeout_seconds=0.1) as store:
        with pytest.raises(ContentStoreUnavailableError, match="no answer in time"):
            await store.get(TEXT_ID)


async def test_truncated_body_is_an_outage_and_no_short_text() -> None:
    async def truncate(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "500"})
        await response.prepare(request)
        await response.write(b"only this")
        assert request.transport is not None
        request.transport.close()
        return response

    async with store_behind(truncate) as store:
        with pytest.raises(ContentStoreUnavailableError):
            await store.get(TEXT_ID)


async def test_content_over_the_cap_is_refused_while_it_streams() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"a" * 600)

    async with store_behind(endless) as store:
        with pytest.raises(ContentRefusedError, match="larger than 1000 bytes"):
            await store.get(TEXT_ID)


async def test_compressed_answer_is_never_unpacked() -> None:
    async def bomb(_: web.Request) -> web.Response:
        return web.Response(
            body=gzip.compress(b"\x00" * 100_000), headers={"Content-Encoding": "gzip"}
        )

    async with store_behind(bomb) as store:
        with pytest.raises(ContentStoreUnavailableError, match="compresses"):
            await store.get(TEXT_ID)


async def test_redirect_is_not_followed() -> None:
    asked: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPFound(f"/v1/content/{'f' * 32}")

    async with store_behind(redirect) as store:
        with pytest.raises(ContentStoreUnavailableError, match="HULEEDU_CONTENT_STORE_URL"):
            await store.get(TEXT_ID)

    assert asked == [f"/v1/content/{TEXT_ID}"]
