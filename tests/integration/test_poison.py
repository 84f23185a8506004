"""Poison in, dead letter out, byte for byte; and everyone else's essays untouched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest
from aiokafka import ConsumerRecord

from huleedu_streams.contracts import dead_letters
from huleedu_streams.contracts.codec import encode
from huleedu_streams.contracts.topic_names import dead_letter_topic
from tests.integration.essays import SUCCESS, a_batch, completed_batch
from tests.integration.kafka import evict_members, producing, tapped
from tests.integration.poison import Poison, corpus
from tests.integration.workers import APP_ID, CANARY, Site, talking_to, wait_until_ready

pytestmark = pytest.mark.kafka


async def test_poison_goes_to_the_dead_letters_byte_for_byte(site: Site) -> None:
    poisons = list(corpus())
    letters = [dead_letter_topic(topic) for topic in sorted({one.topic for one in poisons})]
    batch = await a_batch(site, len(poisons))
    await evict_members(site.bootstrap, APP_ID)
    worker = site.start("poisoned", log_level="DEBUG")
    wait_until_ready(worker)

    sent = {}
    async with producing(
        site.bootstrap, compression_type="gzip", max_request_size=30_000_000
    ) as producer:
        registration, *requests = map(encode, batch.events)
        await producer.send_and_wait(
            registration.topic, registration.value, registration.key.encode()
        )
        for poison, request in zip(poisons, requests, strict=True):
            place = await producer.send_and_wait(
                poison.topic, poison.value, poison.key, headers=poison.headers
            )
            sent[poison.name] = (place.partition, place.offset)
            # Neighbours: every sixth lies in the partition of most of the poison.
            await producer.send_and_wait(request.topic, request.value, request.key.encode())
    async with talking_to(worker) as api, tapped(site.bootstrap, *letters) as tap:
        await tap.until(
            lambda records: set(map(case_of, records)) >= sent.keys(), "each has its letter"
        )
        answer = await completed_batch(api, batch.batch_id)
        await tap.read_to_end()
        metrics = await api.metrics()

    buried = [record for record in tap.records if case_of(record) in sent]
    assert sorted(map(case_of, buried)) == sorted(sent), "one letter each"
    by_name = {case_of(record): record for record in buried}
    for poison in poisons:
        assert_is_letter_of(poison, by_name[poison.name], sent[poison.name])
    assert answer["status_breakdown"] == {SUCCESS: len(batch.essay_ids)}
    assert CANARY not in metrics
    assert len(worker.entries("dead_lettered")) == len(poisons)


def assert_is_letter_of(poison: Poison, letter: ConsumerRecord, place: tuple[int, int]) -> None:
    assert letter.topic == dead_letter_topic(poison.topic), poison.name
    assert letter.key == poison.key, poison.name
    assert letter.value == poison.value, poison.name
    original = list(letter.headers[: len(poison.headers)])
    assert original == poison.headers, poison.name
    added = dict(letter.headers[len(poison.headers) :])
    assert added.keys() == dead_letters.PROVENANCE_HEADERS, poison.name
    assert added[dead_letters.REASON] == poison.reason.encode(), (poison.name, added)
    assert added[dead_letters.TOPIC] == poison.topic.encode()
    assert (int(added[dead_letters.PARTITION]), int(added[dead_letters.OFFSET])) == place
    assert datetime.fromisoformat(added[dead_letters.FIRST_FAILED_AT].decode()).tzinfo is not None
    assert all(CANARY.encode() not in value for value in added.values()), poison.name


def case_of(record: ConsumerRecord) -> str:
    headers: Sequence[tuple[str, bytes]] = record.headers
    return next((value.decode() for name, value in headers if name == "case"), "")
