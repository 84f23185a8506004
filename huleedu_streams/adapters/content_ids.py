"""The shape of content ids: 32 hexadecimal digits, lower case once normalised."""

from __future__ import annotations

import re

from huleedu_streams.errors import ContentRefusedError

_PATTERN = re.compile(r"[0-9a-f]{32}\Z")


def is_content_id(value: str) -> bool:
    """Whether `value` is an id of the content store, in either case."""
    return _PATTERN.match(value.lower()) is not None and value.isascii()


def checked_id(storage_id: str) -> str:
    """Return the id in lower case.

    Raises:
        ContentRefusedError: it is not 32 hexadecimal digits; no store gives out such an id.
    """
    if not is_content_id(storage_id):
        raise ContentRefusedError("a content id is 32 hexadecimal digits")
    return storage_id.lower()
