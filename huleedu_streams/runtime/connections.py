"""aiokafka's connections, mended where they meet uvloop.

A write to a connection that has just been reset is an `OSError` on asyncio's loop, which aiokafka
knows, and a `RuntimeError` on uvloop's. That one ends whatever wrote, for good: a consumer fetches
nothing more, in a group that takes it for alive.
"""

from __future__ import annotations

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_send = AIOKafkaConnection.send


def fail_plainly() -> None:
    """Have connections of this process say in aiokafka's words that they are closed.

    aiokafka names the class in one place and lets nobody give another.
    """
    AIOKafkaConnection.send = _send_or_fail


def _send_or_fail(
    connection: AIOKafkaConnection,
    request: Any,  # noqa: ANN401 - aiokafka's
    expect_response: bool = True,  # noqa: FBT001, FBT002 - aiokafka's signature
) -> Any:  # noqa: ANN401 - aiokafka's
    try:
        return _send(connection, request, expect_response)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        place = f"{connection.host}:{connection.port}"
        raise KafkaConnectionError(f"Connection at {place} broken: {error}") from error
