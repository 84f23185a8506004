"""A client that is started once for all who ask, whoever of them gives up."""

from __future__ import annotations

import asyncio

import pytest

from huleedu_streams.runtime.started import Started


class Broker:
    """Starts numbered clients, when it is let, and notes what is stopped."""

    def __init__(self) -> None:
        self.is_there = asyncio.Event()
        self.refusal: Exception | None = None
        self.begun = 0
        self.stopped: list[int] = []

    async def start(self) -> int:
        self.begun += 1
        number = self.begun
        await self.is_there.wait()
        if self.refusal is not None:
            raise self.refusal
        return number

    async def stop(self, number: int) -> None:
        self.stopped.append(number)


@pytest.fixture
async def broker() -> Broker:
    return Broker()


@pytest.fixture
async def client(broker: Broker) -> Started[int]:
    return Started(broker.start, broker.stop)


async def test_all_who_ask_get_the_same_client(broker: Broker, client: Started[int]) -> None:
    asked = [asyncio.create_task(client.get()) for _ in range(3)]
    await asyncio.sleep(0)
    broker.is_there.set()

    assert await asyncio.gather(*asked) == [1, 1, 1]
    assert await client.get() == 1


async def test_who_gives_up_leaves_the_start_to_the_next(
    broker: Broker, client: Started[int]
) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await client.get()
        await client.drop()
    broker.is_there.set()

    assert await client.get() == 1
    assert broker.stopped == []


async def test_failed_start_is_followed_by_another(broker: Broker, client: Started[int]) -> None:
    broker.is_there.set()
    broker.refusal = OSError("refused")
    with pytest.raises(OSError, match="refused"):
        await client.get()

    broker.refusal = None

    assert await client.get() == 2


async def test_dropped_client_is_stopped_and_another_started(
    broker: Broker, client: Started[int]
) -> None:
    broker.is_there.set()
    await client.get()

    await client.drop()

    assert broker.stopped == [1]
    assert await client.get() == 2


async def test_close_stops_what_was_about_to_start(broker: Broker, client: Started[int]) -> None:
    asked = asyncio.create_task(client.get())
    await asyncio.sleep(0)
    broker.is_there.set()

    await client.close()
    await client.close()

    assert await asked == 1
    assert broker.stopped == [1]


async def test_close_cuts_off_a_start_without_end(broker: Broker, client: Started[int]) -> None:
    asked = asyncio.create_task(client.get())
    await asyncio.sleep(0)

    await client.close()

    assert asked.cancelled() or isinstance(
        (await asyncio.gather(asked, return_exceptions=True))[0], asyncio.CancelledError
    )
    assert broker.stopped == []
