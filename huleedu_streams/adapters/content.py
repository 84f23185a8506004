"""Which ContentStore: chosen by one URL, and measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from huleedu_streams.adapters.content_files import FileContentStore
from huleedu_streams.adapters.content_http import HttpContentStore
from huleedu_streams.domain.limits import derived_max_bytes
from huleedu_streams.errors import ContentError, SettingsError
from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import ContentStore, StoredContent
from huleedu_streams.settings import Settings


def build_content_store(settings: Settings, metrics: Metrics) -> ContentStore:
    """Return the store that `content_store_url` names: `file:`, `http(s)://…` or `s3://…`.

    Raises:
        SettingsError: it is a bucket, and its credentials or the extra `s3` are missing.
    """
    return MeasuredContentStore(_chosen_store(settings), metrics)


def _chosen_store(settings: Settings) -> ContentStore:
    scheme, _, rest = settings.content_store_url.partition(":")
    if scheme == "file":
        # file:var/content is relative to the working folder, file:///srv/content is not.
        path = "/" + rest.lstrip("/") if rest.startswith("/") else rest
        return FileContentStore(Path(path), timeout_seconds=settings.content_timeout_seconds)
    if scheme == "s3":
        return _bucket_store(settings, rest.lstrip("/"))
    return HttpContentStore(
        settings.content_store_url,
        timeout_seconds=settings.content_timeout_seconds,
        max_bytes=derived_max_bytes(settings.text_max_bytes),
        token=settings.content_token(),
    )


def _bucket_store(settings: Settings, path: str) -> ContentStore:
    try:
        from huleedu_streams.adapters.content_objects import (  # noqa: PLC0415 - an optional extra
            Bucket,
            ObjectContentStore,
        )
    except ImportError:
        raise SettingsError(
            "a content store of s3:// needs the extra s3: pip install 'huleedu-streams[s3]'"
        ) from None
    name, _, prefix = path.partition("/")
    return ObjectContentStore(
        Bucket(name, prefix, settings.s3_endpoint_url, settings.s3_credentials()),
        timeout_seconds=settings.content_timeout_seconds,
        max_bytes=derived_max_bytes(settings.text_max_bytes),
    )


class MeasuredContentStore:
    """A ContentStore that times every request to the one inside."""

    def __init__(self, store: ContentStore, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics

    async def get(self, storage_id: str) -> StoredContent:
        """Return the content; see `ContentStore.get`."""
        with self._timed("get"):
            return await self._store.get(storage_id)

    async def put(self, storage_id: str, body: bytes, media_type: str) -> None:
        """Keep the content; see `ContentStore.put`."""
        with self._timed("put"):
            await self._store.put(storage_id, body, media_type)

    async def is_healthy(self) -> bool:
        """Whether the store inside answers."""
        return await self._store.is_healthy()

    async def close(self) -> None:
        """Close the store inside."""
        await self._store.close()

    @contextmanager
    def _timed(self, operation: str) -> Iterator[None]:
        started = perf_counter()
        outcome = "cancelled"
        try:
            yield
            outcome = "ok"
        except ContentError as error:
            outcome = error.code
            raise
        finally:
            self._metrics.content_requested(operation, outcome, perf_counter() - started)
