"""aiokafka's connection over uvloop's real sockets, reset under its hands."""

# ruff: noqa: SLF001 - a connection is made as its `connect` does, without a broker to ask

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest

from huleedu_streams.runtime.connections import mend_connections

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


@pytest.fixture(autouse=True)
def to_be_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AIOKafkaConnection, "send", AIOKafkaConnection.send)


def test_write_to_a_connection_that_was_reset_is_an_error_of_kafka() -> None:
    mend_connections(lambda: None)

    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        pytest.raises(KafkaConnectionError, match="broken: unable to perform operation"),
    ):
        runner.run(write_after_reset())


async def test_nothing_is_sent_where_the_look_forbids_it() -> None:
    def look() -> None:
        raise KafkaConnectionError("not now")

    mend_connections(look)

    with pytest.raises(KafkaConnectionError, match="not now"):
        await AIOKafkaConnection("127.0.0.1", 9).send(ApiVersionRequest())


async def test_request_that_the_broker_does_not_know_is_told_as_it_is() -> None:
    class Unknown(ApiVersionRequest):  # type: ignore[misc] # aiokafka has no types
        def prepare(self, versions: object) -> NoReturn:
            raise NotImplementedError("no version in common")

    mend_connections(lambda: None)
    connection: Any = AIOKafkaConnection("127.0.0.1", 9)
    connection._writer = object()  # connected

    with pytest.raises(NotImplementedError, match="no version in common"):
        await connection.send(Unknown())
