"""The processing log of one essay: what was corrected, in the content store.

It is the JSON of `huleedu-streams check --json`, an entry a line. A line break cannot stand inside
a JSON string, so a page of the log is cut out of its bytes without decoding them: a log may have
16 MB, and whoever decodes that stands still meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from huleedu_streams.domain.spelling import CheckedText

# A text that is nothing but misspellings; teachers read the first hundred.
MOST_ENTRIES = 10_000
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


def pack(checked: CheckedText) -> bytes:
    """Return the log of a check; the first 10,000 entries of each list."""
    corrections = _entry_a_line(orjson.dumps(checked.corrections[:MOST_ENTRIES]))
    unknown = _entry_a_line(orjson.dumps(checked.unknown[:MOST_ENTRIES]))
    text = orjson.dumps(checked.text)
    return b'{"text":%b,\n"corrections":%b,\n"unknown":%b}' % (text, corrections, unknown)


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
            lists = (lines[2:first_end], lines[first_end + 2 : -1])
            return dict(zip(_LISTS, (_cut(each, offset, limit) for each in lists), strict=True))
    except (ValueError, IndexError):
        pass
    if len(log) > MOST_BYTES_DECODED:
        raise LogTooLargeError(f"{len(log)} bytes")
    decoded = _decoded(log)
    return {name: _page(decoded.get(name), offset, limit) for name in _LISTS}


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
