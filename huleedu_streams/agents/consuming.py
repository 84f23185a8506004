"""Ties a piece of work to the app: one Faust agent, one topic, one delivery loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import faust

from huleedu_streams.agents.delivery import DeliveryLoop, Outlets
from huleedu_streams.agents.failures import FailurePolicy
from huleedu_streams.agents.handling import Work


@dataclass(frozen=True, slots=True)
class Consuming:
    """What all agents of one worker share.

    Attributes:
        app: The application.
        policy: What is done about failures.
        outlets: Where effects go.
        window_events: Events that an agent prepares side by side.
    """

    app: faust.App
    policy: FailurePolicy
    outlets: Outlets
    window_events: int

    def add_agent(self, name: str, work: Work, write_order: asyncio.Lock, help_text: str) -> None:
        """Declare an agent that runs `work`; agents of one table share `write_order`."""
        loop = DeliveryLoop(
            work, self.policy, self.outlets, write_order, window_events=self.window_events
        )

        async def run(stream: Any) -> None:  # noqa: ANN401 - Faust inspects no more than the name
            await loop.run(stream)

        run.__doc__ = help_text
        # Raw bytes: Faust would acknowledge a message it cannot decode before the agent sees it.
        topic = self.app.topic(
            work.topic, key_serializer="raw", value_serializer="raw", allow_empty=True
        )
        self.app.agent(topic, name=name)(run)

        async def abandon(*_args: object, **_kwargs: object) -> None:
            loop.abandon()

        self.app.on_partitions_revoked.connect(abandon)
