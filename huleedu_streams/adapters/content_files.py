"""A ContentStore in a folder of the file system, for one machine or a shared volume.

One file a content, `ab/cd/<id>` under the root: the media type on the first line, the bytes after
it. One file, so that both appear at once or not at all. Blocking calls run in threads.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TypeVar

from huleedu_streams.adapters.content_ids import checked_id, checked_media_type
from huleedu_streams.errors import (
    ContentNotFoundError,
    ContentRefusedError,
    ContentStoreUnavailableError,
)
from huleedu_streams.protocols import StoredContent

# Below this a probe of one byte may still fit where a text does not: the disk counts as full.
_FREE_BYTES = 16 * 1024 * 1024
_PRIVATE = 0o600

ResultT = TypeVar("ResultT")


class FileContentStore:
    """Contents as files under one root, each written atomically and flushed to the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._is_made = False
        self._numbers = count()

    async def get(self, storage_id: str) -> StoredContent:
        """Read a content; see `ContentStore.get`."""
        path = self._path(checked_id(storage_id))
        return await asyncio.to_thread(self._guarded, "read", lambda: self._read(path))

    async def put(self, storage_id: str, body: bytes, media_type: str) -> None:
        """Write a content; see `ContentStore.put`."""
        path = self._path(checked_id(storage_id))
        content = checked_media_type(media_type).encode("ascii") + b"\n" + body
        await asyncio.to_thread(self._guarded, "write", lambda: self._write(path, content))

    async def is_healthy(self) -> bool:
        """Whether a file can be written now and the disk has room for a text."""
        return await asyncio.to_thread(self._is_writable)

    async def close(self) -> None:
        """Do nothing: no file stays open."""

    def _path(self, content_id: str) -> Path:
        return self._root / content_id[:2] / content_id[2:4] / content_id

    def _guarded(self, verb: str, step: Callable[[], ResultT]) -> ResultT:
        """Make the root once, then run `step`, with its disk errors in this package's words."""
        try:
            if not self._is_made:
                self._root.mkdir(parents=True, exist_ok=True)
                self._is_made = True
            return step()
        except OSError as error:
            raise ContentStoreUnavailableError(
                f"cannot {verb} under {self._root}: {error.strerror or type(error).__name__};"
                " free or mend the disk that holds the content store"
            ) from error

    def _read(self, path: Path) -> StoredContent:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            if not self._root.is_dir():
                raise  # an unmounted volume is an outage, not a missing text
            raise ContentNotFoundError(f"no text under {path.name}") from None
        media_type, newline, body = content.partition(b"\n")
        if not newline:
            raise ContentRefusedError(f"{path.name} was not written by this store")
        return StoredContent(body, media_type.decode("ascii", "replace"))

    def _write(self, path: Path, content: bytes) -> None:
        # Thousands of times a minute, so with plain calls: `tempfile` costs as much as the disk.
        folder = str(path.parent)
        temporary = f"{folder}/.{path.name}.{os.getpid()}.{next(self._numbers)}.tmp"
        descriptor = self._created(temporary, path.parent)
        try:
            try:
                _write_all(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, path)  # noqa: PTH105 - see above
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(folder)

    def _created(self, temporary: str, folder: Path) -> int:
        """Return the descriptor of a new file; its folder is made if this is the first one there.

        Raises:
            FileNotFoundError: the root has gone, for instance with its volume.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            return os.open(temporary, flags, _PRIVATE)
        except FileNotFoundError:
            if not self._root.is_dir():
                raise
            self._make_shard(folder)
            return os.open(temporary, flags, _PRIVATE)

    def _make_shard(self, folder: Path) -> None:
        """Make both levels of shards; a new folder is lost in a power cut unless its parent is."""
        for level in (folder.parent, folder):
            try:
                level.mkdir()
            except FileExistsError:
                continue
            _sync_folder(str(level.parent))

    def _is_writable(self) -> bool:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._root) as probe:
                probe.write(b"?")
                probe.flush()
                os.fsync(probe.fileno())
            return shutil.disk_usage(self._root).free >= _FREE_BYTES
        except OSError:
            return False


def _write_all(descriptor: int, content: bytes) -> None:
    """Write everything: the system may take less at once, also where a disk gets full."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: str) -> None:
    """Make the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
