"""Serves views as a worker does, on loopback and a free port, without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import thread_time
from typing import Any

import faust
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from huleedu_streams.metrics import Metrics
from huleedu_streams.views.server import Views, serve_views

Client = TestClient[Any, Any]


@dataclass
class Hold:
    """How long the event loop was held at the longest, in seconds of its own thread."""

    seconds: float = 0.0


@asynccontextmanager
async def longest_hold() -> AsyncIterator[Hold]:
    """Measure the event loop meanwhile; what else the machine does counts for nothing."""
    hold = Hold()

    async def measure() -> None:
        last = thread_time()
        while True:
            await asyncio.sleep(0)
            now = thread_time()
            hold.seconds, last = max(hold.seconds, now - last), now

    task = asyncio.create_task(measure())
    await asyncio.sleep(0)
    try:
        yield hold
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def serving(
    *groups: Views, tokens: Sequence[str] = (), metrics: Metrics | None = None
) -> AsyncIterator[Client]:
    """Yield a client of a worker's web server that serves these views."""
    measured = metrics or Metrics(CollectorRegistry())
    app = faust.App(
        "views-under-test",
        broker="kafka://127.0.0.1:1",
        env_prefix="HULEEDU_FAUST_",
    )
    serve_views(app, groups, measured, tokens)
    async with TestClient(TestServer(await app.web.wsgi(), host="127.0.0.1")) as client:
        yield client


async def assert_problem(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is a problem of RFC 9457 with our two members, and return it."""
    body: dict[str, Any] = await response.json(content_type="application/problem+json")
    assert response.status == status, body
    assert body["status"] == status
    assert body["error"] == code
    assert body["title"]
    assert body["detail"]
    assert body["type"] == "about:blank"
    return body
