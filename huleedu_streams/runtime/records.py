"""The records of a fetch, of which none can keep the others from being read.

aiokafka unpacks a batch whole, however much comes of it, and ends the reading at a record that it
cannot parse; whoever owns the partition next ends there too, and so on for ever. Here a batch that
is too much or does not unpack, and a record that does not parse, come as stand-ins
(`contracts/unreadable.py`) in their places, which are dead-lettered as any poison is.

Lives here: unpacking and parsing (Kafka's record format, version 2). Not here: a batch whose
checksum is wrong, which is a fault of a disk or a network and no message.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import cramjam
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

from huleedu_streams.contracts.codec import Headers
from huleedu_streams.contracts.unreadable import Unreadable
from huleedu_streams.errors import ContractError, OversizeMessageError, UnreadableRecordError

# zstd makes 9 GB of 270 KB. The other codecs make at most a thousandfold: 270 MB at our topics.
UNPACKED_MAX_BYTES = 67_108_864
_LENGTH = struct.Struct(">i")
_LENGTH_PLACE, _MAGIC_PLACE, _LOG_OVERHEAD, _HEAD_BYTES = 8, 16, 12, 61
_LOG_APPEND_TIME = 1
_UNPACK: Mapping[int, Callable[[bytes], bytes]] = MappingProxyType(
    {
        DefaultRecordBatch.CODEC_NONE: bytes,
        DefaultRecordBatch.CODEC_GZIP: codec.gzip_decode,
        DefaultRecordBatch.CODEC_SNAPPY: codec.snappy_decode,
        DefaultRecordBatch.CODEC_LZ4: codec.lz4_decode,
        DefaultRecordBatch.CODEC_ZSTD: codec.zstd_decode,
    }
)


def read_steadily() -> None:
    """Have aiokafka's consumers of this process read with `SteadyRecords`.

    aiokafka names the class in one place and lets nobody give another.
    """
    fetcher.MemoryRecords = SteadyRecords


class SteadyRecords:
    """The batches of one fetch of one partition; stands in for aiokafka's `MemoryRecords`."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._batches = MemoryRecords(data)
        self._place = 0

    def size_in_bytes(self) -> int:
        """Return how long the fetch is."""
        return len(self._data)

    def has_next(self) -> bool:
        """Whether there is another whole batch."""
        has_next: bool = self._batches.has_next()
        return has_next

    def next_batch(self) -> Any:  # noqa: ANN401 - aiokafka's, or what can stand for it
        """Return the next batch."""
        batch: Any = self._batches.next_batch()
        begin = self._place
        (length,) = _LENGTH.unpack_from(self._data, begin + _LENGTH_PLACE)
        self._place = begin + _LOG_OVERHEAD + length
        if self._data[begin + _MAGIC_PLACE] < 2 or batch.is_control_batch:  # noqa: PLR2004 - magic
            return batch
        return _SteadyBatch(batch, self._data[begin + _HEAD_BYTES : self._place])


class _SteadyBatch:
    """A batch of which every record comes, if only as a stand-in."""

    def __init__(self, batch: Any, packed: memoryview) -> None:  # noqa: ANN401 - compiled
        self._batch = batch
        self._packed = packed

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the batch has
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        batch, read = self._batch, 0
        if batch.compression_type == DefaultRecordBatch.CODEC_ZSTD and not _fits(self._packed):
            most = f"{UNPACKED_MAX_BYTES} bytes"
            error = OversizeMessageError(f"its batch unpacks to more than {most}")
            yield from _lost(batch, batch.base_offset, error)
            return
        try:
            for record in batch:
                yield record
                read += 1
        except Exception:  # noqa: BLE001 - from compiled code, each codec with its own
            yield from self._salvaged(read)

    def _salvaged(self, read: int) -> Iterator[_Record]:
        """Yield the records behind the first `read` ones, which aiokafka does not give."""
        batch = self._batch
        try:
            records = _UNPACK[batch.compression_type](bytes(self._packed))
        except Exception:  # noqa: BLE001 - as above
            yield from _lost(batch, batch.base_offset + read, _broken("its batch does not unpack"))
            return
        place, offset = 0, batch.base_offset
        try:
            for number in range(batch.last_offset_delta + 1):
                if place == len(records):
                    return
                record, place = _parsed(batch, records, place)
                offset = record.offset + 1
                if number >= read:
                    yield record
        except (IndexError, ValueError):
            yield from _lost(batch, offset, _broken("it is no record of Kafka's format"))


@dataclass(frozen=True, slots=True)
class _Record:
    """A record as aiokafka's fetcher wants it."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    checksum: None = None


def _fits(packed: memoryview) -> bool:
    """Whether zstd unpacks this within the cap; what is not zstd at all fits."""
    # Untouched pages of it cost nothing.
    with mmap.mmap(-1, UNPACKED_MAX_BYTES) as room:
        try:
            cramjam.zstd.decompress_into(bytes(packed), room)
        except cramjam.DecompressionError as error:
            return "whole buffer" not in str(error)
    return True


def _broken(what: str) -> UnreadableRecordError:
    return UnreadableRecordError(what)


def _lost(batch: Any, begin: int, error: ContractError) -> Iterator[_Record]:  # noqa: ANN401
    """Yield a stand-in for each offset of `batch` from `begin`: their values are not to be had."""
    for offset in range(begin, batch.next_offset):
        value = Unreadable(None, error, is_lost=True)
        yield _Record(offset, batch.max_timestamp, batch.timestamp_type, None, value, ())


def _parsed(batch: Any, records: bytes, place: int) -> tuple[_Record, int]:  # noqa: ANN401
    """Return the record at `place`, and where the next one begins.

    Raises:
        IndexError, ValueError: there is no record.
    """
    length, place = decode_varint(records, place)
    end = place + length
    if length < 0 or end > len(records):
        raise ValueError("a record longer than what is left")
    delta, place = decode_varint(records, place + 1)
    number, place = decode_varint(records, place)
    key, place = _field(records, place)
    value, place = _field(records, place)
    count, place = decode_varint(records, place)
    headers: list[tuple[str, Any]] = []  # a value may be None; aiokafka's own say so too
    is_readable = True
    for _ in range(count):
        name, place = _field(records, place)
        header, place = _field(records, place)
        shown = (name or b"").decode(errors="backslashreplace")
        is_readable = is_readable and shown.encode() == name
        headers.append((shown, header))
    if place != end:
        raise ValueError("a record of another length than it says")
    if not is_readable:
        value = Unreadable(value, _broken("the name of a header is no UTF-8"))
    is_stamped = batch.timestamp_type == _LOG_APPEND_TIME
    timestamp = batch.max_timestamp if is_stamped else batch.first_timestamp + delta
    offset = batch.base_offset + number
    return _Record(offset, timestamp, batch.timestamp_type, key, value, tuple(headers)), end


def _field(records: bytes, place: int) -> tuple[bytes | None, int]:
    length, place = decode_varint(records, place)
    if length < 0:
        return None, place
    if place + length > len(records):
        raise ValueError("a field longer than what is left")
    return records[place : place + length], place + length
