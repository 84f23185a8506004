"""What a request must pass before a view acts: readiness, caps, ids, bodies."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Protocol, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from huleedu_streams.contracts.codec import TRACEPARENT, first_traceparent
from huleedu_streams.views.problems import ProblemError, bad_request, unavailable

_ENTITY_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")


class Readiness(Protocol):
    """Whether this worker can answer for its tables and take work."""

    def problem(self) -> str | None:
        """Return why not, e.g. `recovering`; None if it can."""
        ...


class Body(BaseModel):
    """Base of every JSON body that a client sends: frozen, strict, no unknown members."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


BodyT = TypeVar("BodyT", bound=Body)


def require_ready(readiness: Readiness) -> None:
    """Refuse with 503 while this worker's tables are not to be trusted."""
    problem = readiness.problem()
    if problem is not None:
        raise unavailable("not-ready", f"this worker is {problem}")


def entity_id(value: str, what: str) -> str:
    """Return `value`, an essay's or a batch's id.

    Raises:
        ProblemError: 400, it has not the shape of an id.
    """
    if _ENTITY_ID.match(value) is None:
        raise bad_request("invalid-id", f"{what}: 1 to 128 letters, digits, `_` or `-`")
    return value


async def read_body(request: web.Request, max_bytes: int) -> bytes:
    """Return the body, unpacked if the client packed it.

    Raises:
        ProblemError: 413 as soon as more than `max_bytes` have come.
    """
    body = bytearray()
    if (request.content_length or 0) <= max_bytes:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > max_bytes:
                break
        else:
            return bytes(body)
    raise ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"the body's cap is {max_bytes} bytes"
    )


async def read_json(request: web.Request, model: type[BodyT], max_bytes: int) -> BodyT:
    """Return the JSON body as a `model`.

    Raises:
        ProblemError: 413 over the cap; 400 naming the first fault, never its value.
    """
    body = await read_body(request, max_bytes)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"][:4])[:120] or "the body"
        raise bad_request("invalid-body", f"{place}: {first['msg']}"[:300]) from None


def idempotency_key(request: web.Request) -> str | None:
    """Return the `Idempotency-Key` header, if there is one.

    Raises:
        ProblemError: 400, it is longer than 255 or not printable ASCII.
    """
    value = request.headers.get("Idempotency-Key")
    if value is not None and _IDEMPOTENCY_KEY.match(value) is None:
        raise bad_request("invalid-idempotency-key", "1 to 255 printable ASCII characters")
    return value


def correlation_id(request: web.Request, fallback: UUID) -> UUID:
    """Return the `X-Correlation-ID` header as a UUID, else `fallback`."""
    try:
        return UUID(request.headers["X-Correlation-ID"])
    except (KeyError, ValueError):
        return fallback


def traceparent(request: web.Request) -> bytes | None:
    """Return the W3C `traceparent` header if it is one."""
    value = request.headers.get(TRACEPARENT, "")
    return first_traceparent(((TRACEPARENT, value.encode("utf-8", "surrogateescape")),))
