"""The record of a dead letter: the original bytes, and headers that say why and whence.

Header names are those of KIP-1034 for what Kafka Streams records too, and `huleedu.dlt.…` for
the rest. No header carries essay text: messages come from `ContractError`, which never quotes
input, and of an unexpected error only the class is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from huleedu_streams.contracts.codec import Headers
from huleedu_streams.contracts.topic_names import dead_letter_topic
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
    return DeadLetter(
        topic=dead_letter_topic(record.topic),
        key=record.key,
        value=record.value,
        headers=(*record.headers, *((name, text.encode()) for name, text in why)),
    )


def reason_of(error: Exception) -> str:
    """Return the stable word for `error`: its `code`, or `unexpected`."""
    return error.code if isinstance(error, HuleeduStreamsError) else UNEXPECTED
