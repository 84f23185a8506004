"""For operators and their machines: alive, ready, metrics (every role)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol

from aiohttp import web

from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import Outage
from huleedu_streams.views.guards import Readiness, require_ready
from huleedu_streams.views.problems import RETRY_AFTER_SECONDS, ProblemError
from huleedu_streams.views.server import Views, json_response, view_of


class Wedge(Protocol):
    """A partition of which nothing is handled though there is something to handle."""

    @property
    def topic(self) -> str:
        """Its topic."""
        ...

    @property
    def partition(self) -> int:
        """Its number."""
        ...

    @property
    def lag(self) -> int:
        """Records that wait."""
        ...

    @property
    def since(self) -> datetime:
        """Since when."""
        ...


class Watch(Protocol):
    """What looks after the consumer."""

    @property
    def wedges(self) -> Sequence[Wedge]:
        """The wedged partitions, the one that is longest first."""
        ...


class Dependency(Protocol):
    """A thing outside that agents may have to wait for."""

    @property
    def outage(self) -> Outage | None:
        """The wait for it, if somebody waits now."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """What a worker knows of itself.

    Attributes:
        readiness: Whether it can answer for its tables.
        watch: Whether its consumer moves.
        dependencies: What its agents may wait for.
    """

    readiness: Readiness
    watch: Watch
    dependencies: Sequence[Dependency]


def build_operation_views(health: Health, metrics: Metrics) -> Views:
    """Return the views by path."""
    operations = OperationHandlers(health, metrics)
    return {
        "/livez": view_of("livez", get=operations.livez),
        "/readyz": view_of("readyz", get=operations.readyz),
        "/healthz": view_of("healthz", get=operations.healthz),
        "/metrics": view_of("metrics", get=operations.scrape),
    }


class OperationHandlers:
    """The handlers of one worker."""

    def __init__(self, health: Health, metrics: Metrics) -> None:
        self._health = health
        self._metrics = metrics

    async def livez(self, request: web.Request) -> web.Response:
        """Say that the event loop turns and the consumer moves; 503 if a restart would help."""
        del request
        wedges = self._health.watch.wedges
        if wedges:
            raise _wedged(wedges)
        return json_response({"status": "alive"})

    async def readyz(self, request: web.Request) -> web.Response:
        """Say whether this worker may be asked; 503 while it starts, rebalances or recovers.

        One whose agents wait for a dependency may: its tables answer, and the wait is shown.
        """
        del request
        require_ready(self._health.readiness)
        return json_response({"status": "ready", "waiting_for": self._waiting_for()})

    async def healthz(self, request: web.Request) -> web.Response:
        """Say the same under its old name, in its old shape."""
        del request
        problem = self._health.readiness.problem()
        if problem is None:
            waiting = self._waiting_for()
            return json_response({"status": "ok", "message": "ready", "waiting_for": waiting})
        return json_response(
            {"status": "unavailable", "message": f"this worker is {problem}"},
            HTTPStatus.SERVICE_UNAVAILABLE,
            {"Retry-After": str(RETRY_AFTER_SECONDS)},
        )

    async def scrape(self, request: web.Request) -> web.Response:
        """Return the metrics, as OpenMetrics if the scraper asks for it."""
        self._metrics.worker_ready.set(0 if self._health.readiness.problem() else 1)
        body, content_type = self._metrics.render(request.headers.get("Accept"))
        return web.Response(body=body, headers={"Content-Type": content_type})

    def _waiting_for(self) -> list[dict[str, object]]:
        outages = [dependency.outage for dependency in self._health.dependencies]
        return [
            {
                "dependency": outage.dependency,
                "since": _shown(outage.since),
                "tries": outage.tries,
            }
            for outage in outages
            if outage is not None
        ]


def _wedged(wedges: Sequence[Wedge]) -> ProblemError:
    first = wedges[0]
    more = f" (and {len(wedges) - 1} more)" if len(wedges) > 1 else ""
    detail = (
        f"nothing of {first.topic}-{first.partition}{more} was handled since "
        f"{_shown(first.since)} though {first.lag} records wait; restart this worker, it goes on "
        "where it stopped; if that does not help, look for dead_lettered and handling_failed in "
        "its log"
    )
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "consumer-wedged", detail)


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
