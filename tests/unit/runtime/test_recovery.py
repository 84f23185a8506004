from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from mode.utils.queues import FlowControlQueue

from huleedu_streams.runtime.streams_app import StreamsApp
from huleedu_streams.settings import Settings

PARTITION = TopicPartition("essays", 0)


class Consumer:
    """A consumer whose fetcher runs: it hands over all there is as soon as nothing holds it."""

    def __init__(self, queue: FlowControlQueue[int]) -> None:
        self._queue = queue
        self._is_fetching = asyncio.Event()
        self._active: set[TopicPartition] = set()
        self._position = 0
        self.flow_active = True  # as it is while changelogs are read

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION}

    def resume_partitions(self, partitions: set[TopicPartition]) -> None:
        self._active |= partitions
        self._fetch()

    async def perform_seek(self) -> None:
        self._position = 0
        self._fetch()

    async def wait_for_stopped_flow(self) -> None:
        await asyncio.sleep(0)

    def stop_flow(self) -> None:
        self.flow_active = False

    def resume_flow(self) -> None:
        self.flow_active = True
        self._fetch()

    def _fetch(self) -> None:
        while self.flow_active and self._active and self._position < 3:
            self._queue.put_nowait(self._position)
            self._position += 1


class Fetcher:
    async def maybe_start(self) -> bool:
        return False


async def test_nothing_that_is_read_after_a_recovery_is_dropped(tmp_path: Path) -> None:
    app: Any = StreamsApp(Settings(data_dir=tmp_path, _env_file=None), partitions=1)
    queue: FlowControlQueue[int] = FlowControlQueue(
        flow_control=app.flow_control, clear_on_resume=True
    )
    app.consumer, app._fetcher = Consumer(queue), Fetcher()  # noqa: SLF001 - set at its start
    app.flow_control.resume()

    await app.tables.recovery.on_recovery_completed(app.consumer_generation_id)

    assert [queue.get_nowait() for _ in range(queue.qsize())] == [0, 1, 2]
    assert app.consumer.flow_active
    assert app.flow_control.is_active()
