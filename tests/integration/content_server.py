"""A content store that other people run: HTTP, in memory, with faults that a test switches on."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class ContentServer:
    """What lies in it and how it fails.

    Attributes:
        url: Its address, for `HULEEDU_CONTENT_STORE_URL`.
        is_down: Whether it answers everything with 503.
        failing_id: Answered with 500 while everything else works.
        asked: How often each id was fetched.
    """

    def __init__(self) -> None:
        self.url = ""
        self.is_down = False
        self.failing_id = ""
        self.asked: Counter[str] = Counter()
        self._texts: dict[str, bytes] = {}

    def keep(self, storage_id: str, text: str) -> None:
        self._texts[storage_id] = text.encode()

    async def handle(self, request: web.Request) -> web.Response:
        if self.is_down:
            return web.Response(status=503)
        storage_id = request.match_info["storage_id"]
        if request.method == "PUT":
            self._texts[storage_id] = await request.read()
            return web.Response(status=204)
        self.asked[storage_id] += 1
        if storage_id == self.failing_id:
            return web.Response(status=500)
        if storage_id not in self._texts:
            return web.Response(status=404)
        return web.Response(body=self._texts[storage_id], content_type="text/plain")


@asynccontextmanager
async def serving_content() -> AsyncIterator[ContentServer]:
    server = ContentServer()
    app = web.Application()
    app.router.add_route("*", "/v1/content/{storage_id}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/v1/content"
    try:
        yield server
    finally:
        await runner.cleanup()
