"""Texts in worker processes and in slices; the processes are real, some of their spellers odd."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from itertools import permutations
from pathlib import Path
from threading import Thread
from time import thread_time

import psutil
import pytest
import structlog

from huleedu_streams.errors import (
    DictionaryError,
    SpellcheckFailedError,
    UnsupportedLanguageError,
)
from huleedu_streams.spelling import SpellChecker
from huleedu_streams.spelling.by_size import LARGE_TEXT
from huleedu_streams.spelling.pool import PooledSpellChecker, build_spell_checker
from huleedu_streams.spelling.served import Served
from huleedu_streams.spelling.sliced import SlicedSpellChecker

ODD_WORKER = Path(__file__).with_name("odd_worker.py")
TEXT = "Teh freind likes xqzvkw, isnt it? "


def odd_pool(
    *, processes: int = 1, engine: str = "exact", timeout: float = 30
) -> PooledSpellChecker:
    return PooledSpellChecker(
        Served(("en",), engine, {}),
        processes=processes,
        timeout_seconds=timeout,
        command=(sys.executable, str(ODD_WORKER)),
    )


@pytest.fixture
async def odd() -> AsyncIterator[PooledSpellChecker]:
    pool = odd_pool()
    yield pool
    await pool.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - other processes set no event of ours
            await asyncio.sleep(0.01)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("processes", [0, 1])
async def test_text_checked_off_the_loop_is_as_checked_directly(
    english: SpellChecker, processes: int
) -> None:
    pool = build_spell_checker(["en", "ru"], processes=processes)
    text = TEXT * 400

    checked, russian = await asyncio.gather(pool.check(text, "en-GB"), pool.check("превет", "ru"))
    await pool.close()

    assert checked == english.check(text)
    assert russian.text == "привет"


@pytest.mark.parametrize("processes", [0, 1])
async def test_large_text_is_corrected_as_directly(english: SpellChecker, processes: int) -> None:
    pool = build_spell_checker(["en"], processes=processes)
    text = TEXT * (LARGE_TEXT // 20)

    checked = await pool.check(text, "en")
    await pool.close()

    assert checked.text == english.check(text).text


@pytest.mark.parametrize("processes", [0, 1])
async def test_language_that_is_not_served_is_never_corrected(processes: int) -> None:
    pool = build_spell_checker(["en"], processes=processes)

    with pytest.raises(UnsupportedLanguageError, match=r"'de' is not served here; served: en"):
        await pool.check("das", "de")
    await pool.close()


@pytest.mark.parametrize("processes", [0, 1])
async def test_lone_surrogate_is_a_failed_check_without_its_text(processes: int) -> None:
    pool = build_spell_checker(["en"], processes=processes)

    with pytest.raises(SpellcheckFailedError, match=r"^the text is not valid Unicode"):
        await pool.check("secret \ud800", "en")
    await pool.close()


async def test_language_without_a_dictionary_is_refused_at_once() -> None:
    with pytest.raises(UnsupportedLanguageError, match="no dictionary for language 'nb'"):
        build_spell_checker(["en", "nb"])


@pytest.mark.parametrize("processes", [0, 2])
async def test_refused_entries_of_the_list_are_logged_once(l2_file: Path, processes: int) -> None:
    with structlog.testing.capture_logs() as logs:
        pool = build_spell_checker(["en", "ru"], l2_dictionary=l2_file, processes=processes)
        await pool.start()
        checked = await pool.check("alot", "en")
        await pool.check("alot " * LARGE_TEXT, "en")
        await pool.close()

    assert checked.text == "a lot"
    assert [(log["event"], log["entry"]) for log in logs] == [("l2_entry_refused", "then:than")]


async def test_failing_checker_fails_its_text_alone(odd: PooledSpellChecker) -> None:
    before = await odd.check("a", "en")

    with pytest.raises(SpellcheckFailedError, match=r"^the checker failed: RuntimeError$"):
        await odd.check("fail", "en")

    assert await odd.check("a", "en") == before


async def test_killed_process_is_replaced_and_the_text_checked_again(
    odd: PooledSpellChecker,
) -> None:
    await odd.start()
    (killed,) = odd.pids

    checked = await odd.check(f"kill {killed}", "en")

    (replacement,) = odd.pids
    assert replacement != killed
    assert checked.text == f"kill {killed} {replacement}"


async def test_process_killed_while_idle_costs_no_try(odd: PooledSpellChecker) -> None:
    await odd.start()
    (killed,) = odd.pids

    os.kill(killed, signal.SIGKILL)
    await until(lambda: is_gone(killed))

    assert str(killed) not in (await odd.check("a", "en")).text


async def test_text_that_ends_two_processes_fails_and_the_next_is_checked(
    odd: PooledSpellChecker,
) -> None:
    with pytest.raises(SpellcheckFailedError, match="2 spelling processes ended"):
        await odd.check("end", "en")

    assert (await odd.check("a", "en")).text.startswith("a ")


async def test_check_that_takes_too_long_fails_and_its_process_is_killed() -> None:
    pool = odd_pool(timeout=2)
    await pool.start()
    (hung,) = pool.pids

    with pytest.raises(SpellcheckFailedError, match=r"^the check took over 2 s$"):
        await pool.check("hang", "en")

    assert is_gone(hung)
    assert (await pool.check("a", "en")).text.startswith("a ")
    await pool.close()


async def test_check_in_slices_that_takes_too_long_fails() -> None:
    checker = SlicedSpellChecker(Served(("en",), "exact", {}), timeout_seconds=0.02)

    with pytest.raises(SpellcheckFailedError, match="took over"):
        await checker.check("wrld " * 100_000, "en")


async def test_event_loop_is_free_while_texts_are_checked_in_slices() -> None:
    checker = build_spell_checker(["en"], processes=0)
    await checker.check("a", "en")
    gc.freeze()  # as a worker does; else a collection looks through all that tests brought along
    # Time of this thread, so that what else the machine does counts for nothing.
    longest, last = 0.0, thread_time()

    text = " ".join("wrld" + "".join(letters) for letters in permutations("abcdefg"))
    check = asyncio.create_task(checker.check(text, "en"))
    turns = 0
    while not check.done():
        await asyncio.sleep(0)
        turns, now = turns + 1, thread_time()
        longest, last = max(longest, now - last), now

    assert turns > 5
    assert longest < 0.05
    gc.unfreeze()


async def test_cancelled_caller_leaves_the_process_for_others(odd: PooledSpellChecker) -> None:
    before = await odd.check("a", "en")

    check = asyncio.create_task(odd.check("b", "en"))
    await asyncio.sleep(0)
    check.cancel()

    assert await odd.check("a", "en") == before


async def test_closing_leaves_no_process_and_fails_what_is_in_flight() -> None:
    pool = odd_pool(processes=2)
    await pool.start()
    pids = pool.pids

    check = asyncio.create_task(pool.check("hang", "en"))
    await asyncio.sleep(0)
    await pool.close()
    await pool.close()

    assert len(pids) == 2
    assert all(is_gone(pid) for pid in pids)
    with pytest.raises(SpellcheckFailedError, match="closed"):
        await check
    with pytest.raises(SpellcheckFailedError, match="closed"):
        await pool.check("a", "en")


async def test_worker_that_cannot_load_says_why() -> None:
    pool = odd_pool(engine="none")

    with pytest.raises(DictionaryError, match="no such engine"):
        await pool.start()
    with pytest.raises(SpellcheckFailedError, match="no such engine"):
        await pool.check("a", "en")
    await pool.close()


async def test_worker_that_never_starts_is_a_failed_check() -> None:
    pool = PooledSpellChecker(
        Served(("en",), "exact", {}),
        processes=1,
        timeout_seconds=5,
        command=(sys.executable, "-c", ""),
    )

    with pytest.raises(SpellcheckFailedError, match="ended while it started"):
        await pool.start()
    with pytest.raises(SpellcheckFailedError, match="processes ended"):
        await pool.check("a", "en")
    await pool.close()


async def test_process_that_the_system_has_not_to_give_now_is_waited_for(tmp_path: Path) -> None:
    python = tmp_path / "python"
    pool = PooledSpellChecker(
        Served(("en",), "exact", {}),
        processes=1,
        timeout_seconds=30,
        command=(str(python), str(ODD_WORKER)),
    )

    check = asyncio.create_task(pool.check("a", "en"))
    await asyncio.wait([check], timeout=0.1)
    assert not check.done()
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    script.chmod(0o755)
    script.rename(python)

    assert (await check).text.startswith("a ")
    await pool.close()


async def test_thread_that_the_system_has_not_to_give_now_is_waited_for(
    odd: PooledSpellChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = set(psutil.Process().children())
    refusals = iter(range(2))
    start = Thread.start

    def rarely(thread: Thread) -> None:
        if next(refusals, None) is not None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(Thread, "start", rarely)

    assert (await odd.check("a", "en")).text.startswith("a ")
    # One process, though all three spawns were put into the executor's queue.
    assert len(set(psutil.Process().children()) - others) == 1


async def test_closing_ends_the_wait_for_a_process(tmp_path: Path) -> None:
    pool = PooledSpellChecker(
        Served(("en",), "exact", {}),
        processes=1,
        timeout_seconds=30,
        command=(str(tmp_path / "absent"),),
    )

    check = asyncio.create_task(pool.check("a", "en"))
    await asyncio.sleep(0)
    await pool.close()

    with pytest.raises(SpellcheckFailedError):
        await check


async def test_process_whose_time_ended_with_its_answer_gets_no_other_text(
    odd: PooledSpellChecker,
) -> None:
    await odd.start()
    (late,) = odd._alive  # noqa: SLF001 - a timer would do it within one turn of the loop

    late.expire()

    assert str(late.pid) not in (await odd.check("a", "en")).text


async def test_signals_of_the_parent_do_not_end_a_worker(odd: PooledSpellChecker) -> None:
    before = await odd.check("a", "en")

    for pid in odd.pids:
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)

    assert await odd.check("a", "en") == before


async def test_kill_leaves_no_process_and_no_zombie(odd: PooledSpellChecker) -> None:
    await odd.check("a", "en")
    (pid,) = odd.pids

    odd.kill()

    assert not psutil.pid_exists(pid)


async def test_workers_end_when_their_parent_is_killed() -> None:
    # One is at work, on a text without end, and one is idle.
    program = f"""
import asyncio, psutil, sys
from huleedu_streams.spelling.pool import PooledSpellChecker
from huleedu_streams.spelling.served import Served
async def main():
    command = (sys.executable, {str(ODD_WORKER)!r})
    served = Served(("en",), "exact", {{}})
    pool = PooledSpellChecker(served, processes=2, timeout_seconds=600, command=command)
    await pool.start()
    check = asyncio.create_task(pool.check("hang", "en"))
    await asyncio.sleep(0.1)
    print(*(child.pid for child in psutil.Process().children()), flush=True)
    await check
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]

    parent.kill()
    await parent.wait()

    assert len(pids) == 2
    await until(lambda: all(is_gone(pid) for pid in pids))
