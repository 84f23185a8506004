from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from huleedu_streams.adapters.content_files import FileContentStore
from huleedu_streams.adapters.threads import BoundedThreads
from huleedu_streams.errors import ContentStoreUnavailableError

TEXT_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """Yield what a disk that is away waits for; it comes back at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


async def test_call_returns_what_it_returns_and_raises_what_it_raises() -> None:
    threads = BoundedThreads(most=1, timeout_seconds=5)

    assert await threads.run(threading.current_thread) is not threading.current_thread()
    with pytest.raises(KeyError):
        await threads.run(partial(dict[str, str]().__getitem__, "missing"))
    threads.close()


async def test_call_that_hangs_lets_its_caller_go(hung: threading.Event) -> None:
    threads = BoundedThreads(most=2, timeout_seconds=0.05)

    with pytest.raises(TimeoutError):
        await threads.run(hung.wait)

    assert await threads.run(lambda: "the other thread") == "the other thread"


async def test_no_more_threads_hang_than_there_may_be(hung: threading.Event) -> None:
    threads = BoundedThreads(most=2, timeout_seconds=0.05)
    before = threading.active_count()

    for _ in range(5):
        with pytest.raises(TimeoutError):
            await threads.run(hung.wait)

    assert threading.active_count() - before == 2


async def test_threads_that_hung_serve_again_when_the_disk_is_back(hung: threading.Event) -> None:
    threads = BoundedThreads(most=1, timeout_seconds=0.05)
    with pytest.raises(TimeoutError):
        await threads.run(hung.wait)

    hung.set()

    assert await threads.run(lambda: "back") == "back"


class HungFolder(type(Path())):  # type: ignore[misc] # the class of this system's paths
    """A folder on a network disk that is away: every look at it waits."""

    event: threading.Event

    def mkdir(self, *modes: int, **options: bool) -> None:
        self.event.wait()
        super().mkdir(*modes, **options)


async def test_store_on_a_hung_disk_is_an_outage(tmp_path: Path, hung: threading.Event) -> None:
    HungFolder.event = hung
    store = FileContentStore(HungFolder(tmp_path / "content"), timeout_seconds=0.05)

    with pytest.raises(ContentStoreUnavailableError, match=r"no answer in 0\.05 s"):
        await store.get(TEXT_ID)

    assert not await store.is_healthy()
