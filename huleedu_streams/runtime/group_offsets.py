"""How far another consumer group has read, asked of the broker; over an admin client of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from huleedu_streams.runtime.started import Started
from huleedu_streams.runtime.watchdog import Place

_ANSWER_SECONDS = 5.0


class Offsets(Protocol):
    """What is asked of the broker about one group."""

    group: str

    async def committed(self, places: Iterable[Place]) -> Mapping[Place, int] | None:
        """Return where the group reads on, of the partitions that it has read.

        None if the broker does not say.
        """
        ...


class GroupOffsets:
    """The `Offsets` of a group; it is not joined."""

    def __init__(self, bootstrap_servers: str, client_id: str, group: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self.group = group
        self._admin = Started[AIOKafkaAdminClient](self._build, AIOKafkaAdminClient.close)

    async def committed(self, places: Iterable[Place]) -> Mapping[Place, int] | None:
        """Ask the group's coordinator."""
        partitions = [TopicPartition(*place) for place in places]
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                admin = await self._admin.get()
                found = await admin.list_consumer_group_offsets(self.group, partitions=partitions)
        except (KafkaError, TimeoutError, OSError):
            await self._admin.drop()
            return None
        return {tuple(each): at.offset for each, at in found.items() if at.offset >= 0}

    async def close(self) -> None:
        """Let go of the connection."""
        await self._admin.close()

    def _build(self) -> AIOKafkaAdminClient:
        return AIOKafkaAdminClient(
            bootstrap_servers=self._bootstrap_servers, client_id=self._client_id
        )
