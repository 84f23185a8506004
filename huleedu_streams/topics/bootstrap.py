"""Make a broker's topics those of the catalogue, or say what separates them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from huleedu_streams.errors import BrokerUnavailableError, TopicMismatchError, TopicMissingError
from huleedu_streams.topics.admin import TopicAdmin, connected
from huleedu_streams.topics.catalogue import FILE_NAME, TopicSpec
from huleedu_streams.topics.comparison import ConfigChange, FoundTopic, Plan, compare

_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 2.0
_APPLY_HINT = "run: huleedu-streams topics apply"
_PLAN_HINT = "run: huleedu-streams topics plan"


async def member_client_ids(bootstrap: str, group: str) -> set[str]:
    """Return the client ids of a consumer group's members; none where it cannot be told.

    Raises:
        BrokerUnavailableError: nobody answers.
    """
    async with connected(bootstrap) as admin:
        return await admin.member_client_ids(group)


async def plan(bootstrap: str, specs: Sequence[TopicSpec]) -> Plan:
    """Return what `apply` would do.

    Raises:
        BrokerUnavailableError: nobody answers.
    """
    async with connected(bootstrap) as admin:
        return await _plan(admin, specs)


async def apply(bootstrap: str, specs: Sequence[TopicSpec]) -> Plan:
    """Create and alter until the broker agrees; all or nothing where something is refused.

    Returns:
        What was done; empty the second time.

    Raises:
        TopicMismatchError: a topic would have to shrink, or one that feeds a table to grow.
        TopicError: the broker refuses.
        BrokerUnavailableError: nobody answers.
    """
    async with connected(bootstrap) as admin:
        todo = await _plan(admin, specs)
        if todo.refused:
            raise TopicMismatchError(todo.refused[0] + _and_more(len(todo.refused) - 1))
        await admin.create(todo.create)
        await admin.grow(todo.grow)
        found = await admin.found({change.topic for change in todo.alter})
        await admin.set_configs(_altered(todo.alter, found))
        return todo


async def verify(bootstrap: str, specs: Sequence[TopicSpec]) -> None:
    """Return if a worker can run on these topics: its preflight.

    Stricter than Kafka, milder than `check`: retention and the like are the operator's to change.

    Raises:
        TopicMissingError: a topic is not there.
        TopicMismatchError: its partitions, its cleanup policy or its largest message are wrong.
        BrokerUnavailableError: nobody answers.
    """
    async with connected(bootstrap) as admin:
        found = await admin.found(spec.name for spec in specs)
    missing = [spec.name for spec in specs if spec.name not in found]
    if missing:
        more = _and_more(len(missing) - 1)
        raise TopicMissingError(f"topic {missing[0]}{more} is missing; {_APPLY_HINT}")
    for spec in specs:
        _verify_one(spec, found[spec.name])


async def wait_for_broker(
    bootstrap: str, wait_seconds: float, on_retry: Callable[[str], None]
) -> None:
    """Return once the broker answers.

    Args:
        bootstrap: `host:port[,host:port]`.
        wait_seconds: How long to try; 0 = for ever.
        on_retry: Gets one line before each retry.

    Raises:
        BrokerUnavailableError: time is up.
    """
    deadline = time.monotonic() + wait_seconds if wait_seconds > 0 else float("inf")
    pause = _FIRST_WAIT_SECONDS
    while True:
        try:
            async with connected(bootstrap) as admin:
                await admin.broker_count()
                return
        except BrokerUnavailableError as error:
            if time.monotonic() + pause > deadline:
                raise BrokerUnavailableError(
                    f"{error} within {wait_seconds:g} s; start it, or set HULEEDU_BROKER_URL"
                ) from error
            on_retry(f"{error}; trying again in {pause:g} s")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_WAIT_SECONDS)


async def _plan(admin: TopicAdmin, specs: Sequence[TopicSpec]) -> Plan:
    found = await admin.found(spec.name for spec in specs)
    return compare(specs, found, await admin.broker_count())


def _altered(
    changes: Sequence[ConfigChange], found: Mapping[str, FoundTopic]
) -> dict[str, dict[str, str]]:
    """Return each topic's own configuration with the changes; what others set there stays."""
    altered = {name: dict(topic.overrides) for name, topic in found.items()}
    for change in changes:
        altered[change.topic][change.config] = change.wanted
    return altered


def _verify_one(spec: TopicSpec, topic: FoundTopic) -> None:
    if topic.partitions != spec.partitions:
        raise TopicMismatchError(
            f"{spec.name} has {topic.partitions} partitions, {FILE_NAME} says "
            f"{spec.partitions}; {_PLAN_HINT}"
        )
    policy = spec.configs.get("cleanup.policy")
    if policy and topic.configs.get("cleanup.policy") != policy:
        raise TopicMismatchError(
            f"{spec.name} has cleanup.policy={topic.configs.get('cleanup.policy')}, {FILE_NAME} "
            f"says {policy}; {_APPLY_HINT}"
        )
    largest = int(spec.configs.get("max.message.bytes", "0"))
    if int(topic.configs.get("max.message.bytes", largest)) < largest:
        raise TopicMismatchError(
            f"{spec.name} takes messages up to {topic.configs['max.message.bytes']} bytes, "
            f"{FILE_NAME} says {largest}; {_APPLY_HINT}"
        )


def _and_more(count: int) -> str:
    return f" (and {count} more)" if count else ""
