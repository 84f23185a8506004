"""What every content store holds its callers to: the shape of ids and media types."""

from __future__ import annotations

import re

from huleedu_streams.errors import ContentRefusedError

_ID = re.compile(r"[0-9a-fA-F]{32}\Z")
_MEDIA_TYPE = re.compile(r"[\x20-\x7e]{1,255}\Z")

DEFAULT_MEDIA_TYPE = "application/octet-stream"


def is_content_id(value: str) -> bool:
    """Whether `value` is an id of the content store, in either case."""
    return _ID.match(value) is not None


def checked_id(storage_id: str) -> str:
    """Return the id in lower case.

    Raises:
        ContentRefusedError: it is not 32 hexadecimal digits; no store gives out such an id.
    """
    if not is_content_id(storage_id):
        raise ContentRefusedError("a content id is 32 hexadecimal digits")
    return storage_id.lower()


def checked_media_type(media_type: str) -> str:
    """Return `media_type`, which is one line of printable ASCII.

    Raises:
        ContentRefusedError: it is not, so no header and no file could carry it.
    """
    if _MEDIA_TYPE.match(media_type) is None:
        raise ContentRefusedError("a media type is one line of at most 255 printable characters")
    return media_type
