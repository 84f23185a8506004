"""aiokafka's connections, mended where they meet uvloop, and asked first whether to send.

A write to a connection that has just been reset is an `OSError` on asyncio's loop, which aiokafka
knows, and a `RuntimeError` on uvloop's. That one ends whatever wrote, for good: a consumer fetches
nothing more, in a group that takes it for alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_send = AIOKafkaConnection.send


def mend_connections(look: Callable[[], object]) -> None:
    """Have connections of this process say in aiokafka's words that they are closed.

    aiokafka names the class in one place and lets nobody give another.

    Args:
        look: Called before each request; raises `KafkaConnectionError` if none may be sent.
    """

    def send(
        connection: AIOKafkaConnection,
        request: Any,  # noqa: ANN401 - aiokafka's
        expect_response: bool = True,  # noqa: FBT001, FBT002 - aiokafka's signature
    ) -> Any:  # noqa: ANN401 - aiokafka's
        look()
        try:
            return _send(connection, request, expect_response)
        except NotImplementedError:
            raise  # a request that this broker does not know: no new connection helps
        except RuntimeError as error:
            connection.close(reason=CloseReason.CONNECTION_BROKEN)
            place = f"{connection.host}:{connection.port}"
            raise KafkaConnectionError(f"Connection at {place} broken: {error}") from error

    AIOKafkaConnection.send = send
