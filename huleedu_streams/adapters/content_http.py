"""A ContentStore behind HTTP: the `content` role of another worker, or what speaks like it.

`GET <base>/<id>` and `PUT <base>/<id>`. Redirects are not followed and compressed answers are not
unpacked: both are an address or a proxy set wrongly, so they count as an outage (agents wait, no
essay fails). So does 401: a token that was changed must not fail a whole batch.
"""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import NoReturn

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector

from huleedu_streams.adapters.content_ids import (
    DEFAULT_MEDIA_TYPE,
    checked_id,
    checked_media_type,
)
from huleedu_streams.errors import (
    ContentNotFoundError,
    ContentRefusedError,
    ContentStoreUnavailableError,
)
from huleedu_streams.protocols import StoredContent

# As many as an agent's window holds events by default.
_CONNECTIONS = 64
_CHUNK_BYTES = 65_536
# A well-formed id that is nobody's: what is written and read there proves route, token and disk.
PROBE_ID = "0" * 32
# More than most essays: a disk may have room for a byte and for no text.
_PROBE_BYTES = 65_536
# A store that is just back, with a connection that hangs, must not cost the ten seconds promised.
_PROBE_SECONDS = 2.5
_ANSWERS_LATER = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


class HttpContentStore:
    """Contents by HTTP, over one pool of connections made in the loop that first asks."""

    def __init__(
        self, base_url: str, *, timeout_seconds: float, max_bytes: int, token: str | None = None
    ) -> None:
        """Take the address, e.g. `http://content_service:6066/v1/content`.

        Args:
            base_url: Where ids are appended to.
            timeout_seconds: Bound on one request, body included.
            max_bytes: Largest content read.
            token: Bearer token, if the store wants one.
        """
        self._base_url = base_url.rstrip("/")
        self._timeout = ClientTimeout(total=timeout_seconds)
        self._max_bytes = max_bytes
        self._headers = {"Accept-Encoding": "identity"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._session: ClientSession | None = None

    async def get(self, storage_id: str) -> StoredContent:
        """Fetch a content; see `ContentStore.get`."""
        url = self._url(checked_id(storage_id))
        try:
            async with self._client().get(url, allow_redirects=False) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    raise ContentNotFoundError("the content store has no text under this id")
                if response.status != HTTPStatus.OK:
                    self._refuse(response.status)
                body = await self._read(response)
        except (ClientError, TimeoutError, OSError) as error:
            raise self._unavailable(error) from error
        return StoredContent(body, response.headers.get("Content-Type", DEFAULT_MEDIA_TYPE))

    async def put(self, storage_id: str, body: bytes, media_type: str) -> None:
        """Store a content; see `ContentStore.put`."""
        url = self._url(checked_id(storage_id))
        headers = {"Content-Type": checked_media_type(media_type)}
        try:
            async with self._client().put(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                if response.status not in (
                    HTTPStatus.OK,
                    HTTPStatus.CREATED,
                    HTTPStatus.NO_CONTENT,
                ):
                    self._refuse(response.status)
        except (ClientError, TimeoutError, OSError) as error:
            raise self._unavailable(error) from error

    async def is_healthy(self) -> bool:
        """Whether the store takes a text and gives it back, now and soon.

        One that takes no writes from us, for good, may still be asked.
        """
        probe = b"?" * min(_PROBE_BYTES, self._max_bytes)
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                with contextlib.suppress(ContentRefusedError):
                    await self.put(PROBE_ID, probe, DEFAULT_MEDIA_TYPE)
                with contextlib.suppress(ContentNotFoundError):
                    await self.get(PROBE_ID)
        except (ContentRefusedError, ContentStoreUnavailableError, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _url(self, content_id: str) -> str:
        return f"{self._base_url}/{content_id}"

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=_CONNECTIONS),
                timeout=self._timeout,
                headers=self._headers,
                auto_decompress=False,
            )
        return self._session

    async def _read(self, response: ClientResponse) -> bytes:
        """Read the body; a short one raises from aiohttp, which counts as an outage."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ContentStoreUnavailableError(
                f"{self._base_url} compresses its answers; turn that off in the proxy before it"
            )
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._max_bytes:
                raise ContentRefusedError(f"the content is larger than {self._max_bytes} bytes")
        return bytes(body)

    def _refuse(self, status: int) -> NoReturn:
        """Raise what the status means; the answer's body is not shown, it may be a text."""
        answer = f"{self._base_url} answers {status}"
        if status == HTTPStatus.UNAUTHORIZED:
            raise ContentStoreUnavailableError(f"{answer}; mend HULEEDU_CONTENT_STORE_TOKEN")
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            if status in _ANSWERS_LATER:
                raise ContentStoreUnavailableError(answer)
            raise ContentRefusedError(answer)
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            answer += "; set HULEEDU_CONTENT_STORE_URL to the address it redirects to"
        raise ContentStoreUnavailableError(answer)

    def _unavailable(self, error: Exception) -> ContentStoreUnavailableError:
        # What an error says of itself may quote the answer, and that may be a text.
        what = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        said = error.strerror if isinstance(error, OSError) and error.errno else None
        return ContentStoreUnavailableError(
            f"{self._base_url}: {what}{f', {said}' if said else ''}"
        )
