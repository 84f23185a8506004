"""How a pool and its worker processes speak: JSON, each message after its length in four bytes."""

from __future__ import annotations

import struct
from collections import Counter
from typing import IO, Any

import orjson

from huleedu_streams.domain.limits import MAX_LISTED_WORDS
from huleedu_streams.domain.spelling import CheckedText, Correction, UnknownWord
from huleedu_streams.errors import SpellcheckFailedError

_ITEMS_A_PAGE = 500
_LENGTH = struct.Struct(">I")


def write_frame(stream: IO[bytes], body: bytes) -> None:
    """Write one message and flush it."""
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Return the next message, or None when the other side has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def write_checked(stream: IO[bytes], checked: CheckedText) -> None:
    """Write a checked text: a message with the text, then its corrections and unknown words.

    Those go in messages of bounded size, because reading one holds the reader's whole process. For
    the same reason there is a most of them; the others are counted.
    """
    listed, rest = checked.corrections[:MAX_LISTED_WORDS], checked.corrections[MAX_LISTED_WORDS:]
    items = [*listed, *checked.unknown[:MAX_LISTED_WORDS]]
    pages = [items[i : i + _ITEMS_A_PAGE] for i in range(0, len(items), _ITEMS_A_PAGE)]
    head: dict[str, Any] = {
        "text": checked.text,
        "word_count": checked.word_count,
        "pages": len(pages),
    }
    head["unlisted"] = list(Counter(correction.rule for correction in rest).items())
    head["is_abridged"] = bool(rest) or len(checked.unknown) > MAX_LISTED_WORDS
    for content in (head, *pages):
        write_frame(stream, orjson.dumps(content))


def read_checked(stream: IO[bytes]) -> CheckedText | None:
    """Return the checked text that comes next, or None when the other side has gone.

    Raises:
        SpellcheckFailedError: an error came in its place.
    """
    head = read_frame(stream)
    if head is None:
        return None
    content = orjson.loads(head)
    if "error" in content:
        raise SpellcheckFailedError(f"the checker failed: {content['error']}")
    corrections: list[Correction] = []
    unknown: list[UnknownWord] = []
    for _ in range(content["pages"]):
        page = read_frame(stream)
        if page is None:
            return None
        for item in orjson.loads(page):
            if "word" in item:
                unknown.append(UnknownWord(**item))
            else:
                item["alternatives"] = tuple(item["alternatives"])
                corrections.append(Correction(**item))
    return CheckedText(
        text=content["text"],
        corrections=tuple(corrections),
        unknown=tuple(unknown),
        word_count=content["word_count"],
        unlisted=tuple((rule, count) for rule, count in content["unlisted"]),
        is_abridged=content["is_abridged"],
    )
