"""A state view answers from any worker: from its own table, or by one hop from the row's owner.

An answer comes from a worker whose tables are ready and that owns the key's partition, or it is a
503; so a 404 is never said by somebody who could not know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import faust
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, web
from faust.types import TP
from yarl import URL

from huleedu_streams.adapters.kafka_batches import partition_of
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
_RESPONSE_HEADERS = ("Content-Length", "Content-Type", "Retry-After")
_SAFE_METHODS = frozenset({"GET", "HEAD"})


class Owners(Protocol):
    """Which worker holds a key's partition of a table."""

    def is_here(self, table: str, key: str) -> bool:
        """Whether it is this one."""
        ...

    def owner(self, table: str, key: str) -> URL | None:
        """Return its address; None if no worker is known to hold it."""
        ...


class FaustOwners:
    """Owners as the group's last assignment has them.

    Not `app.router.key_store()`: it asks the producer's metadata, which knows the partitions of a
    changelog topic only after this worker has written to it; until then it raises TypeError.
    """

    def __init__(self, app: faust.App) -> None:
        self._app = app

    def is_here(self, table: str, key: str) -> bool:
        """Whether this worker was assigned the partition; addresses say nothing of it.

        Two workers may have given their group the same address; both would believe to be each
        other, and say that there is no such row.
        """
        return self._partition(table, key) in self._app.assignor.assigned_actives()

    def owner(self, table: str, key: str) -> URL | None:
        """Return the address of the worker whose assignment has the key's partition."""
        topic, partition = self._partition(table, key)
        for address, topics in self._app.router.table_metadata(table).items():
            if partition in topics.get(topic, ()):
                return URL(address)
        return None

    def _partition(self, table: str, key: str) -> TP:
        declared = self._app.tables[table]
        count = declared.partitions or self._app.conf.topic_partitions
        return TP(declared.changelog_topic.get_topic_name(), partition_of(key.encode(), count))


class PeerClient:
    """Passes a request on to another worker; close it when the app stops."""

    def __init__(self, timeout_seconds: float, publish_timeout_seconds: float) -> None:
        """Make a client.

        Args:
            timeout_seconds: How long the owner may take to begin its answer, and to go on with it.
            publish_timeout_seconds: How much longer, where it has to publish something first.
        """
        self._timeout_seconds = timeout_seconds
        self._publish_timeout_seconds = publish_timeout_seconds
        self._session: ClientSession | None = None

    async def forward(self, request: web.Request, owner: URL) -> web.StreamResponse:
        """Pass the owner's answer to `request` through.

        Raises:
            ProblemError: 503, the owner cannot be reached in time.
        """
        url = URL(f"{owner.origin()}{request.rel_url.raw_path_qs}", encoded=True)
        headers = {HOP_HEADER: "1"}
        headers |= {
            name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers
        }
        body = await read_body(request, _BODY_MAX_BYTES)
        patience = self._timeout_seconds
        if request.method not in _SAFE_METHODS:
            # A client that reads 503 asks again: better to wait for what the owner says.
            patience += self._publish_timeout_seconds
        try:
            async with asyncio.timeout(patience):
                answer = await self._client().request(
                    request.method, url, headers=headers, data=body or None, allow_redirects=False
                )
        except (ClientError, TimeoutError, OSError) as error:
            raise unavailable(
                "owner-unreachable", "the worker that holds this row does not answer; try again"
            ) from error
        async with answer:
            return await self._pass_on(request, answer)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _pass_on(self, request: web.Request, answer: ClientResponse) -> web.StreamResponse:
        kept = {name: answer.headers[name] for name in _RESPONSE_HEADERS if name in answer.headers}
        response = web.StreamResponse(status=answer.status, headers=kept)
        await response.prepare(request)
        try:
            while True:
                async with asyncio.timeout(self._timeout_seconds):
                    chunk = await answer.content.readany()
                if not chunk:
                    break
                await response.write(chunk)
            await response.write_eof()
        except (ClientError, TimeoutError, OSError):
            # The status is sent already: a connection that ends early is all that can be said.
            if request.transport is not None:
                request.transport.abort()
        return response

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=None))
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
        here: Callable[[], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Return `here()` if this worker holds the row, else the owner's answer.

        Raises:
            ProblemError: 503, this worker is not ready, or no owner is known or reachable.
        """
        require_ready(self._readiness)
        if self._owners.is_here(table, key):
            return await here()
        owner = self._owners.owner(table, key)
        if owner is None:
            raise unavailable("owner-unknown", "no worker holds this row yet; try again")
        if HOP_HEADER in request.headers:
            raise unavailable("owner-moving", "this row is moving between workers; try again")
        return await self._peers.forward(request, owner)
