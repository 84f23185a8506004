"""What a request must pass before a view acts: readiness, caps, ids, bodies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol, TypeVar
from uuid import UUID

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import PayloadEncodingError
from pydantic import BaseModel, ConfigDict, ValidationError
from structlog.contextvars import bind_contextvars

from huleedu_streams.contracts.codec import TRACEPARENT, first_traceparent
from huleedu_streams.contracts.envelope import ENTITY_ID
from huleedu_streams.views.problems import ProblemError, bad_request, unavailable

_MOST_FAULTS = 100
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
    if ENTITY_ID.match(value) is None:
        raise bad_request("invalid-id", f"{what}: 1 to 128 letters, digits, `_` or `-`")
    return value


async def read_body(request: web.Request, max_bytes: int) -> bytes:
    """Return the body, unpacked if the client packed it.

    Raises:
        ProblemError: 413 as soon as more than `max_bytes` have come; 400, it is not packed as its
            `Content-Encoding` says, or does not come to its end.
    """
    body = bytearray()
    if (request.content_length or 0) <= max_bytes:
        try:
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    break
            else:
                return bytes(body)
        except (web.RequestPayloadError, PayloadEncodingError, ClientPayloadError) as error:
            raise _unreadable("undecodable-body", "the body is not what its headers say") from error
        except ConnectionError as error:
            raise _unreadable("incomplete-body", "the body did not come to its end") from error
    raise ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"the body's cap is {max_bytes} bytes"
    )


def _unreadable(code: str, detail: str) -> ProblemError:
    # What is left of the body cannot be told from a next request.
    return ProblemError(HTTPStatus.BAD_REQUEST, code, detail, {"Connection": "close"})


async def read_json(request: web.Request, model: type[BodyT], max_bytes: int) -> BodyT:
    """Return the JSON body as a `model`.

    Raises:
        ProblemError: 413 over the cap; 400 naming the first fault, never its value.
    """
    body = await read_body(request, max_bytes)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.error_count() > _MOST_FAULTS:  # each becomes objects that nobody will see
            many = f"the body: {error.error_count()} of its members are wrong"
            raise bad_request("invalid-body", many) from None
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"][:4])[:120] or "the body"
        raise bad_request("invalid-body", f"{place}: {_in_our_words(first)}"[:300]) from None


def _in_our_words(fault: Mapping[str, object]) -> str:
    """Return what is wrong without the words of the library that found it."""
    kind, said = str(fault["type"]), str(fault["msg"]).removeprefix("Value error, ")
    if kind == "value_error":
        return said
    words = {
        "missing": "is missing",
        "extra_forbidden": "is no member of this request",
        "json_invalid": "is no JSON",
        "model_type": "must be a JSON object",
        "string_pattern_mismatch": "has not the shape it must have",
    }
    return words.get(kind) or said.removeprefix("Input ").replace("valid ", "")


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
    """Return the `X-Correlation-ID` header as a UUID, else `fallback`; log lines carry it."""
    chosen = given_correlation_id(request) or fallback
    bind_contextvars(correlation_id=str(chosen))
    return chosen


def given_correlation_id(request: web.Request) -> UUID | None:
    """Return the `X-Correlation-ID` header, if it is a UUID."""
    try:
        return UUID(request.headers["X-Correlation-ID"])
    except (KeyError, ValueError):
        return None


def traceparent(request: web.Request) -> bytes | None:
    """Return the W3C `traceparent` header if it is one."""
    value = request.headers.get(TRACEPARENT, "")
    return first_traceparent(((TRACEPARENT, value.encode("utf-8", "surrogateescape")),))
