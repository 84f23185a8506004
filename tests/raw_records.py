"""Batches as no careful producer makes them: what lies in a log need not be what clients allow."""

from __future__ import annotations

import struct

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from huleedu_streams.contracts.codec import Headers

# A name of four bytes, and what is put in its place: no UTF-8.
_STAND_IN = "\u00e5\u00e4"
NO_UTF8_NAME = b"\xe5\xff\xe4\xfe"
SHOWN_NAME = NO_UTF8_NAME.decode(errors="backslashreplace")
_CRC_PLACE, _CRC_FROM = 17, 21


def a_batch(
    *values: bytes | None, codec: int = 0, key: bytes | None = b"k", headers: Headers = ()
) -> bytes:
    """Return a batch of these values, from offset 0."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=2**30,
    )
    for offset, value in enumerate(values):
        builder.append(offset, 1_000 + offset, key, value, list(headers))
    return bytes(builder.build())


def with_unreadable_names(batch: bytes) -> bytes:
    """Return an uncompressed batch in which each header `STAND_IN` has a name that is no UTF-8."""
    return resealed(bytearray(batch.replace(_STAND_IN.encode(), NO_UTF8_NAME)))


def resealed(batch: bytearray) -> bytes:
    """Return the batch with the checksum that it should have."""
    struct.pack_into(">I", batch, _CRC_PLACE, calc_crc32c(bytes(batch[_CRC_FROM:])))
    return bytes(batch)


def unreadable_header(value: bytes = b"1") -> tuple[str, bytes]:
    """Return the header whose name `with_unreadable_names` breaks."""
    return _STAND_IN, value


async def send_unreadable(
    producer: AIOKafkaProducer,
    topic: str,
    partition: int,
    key: bytes | None,
    value: bytes | None,
    headers: Headers = (),
) -> int:
    """Send a record with one more header, whose name is no UTF-8; return its offset."""
    batch = producer.create_batch()
    batch.append(timestamp=None, key=key, value=value, headers=[*headers, unreadable_header()])
    batch.close()
    # As the producer does itself: what is built once is what is sent.
    batch._buffer = with_unreadable_names(bytes(batch._build()))  # noqa: SLF001
    sent = await producer.send_batch(batch, topic, partition=partition)
    offset: int = (await sent).offset
    return offset
