"""Whether a record fits its topic on its way back: what the broker compares with the limit."""

from __future__ import annotations

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from huleedu_streams.contracts.burials import Letter, replayed_headers

# Above what the protocol adds: the batch's head, and lengths as varints.
_BATCH_HEAD_BYTES = 128
_HEADER_HEAD_BYTES = 16
_NO_TIME = 0


def bytes_too_many(letter: Letter, limit: int) -> int:
    """Return by how many bytes a batch of nothing but `letter` is above `limit`; 0 if it fits.

    Args:
        letter: What would be sent back.
        limit: The topic's `max.message.bytes`.
    """
    if _most_bytes(letter) <= limit:  # also if compressing gains nothing
        return 0
    return max(0, _compressed_bytes(letter) - limit)


def _most_bytes(letter: Letter) -> int:
    headers = (
        len(name.encode()) + len(value or b"") + _HEADER_HEAD_BYTES
        for name, value in replayed_headers(letter)
    )
    return _BATCH_HEAD_BYTES + len(letter.place.key or b"") + letter.value_bytes + sum(headers)


def _compressed_bytes(letter: Letter) -> int:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=DefaultRecordBatch.CODEC_ZSTD,
        is_transactional=1,
        producer_id=0,
        producer_epoch=0,
        base_sequence=0,
        batch_size=0,
    )
    place = letter.place
    builder.append(0, _NO_TIME, place.key, place.value, list(replayed_headers(letter)))
    return len(builder.build())
