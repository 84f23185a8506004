from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import faust
import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestServer, unused_port
from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor
from yarl import URL

from huleedu_streams.views.problems import not_found
from huleedu_streams.views.routing import HOP_HEADER, FaustOwners, PeerClient, StateRouter
from huleedu_streams.views.server import json_response, view_of
from tables.changelog import RecordingTable
from tables.essays import declare_essays
from tests.web import Client, assert_problem, serving


@dataclass
class Worker:
    """One worker of a group: which keys it holds, who holds the others, whether it is ready."""

    keys: set[str] = field(default_factory=set)
    elsewhere: dict[str, URL] = field(default_factory=dict)
    not_ready: str | None = None
    seen: list[web.Request] = field(default_factory=list)

    def owner(self, table: str, key: str) -> URL | None:
        assert table == "essays"
        return self.elsewhere.get(key)

    def is_here(self, table: str, key: str) -> bool:
        assert table == "essays"
        return key in self.keys

    def problem(self) -> str | None:
        return self.not_ready


@asynccontextmanager
async def working(
    worker: Worker, timeout_seconds: float = 2, publish_seconds: float = 2
) -> AsyncIterator[Client]:
    peers = PeerClient(timeout_seconds, publish_seconds)
    router = StateRouter(worker, peers, worker)

    async def show(request: web.Request, key: str) -> web.StreamResponse:
        async def here() -> web.Response:
            worker.seen.append(request)
            if key == "missing":
                raise not_found("essay")
            return json_response({"key": key, "body": (await request.read()).decode()})

        return await router.answer(request, "essays", key, here)

    async with serving({"/v1/show/{key}": view_of("show", get=show, post=show)}) as client:
        yield client
    await peers.close()


@pytest.fixture
async def owner() -> AsyncIterator[tuple[Worker, Client]]:
    worker = Worker(keys={"a", "missing"})
    async with working(worker) as client:
        yield worker, client


async def test_own_row_is_answered_here(owner: tuple[Worker, Client]) -> None:
    _, client = owner

    async with client.get("/v1/show/a") as response:
        assert (await response.json())["key"] == "a"


async def test_row_of_another_worker_is_answered_by_it(owner: tuple[Worker, Client]) -> None:
    worker, client = owner
    asker = Worker(elsewhere={"a": client.make_url("/")})

    async with working(asker) as asked:
        headers = {"Authorization": "Bearer t", "Idempotency-Key": "k", "X-Foreign": "no"}
        async with asked.post("/v1/show/a", data=b"body", headers=headers) as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "application/json; charset=utf-8"
            assert await response.json() == {"key": "a", "body": "body"}

    assert asker.seen == []
    passed = worker.seen[0].headers
    assert (passed["Authorization"], passed["Idempotency-Key"]) == ("Bearer t", "k")
    assert HOP_HEADER in passed
    assert "X-Foreign" not in passed


async def test_not_found_of_the_owner_is_passed_on(owner: tuple[Worker, Client]) -> None:
    _, client = owner
    async with (
        working(Worker(elsewhere={"missing": client.make_url("/")})) as asked,
        asked.get("/v1/show/missing") as response,
    ):
        await assert_problem(response, 404, "not-found")


async def test_owner_that_is_not_ready_is_a_503(owner: tuple[Worker, Client]) -> None:
    worker, client = owner
    worker.not_ready = "recovering"
    async with (
        working(Worker(elsewhere={"a": client.make_url("/")})) as asked,
        asked.get("/v1/show/a") as response,
    ):
        await assert_problem(response, 503, "not-ready")
        assert int(response.headers["Retry-After"]) > 0


async def test_worker_that_is_not_ready_never_says_not_found() -> None:
    async with (
        working(Worker(keys={"missing"}, not_ready="rebalancing")) as client,
        client.get("/v1/show/missing") as response,
    ):
        await assert_problem(response, 503, "not-ready")


async def test_row_without_an_owner_is_a_503() -> None:
    async with working(Worker()) as client, client.get("/v1/show/a") as response:
        await assert_problem(response, 503, "owner-unknown")
        assert int(response.headers["Retry-After"]) > 0


async def test_request_takes_one_hop_at_most() -> None:
    asker = Worker(elsewhere={"a": URL("http://127.0.0.1:1")})
    async with (
        working(asker) as client,
        client.get("/v1/show/a", headers={HOP_HEADER: "1"}) as response,
    ):
        await assert_problem(response, 503, "owner-moving")


async def test_owner_that_is_gone_is_a_503() -> None:
    gone = URL(f"http://127.0.0.1:{unused_port()}")
    async with (
        working(Worker(elsewhere={"a": gone})) as client,
        client.get("/v1/show/a") as response,
    ):
        await assert_problem(response, 503, "owner-unreachable")


@asynccontextmanager
async def serving_raw(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[URL]:
    """Yield the address of an owner that answers as `handler` says."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server.make_url("/")


async def test_body_may_take_longer_than_its_beginning() -> None:
    async def slowly(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "5"})
        await response.prepare(request)
        for letter in b"essay":
            await asyncio.sleep(0.1)
            await response.write(bytes([letter]))
        return response

    async with (
        serving_raw(slowly) as owner,
        working(Worker(elsewhere={"a": owner}), timeout_seconds=0.3) as client,
        client.get("/v1/show/a") as response,
    ):
        assert await response.read() == b"essay"


async def test_answer_that_breaks_off_is_not_passed_on_as_whole() -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with (
        serving_raw(break_off) as owner,
        working(Worker(elsewhere={"a": owner})) as client,
    ):
        with pytest.raises(ClientError):
            async with client.get("/v1/show/a") as response:
                await response.read()


async def test_owner_that_publishes_first_is_waited_for_longer() -> None:
    async def publish(request: web.Request) -> web.StreamResponse:
        del request
        await asyncio.sleep(0.3)
        return web.Response(status=202)

    async with (
        serving_raw(publish) as owner,
        working(Worker(elsewhere={"a": owner}), timeout_seconds=0.1) as client,
    ):
        async with client.get("/v1/show/a") as response:
            await assert_problem(response, 503, "owner-unreachable")
        async with client.post("/v1/show/a") as response:
            assert response.status == 202


async def test_query_is_passed_on(owner: tuple[Worker, Client]) -> None:
    worker, client = owner
    async with (
        working(Worker(elsewhere={"a": client.make_url("/")})) as asked,
        asked.get("/v1/show/a?offset=10&limit=5") as response,
    ):
        assert response.status == 200

    assert worker.seen[0].query_string == "offset=10&limit=5"


def a_group(addresses: dict[str, list[int]]) -> faust.App:
    """Return the app of the worker at port 1, in a group that has assigned these partitions."""
    app = faust.App(
        "group-under-test",
        broker="kafka://127.0.0.1:1",
        env_prefix="HULEEDU_FAUST_",
        Table=RecordingTable,
        canonical_url="http://127.0.0.1:1",
    )
    declare_essays(app, partitions=6)
    topic = app.tables["essays"].changelog_topic.get_topic_name()
    assert isinstance(app.assignor, PartitionAssignor)
    app.assignor.changelog_distribution = {
        address: {topic: partitions} for address, partitions in addresses.items()
    }
    return app


def test_owner_is_found_by_the_hash_that_producers_use() -> None:
    owners = FaustOwners(a_group({"http://127.0.0.1:1": [0, 2], "http://127.0.0.1:2": [1, 3, 5]}))

    # These keys lie in partitions 4, 0, 5, 2 and 1 of 6 by Kafka's murmur2; nobody holds 4.
    assert owners.owner("essays", "essay-0") is None
    assert owners.owner("essays", "essay-1") == URL("http://127.0.0.1:1")
    assert owners.owner("essays", "essay-3") == URL("http://127.0.0.1:2")
    assert owners.owner("essays", "essay-4") == URL("http://127.0.0.1:1")
    assert owners.owner("essays", "essay-5") == URL("http://127.0.0.1:2")


def test_worker_knows_its_rows_by_its_assignment_and_not_by_its_address() -> None:
    """Two workers at the same address are not each other: neither says: no such row."""
    app = a_group({"http://127.0.0.1:1": [0, 1, 2, 3, 4, 5]})
    owners = FaustOwners(app)
    topic = app.tables["essays"].changelog_topic.get_topic_name()
    assert isinstance(app.assignor, PartitionAssignor)
    app.assignor._assignment = ClientAssignment(  # noqa: SLF001 - only a group sets it
        actives={topic: [0, 2]}, standbys={}
    )

    # These keys lie in partitions 0 and 1.
    assert owners.is_here("essays", "essay-1")
    assert not owners.is_here("essays", "essay-5")
