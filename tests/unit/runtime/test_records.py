from __future__ import annotations

import os

import cramjam
import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch

from huleedu_streams.contracts.codec import Headers
from huleedu_streams.contracts.unreadable import Unreadable
from huleedu_streams.runtime.records import UNPACKED_MAX_BYTES, SteadyRecords
from tests.raw_records import (
    SHOWN_NAME,
    a_batch,
    resealed,
    unreadable_header,
    with_unreadable_names,
)

ZSTD = DefaultRecordBatch.CODEC_ZSTD
CODECS = (0, DefaultRecordBatch.CODEC_GZIP, DefaultRecordBatch.CODEC_LZ4, ZSTD)
HEADERS: Headers = (("event_id", b"1"), ("twice", b"1"), ("twice", b"2"))


def read(data: bytes, begin: int = 0) -> list[ConsumerRecord[bytes, bytes]]:
    """Return what a consumer of aiokafka's makes of a fetch."""
    place = TopicPartition("a.v1", 3)
    how = {"check_crcs": True, "isolation_level": fetcher.READ_UNCOMMITTED}
    return list(fetcher.PartitionRecords(place, SteadyRecords(data), [], begin, None, None, **how))


def unreadable(record: ConsumerRecord[bytes, bytes]) -> Unreadable:
    assert isinstance(record.value, Unreadable)
    return record.value


@pytest.mark.parametrize("codec", CODECS)
def test_records_come_as_they_are_with_every_codec(codec: int) -> None:
    records = read(a_batch(b"a", None, b"c", codec=codec, headers=HEADERS))

    assert [(one.offset, one.key, one.value) for one in records] == [
        (0, b"k", b"a"),
        (1, b"k", None),
        (2, b"k", b"c"),
    ]
    assert {one.headers for one in records} == {HEADERS}


def test_name_that_is_no_utf8_makes_a_stand_in_with_the_value() -> None:
    batch = with_unreadable_names(a_batch(b"a", headers=(*HEADERS, unreadable_header())))

    (record,) = read(batch)

    assert (record.offset, record.key, record.timestamp) == (0, b"k", 1_000)
    assert record.headers == (*HEADERS, (SHOWN_NAME, b"1"))
    value = unreadable(record)
    assert (value.original, value.is_lost, value.error.code) == (b"a", False, "unreadable")


def test_neighbours_of_an_unreadable_record_are_read_as_they_are() -> None:
    good, bad = a_batch(b"a", b"b"), a_batch(b"c", headers=(unreadable_header(),))
    third = bytearray(with_unreadable_names(bad))
    third[0:8] = (2).to_bytes(8)
    fourth = bytearray(a_batch(b"d"))
    fourth[0:8] = (3).to_bytes(8)

    records = read(good + resealed(third) + resealed(fourth), begin=1)

    assert [one.offset for one in records] == [1, 2, 3]
    assert (records[0].value, records[2].value) == (b"b", b"d")
    assert unreadable(records[1]).original == b"c"


def test_zstd_that_unpacks_beyond_the_cap_is_never_unpacked_whole() -> None:
    batch = bytearray(a_batch(b"a", b"b", codec=ZSTD))
    bomb = bytes(cramjam.zstd.compress(bytes(UNPACKED_MAX_BYTES + 1)))
    batch[61:] = bomb
    batch[8:12] = (len(batch) - 12).to_bytes(4)

    records = read(resealed(batch))

    assert [one.offset for one in records] == [0, 1]
    assert {unreadable(one).error.code for one in records} == {"oversize"}
    assert all(unreadable(one).is_lost for one in records)


@pytest.mark.parametrize("codec", [DefaultRecordBatch.CODEC_GZIP, ZSTD])
def test_batch_that_does_not_unpack_costs_its_own_records_alone(codec: int) -> None:
    batch = bytearray(a_batch(b"a", b"b", codec=codec))
    batch[61:] = os.urandom(len(batch) - 61)
    after = bytearray(a_batch(b"c"))
    after[0:8] = (2).to_bytes(8)

    records = read(resealed(batch) + resealed(after))

    assert [one.offset for one in records] == [0, 1, 2]
    assert {unreadable(one).error.code for one in records[:2]} == {"unreadable"}
    assert records[2].value == b"c"


def test_record_cut_short_makes_stand_ins_from_there_to_its_batch_end() -> None:
    batch = bytearray(a_batch(b"first", b"second", b"third"))
    place = batch.index(b"second")
    batch[place - 1] = 0x7E  # its length: 63

    records = read(resealed(batch))

    assert [one.offset for one in records] == [0, 1, 2]
    assert records[0].value == b"first"
    assert all(unreadable(one).is_lost for one in records[1:])
