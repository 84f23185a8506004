"""A TCP proxy between the workers and the broker: latency, cuts, resets, half-open connections.

It reads the api key of each request, so that the connections that carry produce requests can be
held while commits and heartbeats still pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field

_CHUNK_BYTES = 65_536
_PRODUCE = 0
# Size of a request, api key: the first bytes of every Kafka request.
_HEAD = struct.Struct(">ih")


@dataclass(slots=True, eq=False)
class _Link:
    """One client's connection and the broker's side of it."""

    client: asyncio.StreamWriter
    broker: asyncio.StreamWriter
    carries_produce: bool = False
    head: bytes = b""
    to_skip: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def note(self, chunk: bytes) -> None:
        """Follow the requests in the stream and remember whether one is a produce request."""
        while chunk:
            if self.to_skip:
                skipped = min(self.to_skip, len(chunk))
                self.to_skip -= skipped
                chunk = chunk[skipped:]
                continue
            wanted = _HEAD.size - len(self.head)
            self.head, chunk = self.head + chunk[:wanted], chunk[wanted:]
            if len(self.head) == _HEAD.size:
                size, api_key = _HEAD.unpack(self.head)
                self.carries_produce |= api_key == _PRODUCE
                self.to_skip = size - 2  # the api key is part of the request
                self.head = b""


class KafkaProxy:
    """Listens on `port`; `target_port` may be set later, when the broker has started."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.target_port = 0
        self.latency_seconds = 0.0
        self._links: set[_Link] = set()
        self._all_flow = asyncio.Event()
        self._produce_flows = asyncio.Event()
        self._all_flow.set()
        self._produce_flows.set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()

    def hold_produce(self) -> None:
        """Let no produce request through, and nothing else on those connections."""
        self._produce_flows.clear()

    def hold_all(self) -> None:
        """Leave every connection half-open: nothing comes through, nothing is closed."""
        self._all_flow.clear()

    def flow(self) -> None:
        """End every hold and latency."""
        self.latency_seconds = 0.0
        self._all_flow.set()
        self._produce_flows.set()

    def cut(self) -> int:
        """Close every connection; return how many there were."""
        return self._end(list(self._links), is_reset=False)

    def cut_produce(self) -> int:
        """Close the connections that carry produce requests, with all that is held of them."""
        links = [link for link in self._links if link.carries_produce]
        return self._end(links, is_reset=False)

    def reset(self) -> int:
        """Reset every connection (RST); return how many there were."""
        return self._end(list(self._links), is_reset=True)

    def _end(self, links: list[_Link], *, is_reset: bool) -> int:
        for link in links:
            if is_reset:
                _linger_not(link.client)
                _linger_not(link.broker)
            for task in link.tasks:
                task.cancel()
        return len(links)

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            upstream, broker = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            client.close()
            return
        link = _Link(client, broker)
        self._links.add(link)
        link.tasks = [
            asyncio.create_task(self._pump(link, reader, broker, is_request=True)),
            asyncio.create_task(self._pump(link, upstream, client, is_request=False)),
        ]
        await asyncio.wait(link.tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in link.tasks:
            task.cancel()
        await asyncio.gather(*link.tasks, return_exceptions=True)
        self._links.discard(link)
        for writer in (client, broker):
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _pump(
        self,
        link: _Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_request: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if is_request and not link.carries_produce:
                    link.note(chunk)
                if self.latency_seconds:
                    await asyncio.sleep(self.latency_seconds)
                if link.carries_produce:
                    await self._produce_flows.wait()
                await self._all_flow.wait()
                writer.write(chunk)
                await writer.drain()


def _linger_not(writer: asyncio.StreamWriter) -> None:
    """Have the connection reset, not closed, when it ends."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
