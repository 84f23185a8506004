"""A page of an essay's corrections, cut out of its processing log without decoding it."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import NamedTuple

import orjson
from aiohttp import web

from huleedu_streams.contracts.processing_log import LogTooLargeError, Page, is_truncated, pages
from huleedu_streams.views.problems import ProblemError, bad_request
from huleedu_streams.views.server import JSON_HEADERS

DEFAULT_LIMIT = 1_000
MOST_LIMIT = 5_000
_NUMBER = re.compile(r"[0-9]{1,10}\Z")


class Window(NamedTuple):
    """Which entries of each list are asked for."""

    offset: int
    limit: int


def window_of(request: web.Request) -> Window:
    """Return what `?offset=&limit=` ask for; without them the first 1,000.

    Raises:
        ProblemError: 400, one of them is no number or out of bounds.
    """
    return Window(
        _number(request, "offset", 0, 0, 10**9),
        _number(request, "limit", DEFAULT_LIMIT, 1, MOST_LIMIT),
    )


async def corrections_answer(essay_id: str, log: bytes, window: Window) -> web.Response:
    """Return the page as JSON; `next_offset` is null on the last one.

    Raises:
        ProblemError: 409, the log is in an older shape and too large to be shown here.
    """
    try:
        lists = await asyncio.to_thread(pages, log, window.offset, window.limit)
    except LogTooLargeError:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            "log-not-paged",
            "the processing log is in an older shape and too large to be shown in pages; read it"
            " whole at the content store, or retry the essay",
        ) from None
    end = window.offset + window.limit
    head = {
        "essay_id": essay_id,
        "offset": window.offset,
        "limit": window.limit,
        "next_offset": end if any(page.total > end for page in lists.values()) else None,
        "truncated": is_truncated(log),
    } | {f"{name}_total": page.total for name, page in lists.items()}
    body = b"".join([orjson.dumps(head)[:-1], *_members(lists), b"}"])
    return web.Response(body=body, headers=JSON_HEADERS)


def _members(lists: dict[str, Page]) -> list[bytes]:
    return [
        b',"' + name.encode() + b'":[' + b",".join(page.entries) + b"]"
        for name, page in lists.items()
    ]


def _number(request: web.Request, name: str, default: int, least: int, most: int) -> int:
    given = request.query.get(name)
    if given is None:
        return default
    if _NUMBER.match(given) is None or not least <= int(given) <= most:
        raise bad_request(f"invalid-{name}", f"{name}: a number from {least} to {most}")
    return int(given)
