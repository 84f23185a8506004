"""A stream read in batches, over a channel in memory; the app has no broker and never starts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from weakref import ref

import faust

from huleedu_streams.runtime.streams import StreamsStream


class ConsumedEvent:
    """The part of a Faust event that a stream looks at."""

    def __init__(self, offset: int, generation: int = 0) -> None:
        self.message = SimpleNamespace(offset=offset, generation_id=generation, tracked=False)


@contextmanager
def a_stream() -> Iterator[tuple[StreamsStream, Any, list[int]]]:
    """Yield a stream, its queue, and the offsets that the consumer counts as begun."""
    app: Any = faust.App("tests", broker="kafka://127.0.0.1:1", store="memory://")
    begun: list[int] = []
    app.flow_control.resume()
    app.consumer_generation_id = 0
    consumer = SimpleNamespace(track_message=lambda message: begun.append(message.offset))
    app._consumer = consumer  # noqa: SLF001 - it never starts, so it would have none
    channel = app.channel()
    stream = StreamsStream(aiter(channel), app=app, beacon=app.beacon)
    reading: Any = stream.channel
    yield stream, reading.queue, begun


async def taken(stream: StreamsStream, most: int, count: int) -> list[list[int]]:
    """Return the offsets of so many batches."""
    batches: list[list[int]] = []
    async for events in stream.batches(most):
        batches.append(offsets(events))
        if len(batches) == count:
            break
    return batches


def offsets(events: Sequence[Any]) -> list[int]:
    return [event.message.offset for event in events]


async def test_what_waits_is_taken_at_once_up_to_the_most() -> None:
    with a_stream() as (stream, queue, begun):
        for offset in range(5):
            queue.put_nowait(ConsumedEvent(offset))

        assert await taken(stream, most=3, count=2) == [[0, 1, 2], [3, 4]]
    assert begun == [0, 1, 2, 3, 4]


async def test_event_of_an_earlier_assignment_is_left_out() -> None:
    with a_stream() as (stream, queue, begun):
        stream.app.consumer_generation_id = 2
        for offset, generation in ((0, 1), (1, 2)):
            queue.put_nowait(ConsumedEvent(offset, generation))

        assert await taken(stream, most=8, count=1) == [[1]]
    assert begun == [1]


async def test_nothing_is_taken_while_the_flow_stands_still() -> None:
    with a_stream() as (stream, queue, begun):
        stream.app.flow_control.suspend()
        queue.put_nowait(ConsumedEvent(0))

        assert await taken(stream, most=8, count=1) == [[]]
    assert begun == []


async def test_stream_that_is_stopped_ends() -> None:
    with a_stream() as (stream, queue, _):
        queue.put_nowait(ConsumedEvent(0))
        batches = stream.batches(8)
        assert offsets(await anext(batches)) == [0]

        await queue.throw(StopAsyncIteration())

        assert [events async for events in batches] == []


async def test_taken_events_are_kept_by_their_reader_alone() -> None:
    with a_stream() as (stream, queue, _):
        event = ConsumedEvent(0)
        queue.put_nowait(event)
        batches = stream.batches(8)
        assert offsets(await anext(batches)) == [0]

        waiting = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)

        kept = ref(event)
        del event
        assert kept() is None
        waiting.cancel()
