"""How handlers become Faust web views, and what stands before each of them.

Lives here: the view class, registration, and the middlewares that measure and ask for a token.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Any, ClassVar

import faust
import orjson
from aiohttp import web
from faust.web.base import BlueprintManager
from faust.web.views import View
from structlog.contextvars import bound_contextvars, unbind_contextvars

from huleedu_streams.metrics import Metrics
from huleedu_streams.views.guards import given_correlation_id
from huleedu_streams.views.problems import Handler, ProblemError, problems

RouteHandler = Callable[..., Awaitable[web.StreamResponse]]
Views = Mapping[str, type[View]]

_PROTECTED_PREFIX = "/v1/"
_UNMATCHED = "unmatched"
JSON_HEADERS = {"Content-Type": "application/json; charset=utf-8"}


class HandlerView(View):
    """A Faust view over plain coroutines, one a method; HEAD is answered where GET is."""

    handlers: ClassVar[Mapping[str, RouteHandler]] = {}

    def get_methods(self) -> set[str]:
        """Return the methods that are served, so that the router answers the others with 405."""
        return set(self.handlers)

    async def dispatch(self, request: Any) -> Any:  # noqa: ANN401 - Faust's own signature
        """Call the method's handler with the parts of the path."""
        return await self.handlers[request.method](request, **request.match_info)


def view_of(name: str, **handlers: RouteHandler) -> type[View]:
    """Return a Faust view.

    Args:
        name: Unique among the views; Faust's reverse lookup uses it.
        handlers: Coroutine function by lower-case method; it takes the request, and each
            parameter of the path by name.
    """
    by_method = {method.upper(): handler for method, handler in handlers.items()}
    if "GET" in by_method:
        by_method["HEAD"] = by_method["GET"]
    attributes = {"handlers": by_method, "view_name": name, "__doc__": handlers_help(handlers)}
    return type(name, (HandlerView,), attributes)


def handlers_help(handlers: Mapping[str, RouteHandler]) -> str:
    """Return the first line of each handler's docstring, for Faust's and our own listings."""
    lines = [(method, (handler.__doc__ or "").strip()) for method, handler in handlers.items()]
    return "\n".join(f"{method.upper()}: {text.splitlines()[0]}" for method, text in lines if text)


def serve_views(
    app: faust.App, groups: Iterable[Views], metrics: Metrics, tokens: Sequence[str]
) -> None:
    """Serve the views, and nothing of Faust's own: its index, table and router pages go.

    Args:
        app: Not started yet.
        groups: What the `build_…_views` functions return.
        metrics: Where requests are counted.
        tokens: Accepted bearer tokens for everything under /v1; empty lets everyone in.
    """
    app.web.blueprints = BlueprintManager([])
    server: web.Application = app.web.web_app  # type: ignore[attr-defined] # of the aiohttp driver
    server.middlewares.extend([_tracing, _measuring(metrics), problems])
    if tokens:
        server.middlewares.append(_asking_for_token([token.encode() for token in tokens]))
    for views in groups:
        for path, view in views.items():
            view.view_path = path
            app.web.add_view(view)


def json_response(
    data: object, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return `data` as JSON."""
    return web.Response(
        body=orjson.dumps(data), status=status.value, headers={**JSON_HEADERS, **(headers or {})}
    )


def route_template(request: web.Request) -> str:
    """Return the template of the route that matched, `unmatched` if none did; never a raw path."""
    resource = request.match_info.route.resource
    return _UNMATCHED if resource is None else resource.canonical


@web.middleware
async def _tracing(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Have every log line of a request carry its correlation id."""
    given = given_correlation_id(request)
    try:
        with bound_contextvars(**({"correlation_id": str(given)} if given else {})):
            return await handler(request)
    finally:
        # One task serves the next request of a connection, too.
        unbind_contextvars("correlation_id")


def _measuring(metrics: Metrics) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = perf_counter()
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value
        try:
            response = await handler(request)
            status = response.status
        finally:
            route = route_template(request)
            metrics.http_answered(request.method, route, status, perf_counter() - started)
        return response

    return measure


def _asking_for_token(tokens: Sequence[bytes]) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def ask_for_token(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(_PROTECTED_PREFIX) and not _has_token(request, tokens):
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "unauthorized",
                "send a valid token as `Authorization: Bearer …`",
                {"WWW-Authenticate": "Bearer"},
            )
        return await handler(request)

    return ask_for_token


def _has_token(request: web.Request, tokens: Sequence[bytes]) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    candidate = given.strip().encode("utf-8", "surrogateescape")
    # Every token is compared, whichever fits, so that the time says nothing.
    return sum(hmac.compare_digest(candidate, token) for token in tokens) > 0
