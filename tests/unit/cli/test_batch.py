"""Following a batch over HTTP: what is waited for, and what ends the wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from huleedu_streams.cli.batch import follow
from huleedu_streams.cli.client import WorkerClient, open_client
from huleedu_streams.errors import RequestRefusedError

DONE = {"batch_id": "b", "outcome": "COMPLETED_SUCCESSFULLY", "total_essays": 1}


@asynccontextmanager
async def worker(answer: Callable[[], web.Response]) -> AsyncIterator[WorkerClient]:
    async def handle(_: web.Request) -> web.Response:
        return answer()

    app = web.Application()
    app.router.add_get("/v1/batches/b/status", handle)
    async with TestServer(app) as server, open_client(str(server.make_url("")), None) as client:
        yield client


async def test_batch_that_is_not_known_yet_is_waited_for() -> None:
    answers = iter(
        [
            web.json_response({"detail": "no such batch"}, status=404),
            web.json_response({"detail": "recovering"}, status=503),
            web.json_response(DONE),
        ]
    )

    async with worker(lambda: next(answers)) as client:
        state = await follow(client, "b", 20)

    assert state == DONE


async def test_batch_that_nobody_may_ask_for_is_not_waited_for() -> None:
    async with worker(lambda: web.json_response({"detail": "no token"}, status=401)) as client:
        with pytest.raises(RequestRefusedError, match="no token"):
            await follow(client, "b", 20)
