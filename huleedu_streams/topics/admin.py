"""The broker's side of topics, over aiokafka's admin client: read, create, alter, grow.

aiokafka answers with bare protocol structures and logs what it also raises; both end here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import BrokerResponseError, KafkaError, TopicAlreadyExistsError, for_code

from huleedu_streams.errors import BrokerUnavailableError, TopicError
from huleedu_streams.topics.catalogue import TopicSpec
from huleedu_streams.topics.comparison import FoundTopic, PartitionChange

_REQUEST_TIMEOUT_SECONDS = 10.0
_SETTLE_SECONDS = 15.0
_POLL_SECONDS = 0.1
# "Set on the topic itself", in the protocol's numbering of configuration sources.
_TOPIC_OVERRIDE = 1
# Of aiokafka's logger, while somebody keeps it quiet.
_levels: list[int] = []


class TopicAdmin:
    """One connection to a cluster; made by `connected`."""

    def __init__(self, client: AIOKafkaAdminClient) -> None:
        self._client = client

    async def broker_count(self) -> int:
        """Return how many brokers the cluster has now."""
        return len((await self._client.describe_cluster())["brokers"])

    async def member_client_ids(self, group: str) -> set[str]:
        """Return the client ids of a consumer group's members; none where it cannot be told."""
        try:
            answers = await self._client.describe_consumer_groups([group])
        except BrokerResponseError:
            return set()  # e.g. a new cluster, whose groups have no coordinator yet
        return {
            member["client_id"]
            for answer in answers
            for one in answer.to_object()["groups"]
            for member in one["members"]
        }

    async def found(self, names: Iterable[str]) -> dict[str, FoundTopic]:
        """Return those of `names` that exist."""
        wanted = set(names)
        topics = {
            topic["topic"]: topic["partitions"]
            for topic in await self._client.describe_topics()
            if topic["topic"] in wanted and not topic["error_code"]
        }
        entries = await self._configs(topics)
        return {
            name: FoundTopic(
                partitions=len(partitions),
                replication_factor=len(partitions[0]["replicas"]) if partitions else 0,
                configs={key: value for key, value, _ in entries[name]},
                overrides={key: value for key, value, is_own in entries[name] if is_own},
            )
            for name, partitions in topics.items()
        }

    async def create(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Create topics and wait until they can be written; one made meanwhile is left alone."""
        if not specs:
            return []
        new = [
            NewTopic(
                spec.name,
                spec.partitions,
                spec.replication_factor,
                topic_configs=dict(spec.configs),
            )
            for spec in specs
        ]
        answer = await self._client.create_topics(new)
        failures = {name: (code, text) for name, code, text in answer.topic_errors if code}
        for name, (code, text) in failures.items():
            if for_code(code) is not TopicAlreadyExistsError:
                raise TopicError(f"the broker refuses to create {name}: {_said(code, text)}")
        await self._settled({spec.name: spec.partitions for spec in specs})
        return [spec.name for spec in specs if spec.name not in failures]

    async def set_configs(self, configs: Mapping[str, Mapping[str, str]]) -> None:
        """Make these the topics' whole own configuration (the protocol replaces, never merges)."""
        if not configs:
            return
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, name, dict(entries))
            for name, entries in configs.items()
        ]
        for answer in await self._client.alter_configs(resources):
            for code, text, _, name in answer.resources:
                if code:
                    raise TopicError(f"the broker refuses to alter {name}: {_said(code, text)}")

    async def grow(self, changes: Sequence[PartitionChange]) -> None:
        """Add partitions and wait until they can be written."""
        if not changes:
            return
        wanted = {change.topic: NewPartitions(change.wanted) for change in changes}
        try:
            await self._client.create_partitions(wanted)
        except BrokerResponseError as error:
            raise TopicError(f"the broker refuses to add partitions: {error}") from error
        await self._settled({change.topic: change.wanted for change in changes})

    async def _configs(self, names: Iterable[str]) -> dict[str, list[tuple[str, str, bool]]]:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        return {
            name: [(entry[0], entry[1], entry[3] == _TOPIC_OVERRIDE) for entry in entries]
            for answer in await self._client.describe_configs(resources)
            for _, _, _, name, entries in answer.resources
        }

    async def _settled(self, partitions: Mapping[str, int]) -> None:
        """Wait until every partition has a leader."""
        async with asyncio.timeout(_SETTLE_SECONDS):
            while not await self._have_leaders(partitions):  # noqa: ASYNC110 - nothing to await
                await asyncio.sleep(_POLL_SECONDS)

    async def _have_leaders(self, partitions: Mapping[str, int]) -> bool:
        topics = {topic["topic"]: topic for topic in await self._client.describe_topics()}
        return all(
            name in topics
            and len(topics[name]["partitions"]) == count
            and all(partition["leader"] >= 0 for partition in topics[name]["partitions"])
            for name, count in partitions.items()
        )


@asynccontextmanager
async def connected(bootstrap: str) -> AsyncIterator[TopicAdmin]:
    """Open a connection for the block.

    Raises:
        BrokerUnavailableError: nobody answers, or stops answering inside the block.
    """
    with quiet():
        client = AIOKafkaAdminClient(
            bootstrap_servers=bootstrap,
            request_timeout_ms=int(_REQUEST_TIMEOUT_SECONDS * 1000),
        )
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_SECONDS):
                await client.start()
            yield TopicAdmin(client)
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailableError(_unavailable(bootstrap, error)) from error
        finally:
            await client.close()


def _unavailable(bootstrap: str, error: BaseException) -> str:
    return f"no Kafka answers at {bootstrap} ({type(error).__name__})"


def _said(code: int, text: str | None) -> str:
    return text or str(for_code(code).__name__)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep aiokafka's log lines off the terminal: what it logs here, it raises too.

    Blocks may overlap; the last one to end restores what the first one found.
    """
    logger = logging.getLogger("aiokafka")
    # Two may be at it side by side: the last to leave restores what the first found.
    _levels.append(_levels[0] if _levels else logger.level)
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        before = _levels.pop()
        if not _levels:
            logger.setLevel(before)
