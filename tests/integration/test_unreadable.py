"""Records that no careful producer makes: each ends as a dead letter, and no worker with it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import cramjam
import pytest
from aiokafka import ConsumerRecord
from aiokafka.record._crecords import default_records

from huleedu_streams.contracts import dead_letters
from huleedu_streams.contracts.topic_names import dead_letter_topic
from tests.builders import REQUESTED
from tests.integration.essays import SUCCESS, a_batch, completed_batch
from tests.integration.kafka import evict_members, produce, producing, tapped
from tests.integration.letters import Dlt
from tests.integration.workers import APP_ID, Site, talking_to, wait_until_ready
from tests.raw_records import SHOWN_NAME, send_unreadable

pytestmark = pytest.mark.kafka

LETTERS = dead_letter_topic(REQUESTED)
PARTITION = 2


@dataclass(frozen=True, slots=True)
class Odd:
    """A record, and what its letter holds.

    Attributes:
        is_whole: Whether the letter has the value.
    """

    case: str
    value: bytes
    reason: str
    is_whole: bool = True


# 60 KB as zstd, 1.2 MB as gzip.
FAR_REPEATS = Odd("far-repeats", os.urandom(60_000) * 20, "oversize")
# Further apart than a compressor of our level looks: the letter does not fit whole.
TOO_FAR_REPEATS = Odd(
    "too-far-repeats", (os.urandom(200_000) + bytes(3_000_000)) * 3, "oversize", is_whole=False
)
BOMB = Odd("bomb", bytes(200_000_000), "oversize", is_whole=False)
NO_NAME = Odd("no-name", b"{}", "unreadable")
ODDS = (FAR_REPEATS, TOO_FAR_REPEATS, BOMB, NO_NAME)


def packed_hard(payload: bytes) -> bytes:
    """Compress as a producer does that takes its time: over a window of 8 MB."""
    return bytes(cramjam.zstd.compress(payload, level=19))


def is_of(record: ConsumerRecord, odd: Odd, places: dict[str, int]) -> bool:
    added = dict(record.headers)
    # Marks of replays lie in the topic, too, and name no place.
    place = (added.get(dead_letters.PARTITION), added.get(dead_letters.OFFSET))
    return place == (str(PARTITION).encode(), str(places[odd.case]).encode())


async def send_odd(bootstrap: str) -> dict[str, int]:
    """Send them all into one partition; return their offsets."""
    places = {}
    async with producing(
        bootstrap, compression_type="zstd", max_request_size=300_000_000
    ) as producer:
        for odd in ODDS[:3]:
            sent = await producer.send_and_wait(
                REQUESTED, odd.value, b"k", partition=PARTITION, headers=[("case", b"1")]
            )
            places[odd.case] = sent.offset
    async with producing(bootstrap) as plain:
        places[NO_NAME.case] = await send_unreadable(
            plain, REQUESTED, PARTITION, b"k", NO_NAME.value, (("case", b"1"),)
        )
    return places


async def test_unreadable_records_are_buried_and_their_neighbours_checked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default_records, "zstd_encode", packed_hard)
    await evict_members(site.bootstrap, APP_ID)
    worker = site.start("unreadable")
    wait_until_ready(worker)
    batches = [await a_batch(site, 12) for _ in range(2)]

    await produce(site.bootstrap, batches[0].events)
    places = await send_odd(site.bootstrap)
    await produce(site.bootstrap, batches[1].events)
    async with talking_to(worker) as api, tapped(site.bootstrap, LETTERS) as tap:
        answers = [await completed_batch(api, batch.batch_id) for batch in batches]
        await tap.until(
            lambda records: all(any(is_of(one, odd, places) for one in records) for odd in ODDS),
            "each has its letter",
        )
    dlt = Dlt(site.bootstrap, REQUESTED)
    rows = await dlt.rows("replay", expected=1)

    letters = {odd.case: [one for one in tap.records if is_of(one, odd, places)] for odd in ODDS}
    for odd in ODDS:
        (letter,) = letters[odd.case]
        assert_is_letter_of(odd, letter)
    assert SHOWN_NAME in dict(letters[NO_NAME.case][0].headers)
    assert [answer["status_breakdown"] for answer in answers] == [{SUCCESS: 12}] * 2
    assert worker.child.is_alive()
    fates = {row["original_offset"]: row["fate"] for row in rows}
    assert fates[places[BOMB.case]] == fates[places[TOO_FAR_REPEATS.case]] == "refused"
    assert fates[places[NO_NAME.case]] == "replayed"


def assert_is_letter_of(odd: Odd, letter: ConsumerRecord) -> None:
    added = dict(letter.headers)
    assert added[dead_letters.REASON] == odd.reason.encode(), odd.case
    assert added[dead_letters.PARTITION] == str(PARTITION).encode()
    assert letter.value == (odd.value if odd.is_whole else None), odd.case
    if odd is TOO_FAR_REPEATS:
        assert added[dead_letters.OMITTED_BYTES] == str(len(odd.value)).encode()
        digest = hashlib.sha256(odd.value).hexdigest()
        assert added[dead_letters.OMITTED_SHA256] == digest.encode()
