from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import Outage
from huleedu_streams.views.operations import Health, build_operation_views
from huleedu_streams.views.readiness import FaustReadiness
from tests.web import Client, assert_problem, serving

TOPIC = "huleedu.essay.spellcheck.requested.v1"


@dataclass
class Tables:
    actives_ready: bool = True


@dataclass
class App:
    """What a started worker that has its partitions says of itself."""

    started: bool = True
    should_stop: bool = False
    rebalancing: bool = False
    rebalancing_count: int = 1
    in_recovery: bool = False


@dataclass
class Wedge:
    topic: str = TOPIC
    partition: int = 3
    lag: int = 12
    since: datetime = datetime(2025, 5, 27, 12, tzinfo=UTC)


@dataclass
class Watch:
    wedges: list[Wedge] = field(default_factory=list)


@dataclass
class Store:
    outage: Outage | None = None


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def client(app: App, watch: Watch, store: Store) -> AsyncIterator[Client]:
    metrics = Metrics(CollectorRegistry())
    metrics.prime([TOPIC], "huleedu-streams")
    readiness = FaustReadiness(app, Tables(), has_agents=True)
    async with serving(
        build_operation_views(Health(readiness, watch, [store]), metrics),
        tokens=["a-token"],
        metrics=metrics,
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("app", "tables", "has_agents", "problem"),
    [
        (App(), Tables(), True, None),
        (App(started=False), Tables(), True, "starting"),
        (App(should_stop=True), Tables(), True, "stopping"),
        (App(rebalancing_count=0), Tables(actives_ready=False), True, "starting"),
        (App(rebalancing=True), Tables(actives_ready=False), True, "rebalancing"),
        (App(rebalancing=True, in_recovery=True), Tables(), True, "recovering"),
        (App(), Tables(actives_ready=False), True, "recovering"),
        (App(), None, True, None),
        (App(rebalancing_count=0), None, True, "starting"),
        (App(rebalancing_count=0), None, False, None),
        (App(should_stop=True), None, False, "stopping"),
    ],
)
def test_readiness_follows_the_state_of_the_worker(
    app: App, tables: Tables | None, *, has_agents: bool, problem: str | None
) -> None:
    assert FaustReadiness(app, tables, has_agents).problem() == problem


async def test_ready_worker_says_so_on_every_probe(client: Client) -> None:
    for path in ("/livez", "/readyz", "/healthz"):
        async with client.get(path) as response:
            assert response.status == 200
    async with client.get("/healthz") as response:
        said = {"status": "ok", "message": "ready", "waiting_for": []}
        assert await response.json() == said


async def test_worker_that_is_not_ready_stays_alive(client: Client, app: App) -> None:
    app.rebalancing = True

    async with client.get("/livez") as response:
        assert response.status == 200
    async with client.get("/readyz") as response:
        problem = await assert_problem(response, 503, "not-ready")
        assert problem["detail"] == "this worker is rebalancing"
        assert int(response.headers["Retry-After"]) > 0
    async with client.get("/healthz") as response:
        assert response.status == 503
        assert set(await response.json()) == {"status", "message"}


async def test_waiting_worker_stays_ready_and_says_what_it_waits_for(
    client: Client, store: Store
) -> None:
    async with client.get("/readyz") as response:
        assert await response.json() == {"status": "ready", "waiting_for": []}

    store.outage = Outage("content-store", datetime(2025, 5, 27, 12, tzinfo=UTC), 7)

    async with client.get("/readyz") as response:
        assert response.status == 200
        assert (await response.json())["waiting_for"] == [
            {"dependency": "content-store", "since": "2025-05-27T12:00:00Z", "tries": 7}
        ]
    async with client.get("/livez") as response:
        assert response.status == 200


@pytest.mark.parametrize(("count", "named"), [(1, "-3 was"), (3, "-3 (and 2 more) was")])
async def test_wedged_worker_is_not_alive_and_says_where(
    client: Client, watch: Watch, count: int, named: str
) -> None:
    watch.wedges = [Wedge()] * count

    async with client.get("/livez") as response:
        problem = await assert_problem(response, 503, "consumer-wedged")

    assert f"nothing of {TOPIC}{named} handled since 2025-05-27T12:00:00Z" in problem["detail"]
    assert "12 records wait; restart this worker" in problem["detail"]
    async with client.get("/readyz") as response:
        assert response.status == 200


async def test_metrics_show_latency_before_any_message(client: Client) -> None:
    async with client.get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain")
        lines = (await response.text()).splitlines()

    assert "huleedu_worker_ready 1.0" in lines
    assert (
        "kafka_message_queue_latency_seconds_count"
        f'{{consumer_group="huleedu-streams",topic="{TOPIC}"}} 0.0'
    ) in lines


async def test_metrics_show_a_worker_that_is_not_ready(client: Client, app: App) -> None:
    app.rebalancing = True

    async with client.get("/metrics") as response:
        assert "huleedu_worker_ready 0.0" in (await response.text()).splitlines()


async def test_metrics_negotiate_openmetrics(client: Client) -> None:
    headers = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with client.get("/metrics", headers=headers) as response:
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        assert (await response.read()).endswith(b"# EOF\n")
