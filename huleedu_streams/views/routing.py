"""A state view answers from any worker: from its own table, or by one hop from the row's owner.

An answer comes from a worker whose tables are ready and that owns the key's partition, or it is a
503; so a 404 is never said by somebody who could not know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import faust
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from aiokafka.partitioner import murmur2
from yarl import URL

from huleedu_streams.views.guards import Readiness, read_body, require_ready
from huleedu_streams.views.problems import unavailable

HOP_HEADER = "X-HuleEdu-Routed"
# Bodies of requests that are routed are a few members of JSON.
_BODY_MAX_BYTES = 65_536
_REQUEST_HEADERS = (
    "Accept",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "X-Correlation-ID",
    "traceparent",
)
_RESPONSE_HEADERS = ("Content-Type", "Retry-After")


class Owners(Protocol):
    """Which worker holds a key's partition of a table."""

    def owner(self, table: str, key: str) -> URL | None:
        """Return its address; None if no worker is known to hold it."""
        ...

    def is_here(self, owner: URL) -> bool:
        """Whether that worker is this one."""
        ...


class FaustOwners:
    """Owners as the group's last assignment has them.

    Not `app.router.key_store()`: it asks the producer's metadata, which knows the partitions of a
    changelog topic only after this worker has written to it; until then it raises TypeError.
    """

    def __init__(self, app: faust.App) -> None:
        self._app = app

    def owner(self, table: str, key: str) -> URL | None:
        """Return the address of the worker whose assignment has the key's partition."""
        declared = self._app.tables[table]
        topic = declared.changelog_topic.get_topic_name()
        count = declared.partitions or self._app.conf.topic_partitions
        # Kafka's default partitioner, as the topics' producers use it.
        partition = (murmur2(key.encode()) & 0x7FFFFFFF) % count
        for address, topics in self._app.router.table_metadata(table).items():
            if partition in topics.get(topic, ()):
                return URL(address)
        return None

    def is_here(self, owner: URL) -> bool:
        """Whether the address is the one that this worker gave to its group."""
        here = URL(str(self._app.conf.canonical_url))
        return (owner.host, owner.port) == (here.host, here.port)


class PeerClient:
    """Passes a request on to another worker; close it when the app stops."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = ClientTimeout(total=timeout_seconds)
        self._session: ClientSession | None = None

    async def forward(self, request: web.Request, owner: URL) -> web.Response:
        """Return the owner's answer to `request`.

        Raises:
            ProblemError: 503, the owner cannot be reached in time.
        """
        url = owner.with_path(request.rel_url.raw_path, encoded=True)
        headers = {HOP_HEADER: "1"}
        headers |= {
            name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers
        }
        body = await read_body(request, _BODY_MAX_BYTES)
        try:
            async with self._client().request(
                request.method, url, headers=headers, data=body or None, allow_redirects=False
            ) as answer:
                kept = {
                    name: answer.headers[name]
                    for name in _RESPONSE_HEADERS
                    if name in answer.headers
                }
                return web.Response(body=await answer.read(), status=answer.status, headers=kept)
        except (ClientError, TimeoutError, OSError) as error:
            raise unavailable(
                "owner-unreachable", "the worker that holds this row does not answer; try again"
            ) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(timeout=self._timeout)
        return self._session


class StateRouter:
    """Brings each request to the worker that holds its row."""

    def __init__(self, owners: Owners, peers: PeerClient, readiness: Readiness) -> None:
        self._owners = owners
        self._peers = peers
        self._readiness = readiness

    async def answer(
        self,
        request: web.Request,
        table: str,
        key: str,
        here: Callable[[], Awaitable[web.Response]],
    ) -> web.Response:
        """Return `here()` if this worker holds the row, else the owner's answer.

        Raises:
            ProblemError: 503, this worker is not ready, or no owner is known or reachable.
        """
        require_ready(self._readiness)
        owner = self._owners.owner(table, key)
        if owner is None:
            raise unavailable("owner-unknown", "no worker holds this row yet; try again")
        if self._owners.is_here(owner):
            return await here()
        if HOP_HEADER in request.headers:
            raise unavailable("owner-moving", "this row is moving between workers; try again")
        return await self._peers.forward(request, owner)
