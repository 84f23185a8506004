"""The processing log of one essay: what was corrected, in the content store.

It is the JSON of `huleedu-streams check --json`, an entry a line. A line break cannot stand inside
a JSON string, so a page of the log is cut out of its bytes without decoding them: a log may have
16 MB, and whoever decodes that stands still meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from huleedu_streams.domain.limits import MAX_LISTED_WORDS
from huleedu_streams.domain.spelling import CheckedText

# A log in another shape is decoded whole: up to here that takes a few milliseconds.
MOST_BYTES_DECODED = 262_144
_LISTS = ("corrections", "unknown")


class LogTooLargeError(ValueError):
    """The log is in another shape, and too large to be decoded beside other work."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of one list of a log: its entries as JSON, and how many the list has."""

    entries: list[bytes]
    total: int


def pack(checked: CheckedText, max_bytes: int | None = None) -> bytes:
    """Return the log of a check.

    Each list holds the first 5,000 of its words, fewer if the log would be longer than
    `max_bytes`; then `truncated` is true. The count in the result event is always the whole.
    """
    listed = MAX_LISTED_WORDS
    while True:
        log = _log(checked, listed)
        if max_bytes is None or len(log) <= max_bytes or listed == 0:
            return log
        listed //= 2


def pages(log: bytes, offset: int, limit: int) -> dict[str, Page]:
    """Return `limit` entries of each list, from the one at `offset` on.

    A log in the shape of another service has no entries.

    Raises:
        LogTooLargeError: it is not an entry a line, and large.
    """
    # One walk over the log; each further one would cost as much.
    lines = log.split(b"\n")
    try:
        first_end = lines.index(b"],", 2)
        if (lines[1], lines[first_end + 1]) == (b'"corrections":[', b'"unknown":['):
            lists = (lines[2:first_end], lines[first_end + 2 : -2])
            return dict(zip(_LISTS, (_cut(each, offset, limit) for each in lists), strict=True))
    except (ValueError, IndexError):
        pass
    if len(log) > MOST_BYTES_DECODED:
        raise LogTooLargeError(f"{len(log)} bytes")
    decoded = _decoded(log)
    return {name: _page(decoded.get(name), offset, limit) for name in _LISTS}


def is_truncated(log: bytes) -> bool:
    """Whether more was found than the log lists."""
    return log.endswith(b'"truncated":true}')


def _log(checked: CheckedText, listed: int) -> bytes:
    is_cut = max(len(checked.corrections), len(checked.unknown)) > listed
    return b'{"text":%b,\n"corrections":%b,\n"unknown":%b,\n"truncated":%b}' % (
        orjson.dumps(checked.text),
        _entry_a_line(orjson.dumps(checked.corrections[:listed])),
        _entry_a_line(orjson.dumps(checked.unknown[:listed])),
        orjson.dumps(checked.is_abridged or is_cut),
    )


def _entry_a_line(entries: bytes) -> bytes:
    # No string holds these bytes: a quotation mark in one is escaped.
    return b"[\n" + entries[1:-1].replace(b'},{"', b'},\n{"') + b"\n]"


def _cut(lines: list[bytes], offset: int, limit: int) -> Page:
    total = len(lines) if lines[0] else 0
    kept = lines[offset : offset + limit] if total else []
    return Page([line.removesuffix(b",") for line in kept], total)


def _decoded(log: bytes) -> dict[str, object]:
    try:
        decoded = orjson.loads(log)
    except orjson.JSONDecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _page(entries: object, offset: int, limit: int) -> Page:
    if not isinstance(entries, list):
        return Page([], 0)
    return Page([orjson.dumps(one) for one in entries[offset : offset + limit]], len(entries))
