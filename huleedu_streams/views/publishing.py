"""Sends an event for a request: accepted only once the broker has acknowledged it."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from huleedu_streams.contracts.codec import OutgoingEvent, encode
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.errors import BrokerUnavailableError
from huleedu_streams.protocols import EventPublisher
from huleedu_streams.views.guards import traceparent
from huleedu_streams.views.problems import bad_request, unavailable


class AcknowledgedPublisher:
    """Publishes within the bounds that a client may wait for."""

    def __init__(
        self, publisher: EventPublisher, *, timeout_seconds: float, event_max_bytes: int
    ) -> None:
        self._publisher = publisher
        self._timeout_seconds = timeout_seconds
        self._event_max_bytes = event_max_bytes

    async def publish(self, request: web.Request, envelope: EventEnvelope[Any]) -> None:
        """Send `envelope` and wait for the broker's acknowledgement.

        Raises:
            ProblemError: as `encoded` and `send`.
        """
        await self.send(self.encoded(request, envelope))

    def encoded(self, request: web.Request, envelope: EventEnvelope[Any]) -> OutgoingEvent:
        """Return the event as it goes to the broker.

        Raises:
            ProblemError: 400, it is larger than consumers read.
        """
        event = encode(envelope, traceparent(request))
        if len(event.value) > self._event_max_bytes:
            raise bad_request(
                "event-too-large",
                f"the event would have {len(event.value)} bytes, the cap is"
                f" {self._event_max_bytes}; send fewer or shorter ids and notes",
            )
        return event

    async def send(self, event: OutgoingEvent) -> None:
        """Send an event and wait for the broker's acknowledgement.

        Raises:
            ProblemError: 503, no acknowledgement in time. The event may still arrive: an
                `Idempotency-Key` makes it one.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await (await self._publisher.send(event))
        except (BrokerUnavailableError, TimeoutError) as error:
            raise unavailable(
                BrokerUnavailableError.code, "the broker did not acknowledge in time; try again"
            ) from error
