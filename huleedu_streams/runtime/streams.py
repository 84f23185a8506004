"""Faust's stream, read in batches: what has arrived is taken at once.

Faust's own iteration goes round the event loop for each event, which costs more than most events
do. Nothing is acknowledged here: that is the delivery loop's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import faust
from faust.types import EventT


class StreamsStream(faust.Stream[bytes]):
    """A stream that also comes in batches."""

    async def batches(self, most: int) -> AsyncIterator[Sequence[EventT[bytes]]]:
        """Yield the events that wait, at most so many at once, unacknowledged and in order."""
        self._finalized = True
        is_started_here = await self.maybe_start()
        channel: Any = self.channel
        queue = channel.queue
        try:
            while not self.should_stop:
                # Kept by no name: while none arrive, the last ones, however large, are gone.
                yield self._all_due(await queue.get(), queue, most)
        except StopAsyncIteration:
            return  # the stream is stopped: its queue says so
        finally:
            self._channel_stop_iteration(self.channel)
            if is_started_here:
                await self.stop()
                self.service_reset()

    def _all_due(
        self,
        first: EventT[bytes],
        queue: asyncio.Queue[EventT[bytes]],
        most: int,
    ) -> Sequence[EventT[bytes]]:
        """Return the first event and those that wait behind it, as far as they are due."""
        events = [first]
        while len(events) < most and not queue.empty():
            events.append(queue.get_nowait())
        return [event for event in events if self._is_due(event)]

    def _is_due(self, event: EventT[bytes]) -> bool:
        """Whether the event is still to be handled; if so, the consumer counts it as begun."""
        app, message = self.app, event.message
        if not app.flow_control.is_active():
            return False
        if message.generation_id != app.consumer_generation_id:
            return False  # read before a rebalance
        if not message.tracked:
            message.tracked = True
            app.consumer.track_message(message)
        return True
