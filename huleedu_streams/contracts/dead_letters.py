"""The record of a dead letter: the original bytes, and headers that say why and whence.

Header names are those of KIP-1034 for what Kafka Streams records too, and `huleedu.dlt.…` for
the rest. No header carries essay text: messages come from `ContractError`, which never quotes
input, and of an unexpected error only the class is named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from huleedu_streams.contracts.codec import Headers
from huleedu_streams.contracts.topic_names import dead_letter_topic
from huleedu_streams.contracts.unreadable import Unreadable
from huleedu_streams.errors import HuleeduStreamsError

EXCEPTION = "__streams.errors.exception"
MESSAGE = "__streams.errors.message"
TOPIC = "__streams.errors.topic"
PARTITION = "__streams.errors.partition"
OFFSET = "__streams.errors.offset"
REASON = "huleedu.dlt.reason"
ATTEMPTS = "huleedu.dlt.attempts"
FIRST_FAILED_AT = "huleedu.dlt.first-failed-at"
# In the order in which they are written; what stands before them is the original's own.
PROVENANCE = (EXCEPTION, MESSAGE, TOPIC, PARTITION, OFFSET, REASON, ATTEMPTS, FIRST_FAILED_AT)
PROVENANCE_HEADERS = frozenset(PROVENANCE)
# Behind those in a letter that could not be kept whole; empty where nobody knows.
OMITTED_BYTES = "huleedu.dlt.omitted-bytes"
OMITTED_SHA256 = "huleedu.dlt.omitted-sha256"
OMITTED = (OMITTED_BYTES, OMITTED_SHA256)
UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True)
class ConsumedRecord:
    """A record as it was read: nothing decoded, headers in their order."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record for a dead-letter topic: the original's key, value and headers, then ours."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


def dead_letter(
    record: ConsumedRecord, error: Exception, *, tries: int, first_failed_at: datetime
) -> DeadLetter:
    """Return the dead letter of `record`, whose handling ended in `error`.

    Args:
        record: What was consumed.
        error: A `HuleeduStreamsError` gives its `code` as reason; anything else is `unexpected`.
        tries: How often handling was tried, 1 for poison.
        first_failed_at: When it failed first, UTC.
    """
    known = isinstance(error, HuleeduStreamsError)
    why: Sequence[tuple[str, str]] = (
        (EXCEPTION, f"{type(error).__module__}.{type(error).__qualname__}"),
        (MESSAGE, str(error) if known else "see the log line dead_lettered of this record"),
        (TOPIC, record.topic),
        (PARTITION, str(record.partition)),
        (OFFSET, str(record.offset)),
        (REASON, reason_of(error)),
        (ATTEMPTS, str(tries)),
        (FIRST_FAILED_AT, first_failed_at.isoformat()),
    )
    value = record.value
    return DeadLetter(
        topic=dead_letter_topic(record.topic),
        key=record.key,
        value=value.original if isinstance(value, Unreadable) else value,
        headers=(
            *record.headers,
            *((name, text.encode()) for name, text in why),
            *((name, b"") for name in OMITTED if isinstance(value, Unreadable) and value.is_lost),
        ),
    )


def smaller_letters(letter: DeadLetter) -> Iterator[DeadLetter]:
    """Yield what to bury where the dead-letter topic takes `letter` for too large.

    First without its value, then with nothing but the headers that say why and whence: the key
    and the original's headers may be what is too large.
    """
    value = letter.value or b""
    names = tuple(name for name, _ in letter.headers)
    ours = letter.headers
    if names[-len(OMITTED) :] != OMITTED:
        digest = hashlib.sha256(value).hexdigest()
        facts = zip(OMITTED, (str(len(value)), digest), strict=True)
        ours = (*ours, *((name, text.encode()) for name, text in facts))
    yield replace(letter, value=None, headers=ours)
    yield replace(letter, key=None, value=None, headers=ours[-len(PROVENANCE + OMITTED) :])


def reason_of(error: Exception) -> str:
    """Return the stable word for `error`: its `code`, or `unexpected`."""
    return error.code if isinstance(error, HuleeduStreamsError) else UNEXPECTED
