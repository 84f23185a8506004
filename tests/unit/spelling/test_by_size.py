"""Large texts beside small ones, in real processes whose spellers do what a text says."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from huleedu_streams.errors import SpellcheckFailedError
from huleedu_streams.spelling.by_size import LARGE_TEXT, SpellCheckerBySize
from huleedu_streams.spelling.pool import PooledSpellChecker, build_spell_checker
from huleedu_streams.spelling.served import Served
from tests.awaiting import eventually

ODD_WORKER = Path(__file__).with_name("odd_worker.py")


class Pools:
    """Every pool that was built, the one for small texts first."""

    def __init__(self) -> None:
        self.built: list[PooledSpellChecker] = []

    def build(self) -> PooledSpellChecker:
        pool = PooledSpellChecker(
            Served(("en",), "exact", {}),
            processes=2,
            timeout_seconds=30,
            command=(sys.executable, str(ODD_WORKER)),
        )
        self.built.append(pool)
        return pool

    @property
    def pids_of_large(self) -> tuple[int, ...]:
        return tuple(pid for pool in self.built[1:] for pid in pool.pids)


def large(order: str) -> str:
    return order.ljust(LARGE_TEXT + 1)


@pytest.fixture
def pools() -> Pools:
    return Pools()


@pytest.fixture
async def by_size(pools: Pools) -> AsyncIterator[SpellCheckerBySize]:
    checker = SpellCheckerBySize(pools.build(), pools.build)
    await checker.start()
    yield checker
    await checker.close()


async def test_small_texts_do_not_wait_for_any_number_of_large_ones(
    by_size: SpellCheckerBySize, pools: Pools
) -> None:
    endless = [asyncio.create_task(by_size.check(large("hang"), "en")) for _ in range(3)]
    await eventually(lambda: len(pools.pids_of_large) == 2)

    small = [await by_size.check("a", "en") for _ in range(3)]

    assert {int(each.text.split()[1]) for each in small} <= set(pools.built[0].pids)
    assert not any(task.done() for task in endless)
    await by_size.close()
    outcomes = await asyncio.gather(*endless, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [SpellcheckFailedError] * 3


async def test_large_texts_share_processes_which_end_with_the_last_of_them(
    by_size: SpellCheckerBySize, pools: Pools
) -> None:
    endless = asyncio.create_task(by_size.check(large("hang"), "en"))
    await eventually(lambda: len(pools.pids_of_large) == 1)
    checked = await by_size.check(large("a"), "en")
    pids = pools.pids_of_large

    assert len(pools.built) == 2
    assert int(checked.text.split()[1]) in pids
    endless.cancel()
    await asyncio.gather(endless, return_exceptions=True)
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_large_text_that_fails_fails_alone(by_size: SpellCheckerBySize, pools: Pools) -> None:
    with pytest.raises(SpellcheckFailedError, match=r"^the checker failed: RuntimeError$"):
        await by_size.check(large("fail"), "en")

    assert pools.pids_of_large == ()
    assert (await by_size.check(large("a"), "en")).text.startswith("a ")


async def test_kill_ends_the_processes_of_large_texts_as_well(
    by_size: SpellCheckerBySize, pools: Pools
) -> None:
    endless = asyncio.create_task(by_size.check(large("hang"), "en"))
    await eventually(lambda: len(pools.pids_of_large) == 1)
    pids = (*pools.built[0].pids, *pools.pids_of_large)

    by_size.kill()

    assert len(pids) == 3
    assert not any(psutil.pid_exists(pid) for pid in pids)
    endless.cancel()
    await asyncio.gather(endless, return_exceptions=True)


async def test_closed_checker_starts_nothing_for_a_large_text(
    by_size: SpellCheckerBySize, pools: Pools
) -> None:
    await by_size.close()

    with pytest.raises(SpellcheckFailedError, match="closed"):
        await by_size.check(large("a"), "en")

    assert len(pools.built) == 1


async def test_process_of_a_large_text_leaves_the_processor_to_the_others() -> None:
    usual = psutil.Process().nice()
    checker = build_spell_checker(["en"], processes=1)
    await checker.start()
    small = _niceness_of_spellers()

    checking = asyncio.create_task(checker.check(large("hopless wrods "), "en"))
    await eventually(lambda: len(_niceness_of_spellers()) == 2)
    await eventually(lambda: max(_niceness_of_spellers()) == min(usual + 5, 19))
    await checking
    await checker.close()

    assert small == [usual]


def _niceness_of_spellers() -> list[int]:
    """Return the niceness of each speller of this process, also while one begins or ends."""
    spellers = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "huleedu_streams.spelling.worker" in child.cmdline():
                spellers.append(child.nice())
    return spellers
