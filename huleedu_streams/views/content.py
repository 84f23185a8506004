"""Texts in and out: the HTTP surface of the content store (role `content`)."""

from __future__ import annotations

from http import HTTPStatus
from uuid import uuid4

from aiohttp import web

from huleedu_streams.adapters.content_ids import (
    DEFAULT_MEDIA_TYPE,
    checked_media_type,
    is_content_id,
)
from huleedu_streams.domain.limits import derived_max_bytes
from huleedu_streams.errors import (
    ContentError,
    ContentNotFoundError,
    ContentRefusedError,
    ContentStoreUnavailableError,
)
from huleedu_streams.protocols import ContentStore
from huleedu_streams.views.guards import read_body
from huleedu_streams.views.problems import ProblemError, bad_request, not_found, unavailable
from huleedu_streams.views.server import Views, json_response, view_of

# A stored text is anybody's: a browser must not run it, nor guess that it is a page.
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}


def build_content_views(store: ContentStore, text_max_bytes: int) -> Views:
    """Return the views by path."""
    contents = ContentHandlers(store, text_max_bytes)
    return {
        "/v1/content": view_of("content-upload", post=contents.upload),
        "/v1/content/{storage_id}": view_of("content", get=contents.fetch, put=contents.replace),
    }


class ContentHandlers:
    """The handlers, over one store."""

    def __init__(self, store: ContentStore, text_max_bytes: int) -> None:
        self._store = store
        self._text_max_bytes = text_max_bytes

    async def upload(self, request: web.Request) -> web.Response:
        """Store the raw body under a new, random id."""
        body = await read_body(request, self._text_max_bytes)
        if not body:
            raise bad_request("empty-body", "send the text as the body")
        storage_id = uuid4().hex
        await self._put(request, storage_id, body)
        return json_response({"storage_id": storage_id}, HTTPStatus.CREATED)

    async def replace(self, request: web.Request, storage_id: str) -> web.Response:
        """Store the raw body under the given id, over what lies there; repeatable.

        Its cap is that of derived contents: processing logs are larger than texts.
        """
        content_id = _content_id(storage_id)
        body = await read_body(request, derived_max_bytes(self._text_max_bytes))
        await self._put(request, content_id, body)
        return json_response({"storage_id": content_id})

    async def fetch(self, request: web.Request, storage_id: str) -> web.Response:
        """Return the bytes and the media type they were stored with."""
        del request
        try:
            content = await self._store.get(_content_id(storage_id))
        except ContentNotFoundError:
            raise not_found("content") from None
        except ContentRefusedError as error:
            # Not a 5xx: that would be an outage to whoever asks, and this one never mends itself.
            raise ProblemError(
                HTTPStatus.GONE, error.code, "what is stored here is damaged; store it again"
            ) from error
        except ContentStoreUnavailableError as error:
            raise unavailable(error.code, "the content store does not answer") from error
        headers = {"Content-Type": content.media_type} | _HARMLESS
        return web.Response(body=content.body, headers=headers)

    async def _put(self, request: web.Request, storage_id: str, body: bytes) -> None:
        media_type = request.headers.get("Content-Type", DEFAULT_MEDIA_TYPE)
        try:
            checked_media_type(media_type)
        except ContentRefusedError as error:
            raise bad_request("invalid-content-type", str(error)) from None
        try:
            await self._store.put(storage_id, body, media_type)
        except ContentError as error:
            raise ProblemError(
                HTTPStatus.INTERNAL_SERVER_ERROR, error.code, "the text could not be written"
            ) from error


def _content_id(storage_id: str) -> str:
    if not is_content_id(storage_id):
        raise bad_request("invalid-id", "a content id is 32 hexadecimal digits")
    return storage_id.lower()
