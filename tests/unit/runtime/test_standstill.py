from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from huleedu_streams.runtime.standstill import Standstill
from tests.awaiting import eventually

LIMIT_SECONDS = 7


class Watched:
    """A standstill's watch, the moment that its clock shows and what it found."""

    def __init__(self) -> None:
        self.moment = 100.0
        self.found: list[float] = []
        self.standstill = Standstill(LIMIT_SECONDS, self.found.append, lambda: self.moment)


async def test_process_that_asks_often_enough_does_not_stand_still() -> None:
    watched = Watched()
    watched.standstill.start(asyncio.get_running_loop())

    for _ in range(3):
        watched.moment += LIMIT_SECONDS - 0.1
        watched.standstill.look()
    await asyncio.sleep(0)

    assert watched.found == []


async def test_after_a_pause_nothing_may_be_sent_and_it_is_told_once() -> None:
    watched = Watched()
    watched.standstill.start(asyncio.get_running_loop())
    watched.moment += 12

    for _ in range(2):
        with pytest.raises(KafkaConnectionError, match="stood still"):
            watched.standstill.look()
    await eventually(lambda: bool(watched.found))

    assert watched.found == [12.0]


async def test_pause_is_found_where_nobody_asks() -> None:
    watched = Watched()
    watched.standstill.start(asyncio.get_running_loop())

    watched.moment += 12
    await eventually(lambda: bool(watched.found))

    assert watched.found == [12.0]


async def test_thread_that_asks_has_it_told_in_the_loop() -> None:
    watched = Watched()
    watched.standstill.start(asyncio.get_running_loop())
    watched.moment += 12

    with pytest.raises(KafkaConnectionError):
        await asyncio.to_thread(watched.standstill.look)
    await eventually(lambda: bool(watched.found))

    assert watched.found == [12.0]


def test_who_has_not_begun_to_watch_may_send() -> None:
    watched = Watched()
    watched.moment += 12

    watched.standstill.look()
