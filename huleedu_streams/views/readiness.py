"""Whether a Faust worker can be trusted with questions: not while it starts, moves or recovers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class TablesState(Protocol):
    """What is asked of Faust's table manager."""

    actives_ready: bool


class AppState(Protocol):
    """What is asked of a Faust app."""

    rebalancing: bool
    rebalancing_count: int
    in_recovery: bool

    @property
    def started(self) -> bool:
        """Whether the service has begun to start."""
        ...

    @property
    def should_stop(self) -> bool:
        """Whether the service is stopping or has crashed."""
        ...


@dataclass(frozen=True, slots=True)
class FaustReadiness:
    """The `Readiness` of a worker.

    Attributes:
        app: The Faust app.
        tables: Its table manager, if it has tables; without any, `actives_ready` stays false.
        has_agents: Whether it consumes, so that it must have been given partitions.
    """

    app: AppState
    tables: TablesState | None
    has_agents: bool

    def problem(self) -> str | None:
        """Return `stopping`, `starting`, `recovering`, `rebalancing`, or None."""
        if self.app.should_stop:
            return "stopping"
        if not self.app.started:
            return "starting"
        return self._partitions_problem() if self.has_agents else None

    def _partitions_problem(self) -> str | None:
        if self.app.in_recovery:
            return "recovering"
        if self.app.rebalancing_count == 0:
            return "starting"
        if self.app.rebalancing:
            return "rebalancing"
        if self.tables is not None and not self.tables.actives_ready:
            return "recovering"
        return None
