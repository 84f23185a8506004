"""A client that is started once for all who ask, whoever of them gives up."""

from __future__ import annotations

import asyncio

import pytest

from huleedu_streams.runtime.started import Started


class Broker:
    """Lets numbered clients start once it is there, and notes which are stopped."""

    def __init__(self) -> None:
        self.is_there = asyncio.Event()
        self.refusal: Exception | None = None
        self.built = 0
        self.stopped: list[int] = []

    def build(self) -> NumberedClient:
        self.built += 1
        return NumberedClient(self, self.built)

    async def stop(self, client: NumberedClient) -> None:
        self.stopped.append(client.number)


class NumberedClient:
    def __init__(self, broker: Broker, number: int) -> None:
        self.broker = broker
        self.number = number

    async def start(self) -> None:
        await self.broker.is_there.wait()
        if self.broker.refusal is not None:
            raise self.broker.refusal


Client = Started[NumberedClient]


@pytest.fixture
async def broker() -> Broker:
    return Broker()


@pytest.fixture
async def client(broker: Broker) -> Client:
    return Started(broker.build, broker.stop)


async def test_all_who_ask_get_the_same_client(broker: Broker, client: Client) -> None:
    asked = [asyncio.create_task(client.get()) for _ in range(3)]
    await asyncio.sleep(0)
    broker.is_there.set()

    assert [each.number for each in await asyncio.gather(*asked)] == [1, 1, 1]
    assert (await client.get()).number == 1


async def test_who_gives_up_leaves_the_start_to_the_next(broker: Broker, client: Client) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await client.get()
        await client.drop()
    broker.is_there.set()

    assert (await client.get()).number == 1
    assert broker.stopped == []


async def test_failed_start_is_followed_by_another(broker: Broker, client: Client) -> None:
    broker.is_there.set()
    broker.refusal = OSError("refused")
    with pytest.raises(OSError, match="refused"):
        await client.get()

    broker.refusal = None

    assert broker.stopped == [1]
    assert (await client.get()).number == 2


async def test_dropped_client_is_stopped_and_another_started(
    broker: Broker, client: Client
) -> None:
    broker.is_there.set()
    await client.get()

    await client.drop()

    assert broker.stopped == [1]
    assert (await client.get()).number == 2


async def test_close_stops_what_was_about_to_start(broker: Broker, client: Client) -> None:
    asked = asyncio.create_task(client.get())
    await asyncio.sleep(0)
    broker.is_there.set()

    await client.close()
    await client.close()

    assert (await asked).number == 1
    assert broker.stopped == [1]


async def test_close_cuts_off_a_start_without_end(broker: Broker, client: Client) -> None:
    asked = asyncio.create_task(client.get())
    await asyncio.sleep(0)

    await client.close()

    (outcome,) = await asyncio.gather(asked, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError)
    assert broker.stopped == [1]
