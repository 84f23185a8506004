"""aiokafka's connection over uvloop's real sockets, reset under its hands."""

# ruff: noqa: SLF001 - a connection is made as its `connect` does, without a broker to ask

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest

from huleedu_streams.runtime.connections import fail_plainly

uvloop = pytest.importorskip("uvloop", reason="the loop that a worker has where it is installed")


async def write_after_reset() -> None:
    async def listen(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection: Any = AIOKafkaConnection("127.0.0.1", port)
    connection._reader, connection._writer = await asyncio.open_connection("127.0.0.1", port)
    connection._read_task = asyncio.ensure_future(connection._reader.read())
    connection._closed_fut = asyncio.Future()
    try:
        connection._writer.transport.abort()
        await connection._writer.wait_closed()
        await connection.send(ApiVersionRequest())
    finally:
        server.close()
        await server.wait_closed()


def test_write_to_a_connection_that_was_reset_is_an_error_of_kafka(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(AIOKafkaConnection, "send", AIOKafkaConnection.send)  # to be undone
    fail_plainly()

    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        pytest.raises(KafkaConnectionError, match="broken: unable to perform operation"),
    ):
        runner.run(write_after_reset())
