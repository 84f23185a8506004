from __future__ import annotations

import os

from huleedu_streams.contracts.burials import read_letter
from huleedu_streams.contracts.dead_letters import ConsumedRecord
from huleedu_streams.dead_letters.fitting import bytes_too_many
from tests.builders import NOON

LIMIT = 278_528


def too_many(value: bytes | None) -> int:
    record = ConsumedRecord("a.DLT", 0, 0, b"k", value, (("case", b"1"),))
    return bytes_too_many(read_letter(record, NOON), LIMIT)


def test_small_record_fits() -> None:
    assert too_many(b"{}") == too_many(None) == 0


def test_large_record_that_compresses_well_fits() -> None:
    assert too_many(bytes(20_000_000)) == 0


def test_record_above_the_limit_also_compressed_does_not_fit() -> None:
    assert too_many(os.urandom(LIMIT)) > 0
