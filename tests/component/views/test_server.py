"""What stands before every view: problems, tokens, measuring, and nothing of Faust's own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import structlog
from aiohttp import web
from faust.web.exceptions import NotAcceptable
from prometheus_client import CollectorRegistry

from huleedu_streams.metrics import Metrics
from huleedu_streams.runtime.logs import WithoutRequestBytes
from huleedu_streams.views.server import Views, json_response, view_of
from tests.web import Client, assert_problem, serving

TOKENS = ("first-token", "second-token")


async def greet(request: web.Request, name: str) -> web.Response:
    """Greet somebody."""
    del request
    return json_response({"hello": name})


async def fail(request: web.Request) -> web.Response:
    """Break down with a text in the message."""
    raise RuntimeError(f"secret essay words {request.method}")


async def refuse(request: web.Request) -> web.Response:
    """Raise what Faust raises."""
    raise NotAcceptable(f"{request.method}")


async def redirect(request: web.Request) -> web.Response:
    """Raise what is no error."""
    raise web.HTTPFound(f"/v1/greet/{request.method}")


VIEWS: Views = {
    "/v1/greet/{name}": view_of("greet", get=greet),
    "/fail": view_of("fail", get=fail),
    "/refuse": view_of("refuse", get=refuse),
    "/redirect": view_of("redirect", get=redirect),
}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def client(registry: CollectorRegistry) -> AsyncIterator[Client]:
    async with serving(VIEWS, tokens=TOKENS, metrics=Metrics(registry)) as client:
        yield client


def counted(registry: CollectorRegistry, method: str, route: str, status: str) -> float | None:
    labels = {"method": method, "route": route, "status": status}
    return registry.get_sample_value("http_requests_total", labels)


@pytest.mark.parametrize("token", TOKENS)
async def test_either_token_opens_v1(client: Client, token: str) -> None:
    headers = {"Authorization": f"bearer {token}"}
    async with client.get("/v1/greet/Tove", headers=headers) as response:
        assert response.status == 200
        assert await response.json() == {"hello": "Tove"}


@pytest.mark.parametrize(
    "given",
    [None, "Bearer", "Bearer wrong", "Basic first-token", "Bearer first-tokenx", "first-token"],
)
async def test_wrong_token_is_unauthorized(client: Client, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    async with client.get("/v1/greet/Tove", headers=headers) as response:
        await assert_problem(response, 401, "unauthorized")
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_encoded_path_does_not_go_round_the_token(client: Client) -> None:
    url = client.make_url("/").joinpath("%76%31/greet/x", encoded=True)

    async with client.session.get(url) as response:
        assert response.status == 401


async def test_unknown_path_is_a_problem(client: Client, registry: CollectorRegistry) -> None:
    async with client.get("/nowhere/essay-1") as response:
        await assert_problem(response, 404, "not-found")

    assert counted(registry, "GET", "unmatched", "404") == 1


async def test_pages_of_faust_are_not_served(client: Client) -> None:
    for path in ("/", "/table", "/router", "/graph", "/stats"):
        async with client.get(path) as response:
            await assert_problem(response, 404, "not-found")


async def test_wrong_method_is_a_problem_that_names_the_right_ones(client: Client) -> None:
    async with client.post("/fail") as response:
        problem = await assert_problem(response, 405, "method-not-allowed")
        assert response.headers["Allow"] == "GET,HEAD"
    assert problem["detail"] == "POST is not allowed here; GET,HEAD are"


async def test_log_lines_of_a_request_carry_its_correlation_id(client: Client) -> None:
    given = "0b2e4c6a-0000-4000-8000-000000000001"
    merge = structlog.contextvars.merge_contextvars
    with structlog.testing.capture_logs(processors=[merge]) as logs:
        for headers in ({"X-Correlation-ID": given}, {}, {"X-Correlation-ID": "none of ours"}):
            async with client.get("/fail", headers=headers) as response:
                assert response.status == 500

    assert [line.get("correlation_id") for line in logs] == [given, None, None]


async def test_unexpected_error_shows_and_logs_no_text(client: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        async with client.get("/fail") as response:
            problem = await assert_problem(response, 500, "unexpected")

    assert "secret" not in str(problem)
    assert "secret" not in str(logs)
    assert logs[0]["event"] == "http_request_failed"
    assert logs[0]["error"] == "RuntimeError"
    assert logs[0]["place"].startswith("test_server.py:")


async def test_error_of_faust_is_a_problem(client: Client) -> None:
    async with client.get("/refuse") as response:
        await assert_problem(response, 406, "not-acceptable")


async def test_redirect_is_passed_on(client: Client) -> None:
    async with client.get("/redirect", allow_redirects=False) as response:
        assert response.status == 302


async def test_requests_are_counted_by_template_never_by_path(
    client: Client, registry: CollectorRegistry
) -> None:
    headers = {"Authorization": "Bearer first-token"}
    for name in ("Tove", "Karin"):
        async with client.get(f"/v1/greet/{name}", headers=headers) as response:
            assert response.status == 200

    assert counted(registry, "GET", "/v1/greet/{name}", "200") == 2
    duration = {"method": "GET", "route": "/v1/greet/{name}"}
    assert registry.get_sample_value("http_request_duration_seconds_count", duration) == 2


async def test_without_tokens_everybody_is_let_in() -> None:
    async with serving(VIEWS) as client, client.get("/v1/greet/Tove") as response:
        assert response.status == 200


def test_view_says_what_its_handlers_do() -> None:
    assert VIEWS["/fail"].__doc__ == "GET: Break down with a text in the message."


async def test_malformed_request_is_logged_without_its_bytes(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    words_in_the_head = b"POST /v1/greet/a HTTP/1.1\r\nMy secret essay words\r\n\r\n"
    only_words = WithoutRequestBytes()
    caplog.handler.addFilter(only_words)

    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(words_in_the_head)
    await reader.read()
    writer.close()
    caplog.handler.removeFilter(only_words)

    [line] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert vars(line)["error"] == "BadHttpMessage"
    assert line.getMessage() == "Error handling request from"
    assert "secret" not in caplog.text
