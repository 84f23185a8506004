"""A content store over HTTP whose faults are scripted, and which remembers every byte put."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import logging
from collections import Counter, defaultdict
from enum import StrEnum

from aiohttp import web

from tests.chaos.texts import CANARY

_BASE = "/v1/content/"
# What workers write and read to see whether the store is well; it is nobody's text.
PROBE_ID = "0" * 32
_HANG_SECONDS = 600.0

# Callers that hang up on a slow body are what it is for.
_SILENT = logging.getLogger(__name__)
_SILENT.setLevel(logging.CRITICAL)


class Behaviour(StrEnum):
    """How the store answers, as a whole or for one text."""

    WELL = "well"
    HANG = "hang"
    ERROR = "error"
    UNAVAILABLE = "unavailable"
    TOO_MANY = "too-many"
    SLOW_BODY = "slow-body"
    TRUNCATED = "truncated"
    WRONG_LENGTH = "wrong-length"
    REDIRECT = "redirect"
    GZIP_BOMB = "gzip-bomb"
    CLOSE = "close"
    GARBAGE = "garbage"
    NO_WRITES = "no-writes"
    REFUSE_DERIVED = "refuse-derived"


_STATUSES = {
    Behaviour.ERROR: 500,
    Behaviour.UNAVAILABLE: 503,
    Behaviour.TOO_MANY: 429,
    Behaviour.REFUSE_DERIVED: 413,
    Behaviour.NO_WRITES: 500,
}
_READS_WELL = {Behaviour.REFUSE_DERIVED, Behaviour.NO_WRITES}


class FakeContentStore:
    """Serves `GET` and `PUT /v1/content/{id}` on a loopback port that it keeps."""

    def __init__(self) -> None:
        self.behaviour = Behaviour.WELL
        self.behaviours: dict[str, Behaviour] = {}
        self.texts: dict[str, bytes] = {}
        self.puts: Counter[str] = Counter()
        self.digests: defaultdict[str, set[str]] = defaultdict(set)
        self.requests = 0
        self._runner: web.ServerRunner | None = None
        self._port = 0
        self._hanging = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{_BASE.rstrip('/')}"

    async def open(self, port: int) -> None:
        """Listen; until `refuse`, connections are accepted."""
        self._port = port
        server = web.Server(self._answer, logger=_SILENT)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()

    async def refuse(self) -> None:
        """Stop listening: connections are refused."""
        self._hanging.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._hanging = asyncio.Event()

    async def accept(self) -> None:
        """Listen again after `refuse`."""
        if self._runner is None:
            await self.open(self._port)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        text_id = request.path.removeprefix(_BASE)
        behaviour = self.behaviours.get(text_id, Behaviour.WELL)
        if self.behaviour is not Behaviour.WELL:
            behaviour = self.behaviour
        if request.method == "PUT":
            return await self._put(request, text_id, behaviour)
        return await self._get(request, text_id, behaviour)

    async def _put(
        self, request: web.BaseRequest, text_id: str, behaviour: Behaviour
    ) -> web.StreamResponse:
        body = await request.content.read()
        if behaviour in _STATUSES:
            return web.Response(status=_STATUSES[behaviour])
        if behaviour in {Behaviour.HANG, Behaviour.SLOW_BODY}:
            await self._hang()
        if behaviour in _NO_ANSWER:
            return _NO_ANSWER[behaviour](request)
        # From here on the text is kept, also where the answer then gets lost on its way.
        if text_id != PROBE_ID:
            self.puts[text_id] += 1
            self.digests[text_id].add(hashlib.sha256(body).hexdigest())
        self.texts[text_id] = body
        if behaviour in {Behaviour.TRUNCATED, Behaviour.WRONG_LENGTH, Behaviour.GZIP_BOMB}:
            return _hung_up(request)
        return web.Response(status=204)

    async def _get(
        self, request: web.BaseRequest, text_id: str, behaviour: Behaviour
    ) -> web.StreamResponse:
        if behaviour in _STATUSES and behaviour not in _READS_WELL:
            return web.Response(status=_STATUSES[behaviour], text="no")
        if behaviour is Behaviour.HANG:
            await self._hang()
        if behaviour in _NO_ANSWER:
            return _NO_ANSWER[behaviour](request)
        return await self._text(request, self.texts.get(text_id), behaviour)

    async def _text(
        self, request: web.BaseRequest, text: bytes | None, behaviour: Behaviour
    ) -> web.StreamResponse:
        if text is None:
            return web.Response(status=404, text="nothing there")
        if behaviour is Behaviour.GZIP_BOMB:
            bomb = gzip.compress(bytes(30_000_000))
            return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})
        if behaviour in {Behaviour.SLOW_BODY, Behaviour.TRUNCATED, Behaviour.WRONG_LENGTH}:
            return await self._in_part(request, text, behaviour)
        return web.Response(body=text, content_type="text/plain")

    async def _in_part(
        self, request: web.BaseRequest, text: bytes, behaviour: Behaviour
    ) -> web.StreamResponse:
        """Announce more than comes: then hang, or close, or drip."""
        extra = 10 if behaviour is Behaviour.WRONG_LENGTH else 0
        response = web.StreamResponse(headers={"Content-Length": str(len(text) + extra)})
        await response.prepare(request)
        half = len(text) // 2
        await response.write(text[:half])
        if behaviour is Behaviour.TRUNCATED:
            return _hung_up(request)
        if behaviour is Behaviour.WRONG_LENGTH:
            await response.write(text[half:])
            await self._hang()
        for place in range(half, len(text)):
            await response.write(text[place : place + 1])
            await asyncio.sleep(0.5)
        return response

    async def _hang(self) -> None:
        """Say nothing until the caller has gone or the store is closed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hanging.wait(), _HANG_SECONDS)
        raise ConnectionResetError


def _redirect(_request: web.BaseRequest) -> web.Response:
    return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/login"})


def _garbled(request: web.BaseRequest) -> web.Response:
    """Answer with a text where a status line belongs."""
    if request.transport is not None:
        request.transport.write(f"{CANARY} of an essay here\r\n\r\n".encode())
    return _hung_up(request)


def _hung_up(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


_NO_ANSWER = {
    Behaviour.REDIRECT: _redirect,
    Behaviour.CLOSE: _hung_up,
    Behaviour.GARBAGE: _garbled,
}
