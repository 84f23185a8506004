"""A worker's HTTP surface, as the commands use it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from huleedu_streams.errors import RequestRefusedError, WorkerUnavailableError
from huleedu_streams.settings import Settings

_TIMEOUT = aiohttp.ClientTimeout(total=15)
_FIRST_CLIENT_ERROR = 400
_FIRST_SERVER_ERROR = 500
_TOO_MANY_REQUESTS = 429


class WorkerClient:
    """Asks one worker. Every method raises `WorkerUnavailableError` or `RequestRefusedError`."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object at `path`."""
        return _object(await self._request("GET", path))

    async def get_text(self, path: str) -> str:
        """Return the text at `path`."""
        return (await self._request("GET", path)).decode()

    async def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Send `body` as JSON and return the JSON object that answers it."""
        return _object(await self._request("POST", path, body))

    async def is_ready(self) -> bool:
        """Whether the worker has started, has its partitions and has recovered its tables."""
        try:
            await self._request("GET", "/readyz")
        except WorkerUnavailableError:
            return False
        return True

    async def _request(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> bytes:
        try:
            async with self._session.request(method, self.url + path, json=body) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise WorkerUnavailableError(
                f"no worker answers at {self.url}: start one (huleedu-streams worker) or name "
                "another with --url"
            ) from error
        if response.status >= _FIRST_CLIENT_ERROR:
            raise _refusal(response.status, path, answer)
        return answer


@asynccontextmanager
async def open_client(url: str, token: str | None = None) -> AsyncIterator[WorkerClient]:
    """Yield a client for the worker at `url`."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT) as session:
        yield WorkerClient(url.rstrip("/"), session)


@asynccontextmanager
async def open_own_client(
    settings: Settings, url: str | None = None
) -> AsyncIterator[WorkerClient]:
    """Yield a client for the worker at `url`, or for the one that the settings describe."""
    host = settings.web_host or settings.web_bind
    address = url or f"http://{host}:{settings.web_port}"
    async with open_client(address, next(iter(settings.tokens()), None)) as client:
        yield client


def _refusal(status: int, path: str, body: bytes) -> Exception:
    try:
        detail = _object(body).get("detail", "")
    except ValueError:
        detail = ""
    message = f"{path}: {detail or 'no reason given'} (HTTP {status})"
    if status >= _FIRST_SERVER_ERROR or status == _TOO_MANY_REQUESTS:
        return WorkerUnavailableError(message)
    return RequestRefusedError(message, status)


def _object(body: bytes) -> dict[str, Any]:
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("the answer is no JSON object")  # noqa: TRY004 - as an undecodable one
    return found
