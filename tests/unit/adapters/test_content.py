from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from huleedu_streams.adapters.content import MeasuredContentStore, build_content_store
from huleedu_streams.adapters.content_http import HttpContentStore
from huleedu_streams.errors import ContentNotFoundError
from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import StoredContent
from huleedu_streams.settings import Settings
from tests.fakes import MemoryContentStore

TEXT_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def requests(registry: CollectorRegistry, operation: str, outcome: str) -> float | None:
    return registry.get_sample_value(
        "huleedu_content_request_seconds_count", {"operation": operation, "outcome": outcome}
    )


@pytest.mark.parametrize("prefix", ["file:", "file://"])
async def test_file_url_names_an_absolute_folder(
    tmp_path: Path, registry: CollectorRegistry, prefix: str
) -> None:
    settings = Settings(content_store_url=f"{prefix}{tmp_path}/content")
    store = build_content_store(settings, Metrics(registry))

    await store.put(TEXT_ID, b"a text", "text/plain")

    assert (tmp_path / "content" / "01" / "23" / TEXT_ID).is_file()
    assert await store.is_healthy()
    await store.close()


async def test_http_url_makes_a_client(registry: CollectorRegistry) -> None:
    settings = Settings(content_store_url="http://127.0.0.1:1/v1/content")

    store = build_content_store(settings, Metrics(registry))

    assert isinstance(store, MeasuredContentStore)
    assert isinstance(store._store, HttpContentStore)  # noqa: SLF001 - what was chosen
    assert not await store.is_healthy()
    await store.close()


async def test_every_request_is_timed_by_its_outcome(registry: CollectorRegistry) -> None:
    store = MeasuredContentStore(MemoryContentStore(), Metrics(registry))

    await store.put(TEXT_ID, b"a text", "text/plain")
    await store.get(TEXT_ID)
    with pytest.raises(ContentNotFoundError):
        await store.get("f" * 32)

    assert requests(registry, "put", "ok") == 1
    assert requests(registry, "get", "ok") == 1
    assert requests(registry, "get", "content-not-found") == 1


async def test_cancelled_request_is_no_success(registry: CollectorRegistry) -> None:
    class HangingStore(MemoryContentStore):
        async def get(self, storage_id: str) -> StoredContent:
            raise asyncio.CancelledError(storage_id)

    store = MeasuredContentStore(HangingStore(), Metrics(registry))

    with pytest.raises(asyncio.CancelledError):
        await store.get(TEXT_ID)

    assert requests(registry, "get", "cancelled") == 1
