"""For operators and their machines: alive, ready, metrics (every role)."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from huleedu_streams.metrics import Metrics
from huleedu_streams.views.guards import Readiness, require_ready
from huleedu_streams.views.problems import RETRY_AFTER_SECONDS
from huleedu_streams.views.server import Views, json_response, view_of


def build_operation_views(readiness: Readiness, metrics: Metrics) -> Views:
    """Return the views by path."""
    operations = OperationHandlers(readiness, metrics)
    return {
        "/livez": view_of("livez", get=operations.livez),
        "/readyz": view_of("readyz", get=operations.readyz),
        "/healthz": view_of("healthz", get=operations.healthz),
        "/metrics": view_of("metrics", get=operations.scrape),
    }


class OperationHandlers:
    """The handlers of one worker."""

    def __init__(self, readiness: Readiness, metrics: Metrics) -> None:
        self._readiness = readiness
        self._metrics = metrics

    async def livez(self, request: web.Request) -> web.Response:
        """Say that the event loop turns."""
        del request
        return json_response({"status": "alive"})

    async def readyz(self, request: web.Request) -> web.Response:
        """Say whether this worker may be asked; 503 while it starts, rebalances or recovers."""
        del request
        require_ready(self._readiness)
        return json_response({"status": "ready"})

    async def healthz(self, request: web.Request) -> web.Response:
        """Say the same under its old name, in its old shape."""
        del request
        problem = self._readiness.problem()
        if problem is None:
            return json_response({"status": "ok", "message": "ready"})
        return json_response(
            {"status": "unavailable", "message": f"this worker is {problem}"},
            HTTPStatus.SERVICE_UNAVAILABLE,
            {"Retry-After": str(RETRY_AFTER_SECONDS)},
        )

    async def scrape(self, request: web.Request) -> web.Response:
        """Return the metrics, as OpenMetrics if the scraper asks for it."""
        self._metrics.worker_ready.set(0 if self._readiness.problem() else 1)
        body, content_type = self._metrics.render(request.headers.get("Accept"))
        return web.Response(body=body, headers={"Content-Type": content_type})
