"""How the consumer's thread ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import NodeNotReadyError

from huleedu_streams.runtime.consumer import StreamsConsumerThread


class Breaking:
    """A consumer that cannot leave its group, nor close its connections."""

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self._client = SimpleNamespace(close=self.stop)
        self.tries = 0

    async def stop(self) -> None:
        self.tries += 1
        raise self._error


@pytest.mark.parametrize(
    "error",
    [
        NodeNotReadyError("node id 1"),
        RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed"),
        ConnectionResetError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_thread_ends_whatever_becomes_of_the_connections(error: BaseException) -> None:
    consumer = Breaking(error)
    thread: Any = object.__new__(StreamsConsumerThread)
    thread._method_queue, thread._consumer = None, consumer  # noqa: SLF001 - set at its start

    await thread.on_thread_stop()

    assert consumer.tries == 2, "it was asked to stop, and its client to close"
