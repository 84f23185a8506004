"""Errors as HTTP answers: RFC 9457 `application/problem+json`, for every error there is.

Besides the members of the RFC each carries `error`, a stable kebab-case code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from traceback import extract_tb

import orjson
import structlog
from aiohttp import web
from faust.web.exceptions import WebError

from huleedu_streams.errors import HuleeduStreamsError, TableError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = structlog.get_logger(__name__)


class ProblemError(Exception):
    """Ends a request with a problem; raised by views, turned into an answer by `problems`."""

    def __init__(
        self, status: HTTPStatus, code: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


def bad_request(code: str, detail: str) -> ProblemError:
    """Return a 400: the request is wrong and stays wrong."""
    return ProblemError(HTTPStatus.BAD_REQUEST, code, detail)


def not_found(what: str) -> ProblemError:
    """Return a 404 for `what`, e.g. `essay`."""
    return ProblemError(HTTPStatus.NOT_FOUND, "not-found", f"there is no such {what}")


def unavailable(code: str, detail: str, retry_after: int = RETRY_AFTER_SECONDS) -> ProblemError:
    """Return a 503 that says when to ask again, in seconds."""
    headers = {"Retry-After": str(retry_after)}
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, code, detail, headers)


def content_store_failed(error: HuleeduStreamsError) -> ProblemError:
    """Return a 502: the content store behind this role did not do what was asked."""
    return ProblemError(
        HTTPStatus.BAD_GATEWAY,
        error.code,
        "the content store did not take or give the text; try again",
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def problem_response(problem: ProblemError) -> web.Response:
    """Return `problem` as an answer."""
    body = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        "error": problem.code,
    }
    response = web.Response(
        body=orjson.dumps(body),
        status=problem.status.value,
        headers=problem.headers,
        content_type=MEDIA_TYPE,
    )
    if problem.headers.get("Connection") == "close":
        response.force_close()
    return response


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error of a handler, of the router and of Faust as a problem."""
    try:
        return await handler(request)
    except ProblemError as problem:
        return problem_response(problem)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return problem_response(_of_aiohttp(error))
    except TableError as error:
        return problem_response(unavailable(error.code, "this worker is about to start again"))
    except WebError as error:
        return problem_response(_of_status(HTTPStatus(error.code)))
    except Exception as error:  # noqa: BLE001 - the outermost guard of a request
        _log_unexpected(request, error)
        return problem_response(
            ProblemError(
                HTTPStatus.INTERNAL_SERVER_ERROR, "unexpected", "this request failed unexpectedly"
            )
        )


def _of_aiohttp(error: web.HTTPException) -> ProblemError:
    problem = _of_status(HTTPStatus(error.status))
    if isinstance(error, web.HTTPMethodNotAllowed):
        problem.headers["Allow"] = error.headers["Allow"]
        problem.detail = f"{error.method} is not allowed here; {problem.headers['Allow']} are"
    return problem


def _of_status(status: HTTPStatus) -> ProblemError:
    code = status.phrase.lower().replace(" ", "-")
    return ProblemError(status, code, status.description or status.phrase)


def _log_unexpected(request: web.Request, error: Exception) -> None:
    """Say where it broke; neither the message nor a traceback's lines, which may hold a text."""
    frames = extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    _log.error(
        "http_request_failed", method=request.method, error=type(error).__name__, place=place
    )
