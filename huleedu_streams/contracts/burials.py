"""Dead letters read back: what lies in a dead-letter topic, and the original it was made of.

A dead-letter topic holds two kinds of record: dead letters, and marks that say which of them were
replayed. Others may write there too, so nothing is taken for granted: a header that is missing or
no text is None here, and never an error. Not here: how dead letters are made
(`contracts/dead_letters.py`), nor any reading from Kafka.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from huleedu_streams.contracts.codec import Headers
from huleedu_streams.contracts.dead_letters import (
    ATTEMPTS,
    EXCEPTION,
    FIRST_FAILED_AT,
    MESSAGE,
    OFFSET,
    OMITTED,
    OMITTED_BYTES,
    OMITTED_SHA256,
    PARTITION,
    PROVENANCE,
    PROVENANCE_HEADERS,
    REASON,
    TOPIC,
    ConsumedRecord,
)
from huleedu_streams.errors import UnreadableRecordError

# On a record that was sent back: the dead letter that it was, `topic/partition/offset`.
REPLAYED_FROM = "huleedu.dlt.replayed-from"
# On a mark: the offset of the dead letter, in the mark's own partition, and where it went.
REPLAYED = "huleedu.dlt.replayed"
REPLAYED_TO = "huleedu.dlt.replayed-to"
# Key and value of a mark.
MARK: tuple[None, bytes] = (None, b"")
# The reason of a record that is there and that no client of ours can read.
UNREADABLE = UnreadableRecordError.code
_MARK_HEADERS = (REPLAYED, REPLAYED_TO)
# What Kafka Streams adds beside the names that we use too.
_FOREIGN_HEADERS = PROVENANCE_HEADERS | {"__streams.errors.stacktrace"}
_LONGEST_NUMBER = 19


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record was read when it failed; what is not said or not sensible is None."""

    topic: str | None
    partition: int | None
    offset: int | None


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter as it lies in its topic.

    Attributes:
        place: Topic, partition and offset of the letter itself; key, value and all headers.
        stored_at: When the broker took it, UTC.
        headers: The original's headers, as they were when it was consumed.
        origin: Where the original lay.
        reason: Why, e.g. `undecodable`; None = nobody says, so it is not of our making.
        exception: The error's class, dotted.
        message: What the error said.
        attempts: How often handling was tried.
        first_failed_at: When it failed first, as it is written.
        omitted: What could not be kept of the original, in words; None = nothing.
        is_readable: Whether our clients can read the letter itself.
    """

    place: ConsumedRecord
    stored_at: datetime
    headers: Headers
    origin: Origin
    reason: str | None
    exception: str | None
    message: str | None
    attempts: int | None
    first_failed_at: str | None
    omitted: str | None = None
    is_readable: bool = True

    @property
    def name(self) -> str:
        """`partition/offset`, its name within its topic."""
        return f"{self.place.partition}/{self.place.offset}"

    @property
    def value_bytes(self) -> int:
        """How long its value is."""
        return len(self.place.value or b"")


def read_letter(record: ConsumedRecord, stored_at: datetime) -> Letter:
    """Return what a record of a dead-letter topic says. Never raises, whatever it holds."""
    headers, added = _split(record.headers)
    said = dict(added)

    def text(name: str) -> str | None:
        value = said.get(name)
        return None if value is None else value.decode("utf-8", errors="replace")

    return Letter(
        place=record,
        stored_at=stored_at,
        headers=headers,
        origin=Origin(text(TOPIC), _number(said.get(PARTITION)), _number(said.get(OFFSET))),
        reason=text(REASON),
        exception=text(EXCEPTION),
        message=text(MESSAGE),
        attempts=_number(said.get(ATTEMPTS)),
        first_failed_at=text(FIRST_FAILED_AT),
        omitted=_omitted(text(OMITTED_BYTES), text(OMITTED_SHA256)),
    )


def replayed_headers(letter: Letter) -> Headers:
    """Return the headers of the record that is sent back: the original's, and whence it comes.

    However often a record goes round, it carries one such header: the last.
    """
    place = letter.place
    source = f"{place.topic}/{place.partition}/{place.offset}"
    kept = tuple(header for header in letter.headers if header[0] != REPLAYED_FROM)
    return (*kept, (REPLAYED_FROM, source.encode()))


def mark_headers(letter: Letter, topic: str, partition: int | None) -> Headers:
    """Return the headers of the mark that says that `letter` was replayed.

    Args:
        letter: Which one; the mark goes into its partition, with `MARK` for key and value.
        topic: Where the original was sent.
        partition: Its partition there; None = by its key.
    """
    target = topic if partition is None else f"{topic}/{partition}"
    return ((REPLAYED, str(letter.place.offset).encode()), (REPLAYED_TO, target.encode()))


def marked_offset(record: ConsumedRecord) -> int | None:
    """Return the offset of the letter that `record` marks as replayed; None if it is no mark.

    A dead letter is never taken for a mark, whatever headers its original had: those of a mark
    are all that it has, and it names a letter before itself.
    """
    if (record.key, record.value) != MARK:
        return None
    if tuple(name for name, _ in record.headers) != _MARK_HEADERS:
        return None
    offset = _number(record.headers[0][1])
    return offset if offset is not None and offset < record.offset else None


def _split(headers: Headers) -> tuple[Headers, Headers]:
    """Return the original's headers, and those that burying added at their end."""
    for added in (PROVENANCE, PROVENANCE + OMITTED):
        count = len(added)
        if tuple(name for name, _ in headers[-count:]) == added:
            return headers[:-count], headers[-count:]
    original = tuple(header for header in headers if header[0] not in _FOREIGN_HEADERS)
    return original, headers


def _omitted(size: str | None, digest: str | None) -> str | None:
    if size is None:
        return None
    return f"a value of {size} bytes, sha256 {digest}" if size else "the value"


def _number(value: bytes | None) -> int | None:
    if value is None or not value.isdigit() or len(value) > _LONGEST_NUMBER:
        return None
    return int(value)
