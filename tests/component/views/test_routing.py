from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import faust
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
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
        return URL("http://here") if key in self.keys else self.elsewhere.get(key)

    def is_here(self, owner: URL) -> bool:
        return owner.host == "here"

    def problem(self) -> str | None:
        return self.not_ready


@asynccontextmanager
async def working(worker: Worker, timeout_seconds: float = 2) -> AsyncIterator[Client]:
    peers = PeerClient(timeout_seconds)
    router = StateRouter(worker, peers, worker)

    async def show(request: web.Request, key: str) -> web.Response:
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


def test_worker_knows_its_own_address() -> None:
    owners = FaustOwners(a_group({}))

    assert owners.owner("essays", "essay-1") is None
    assert owners.is_here(URL("http://127.0.0.1:1"))
    assert not owners.is_here(URL("http://127.0.0.1:2"))
