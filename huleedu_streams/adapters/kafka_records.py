"""Produces one raw record as it is, also one that has neither key nor value."""

from __future__ import annotations

import random
from collections.abc import Awaitable
from typing import Any

from aiokafka import AIOKafkaProducer

from huleedu_streams.contracts.codec import Headers


async def send_record(
    producer: AIOKafkaProducer,
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    *,
    partition: int | None = None,
) -> Awaitable[Any]:
    """Queue a record and return what resolves to its metadata.

    Args:
        producer: Started.
        topic: Where to.
        key: The record's key.
        value: Its value; None for both is a record too, which aiokafka's `send` does not take.
        headers: In their order; values may be None.
        partition: None = by the key's hash, any where there is no key.

    Raises:
        KafkaError: it cannot be queued.
    """
    pairs = list(headers)
    queued: Awaitable[Any]
    if key is not None or value is not None:
        queued = await producer.send(topic, value, key, partition=partition, headers=pairs)
        return queued
    batch = producer.create_batch()
    batch.append(timestamp=None, key=None, value=None, headers=pairs)
    if partition is None:
        partition = random.choice(sorted(await producer.partitions_for(topic)))  # noqa: S311
    queued = await producer.send_batch(batch, topic, partition=partition)
    return queued
