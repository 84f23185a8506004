"""A ContentStore in a folder of the file system, for one machine or a shared volume.

One file a content, `ab/cd/<id>` under the root: on the first line the media type, the length and
the checksum of the bytes, with tabs between, then the bytes. One file, so that all appears at once
or not at all. Files of earlier versions have the media type alone.

The root is made once, and a marker in it tells it from the empty folder that an unmounted volume
leaves: without the marker every text would seem to be missing, and every essay would fail.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import structlog

from huleedu_streams.adapters.content_ids import checked_id, checked_media_type
from huleedu_streams.adapters.threads import BoundedThreads
from huleedu_streams.errors import (
    ContentNotFoundError,
    ContentRefusedError,
    ContentStoreUnavailableError,
)
from huleedu_streams.protocols import StoredContent

log = structlog.get_logger(__name__)

MARKER = ".huleedu-content"
# Below this a probe of one byte may still fit where a text does not: the disk counts as full.
_FREE_BYTES = 16 * 1024 * 1024
# Enough for a disk that flushes many files at once; all that can hang on one that is gone.
_MOST_THREADS = 16
_PRIVATE = 0o600

ResultT = TypeVar("ResultT")


class FileContentStore:
    """Contents as files under one root, each written atomically and flushed to the disk."""

    def __init__(self, root: Path, *, timeout_seconds: float = 10.0) -> None:
        self._root = root
        self._marker = root / MARKER
        self._is_known = False
        self._timeout_seconds = timeout_seconds
        self._threads = BoundedThreads(most=_MOST_THREADS, timeout_seconds=timeout_seconds)
        self._numbers = count()

    async def get(self, storage_id: str) -> StoredContent:
        """Read a content; see `ContentStore.get`."""
        path = self._path(checked_id(storage_id))
        return await self._guarded("read", lambda: self._read(path))

    async def put(self, storage_id: str, body: bytes, media_type: str) -> None:
        """Write a content; see `ContentStore.put`."""
        path = self._path(checked_id(storage_id))
        line = f"{checked_media_type(media_type)}\t{_seal(body)}\n"
        await self._guarded("write", lambda: self._write(path, line.encode("ascii"), body))

    async def is_healthy(self) -> bool:
        """Whether a file can be written now and the disk has room for a text."""
        try:
            return await self._guarded("write", self._has_room)
        except ContentStoreUnavailableError:
            return False

    async def close(self) -> None:
        """Let the threads end; no file stays open."""
        self._threads.close()

    def _path(self, content_id: str) -> Path:
        return self._root / content_id[:2] / content_id[2:4] / content_id

    async def _guarded(self, verb: str, step: Callable[[], ResultT]) -> ResultT:
        """Run `step` in a thread, with its disk errors in this package's words."""
        try:
            return await self._threads.run(lambda: self._in_root(step))
        except TimeoutError:
            why = f"no answer in {self._timeout_seconds:g} s"
            raise self._unavailable(verb, why) from None
        except OSError as error:
            raise self._unavailable(verb, error.strerror or type(error).__name__) from error

    def _unavailable(self, verb: str, why: str) -> ContentStoreUnavailableError:
        return ContentStoreUnavailableError(
            f"cannot {verb} under {self._root}: {why};"
            " mount, free or mend the disk that holds the content store"
        )

    def _in_root(self, step: Callable[[], ResultT]) -> ResultT:
        """Run `step`; before the first, mark the root. Later one without a mark is another."""
        if not self._is_known:
            self._root.mkdir(parents=True, exist_ok=True)
            if not self._marker.exists():
                self._marker.touch(mode=0o644)
                log.info(
                    "content_store_made",
                    folder=str(self._root.absolute()),
                    detail="no store was here; if there should be one, stop and mount its volume",
                )
            self._is_known = True
        return step()

    def _require_marker(self) -> None:
        if not self._marker.exists():
            raise FileNotFoundError(2, f"the folder has gone, or its volume: no {MARKER} in it")

    def _read(self, path: Path) -> StoredContent:
        try:
            content = _regular_bytes(path)
        except FileNotFoundError:
            self._require_marker()
            raise ContentNotFoundError(f"no text under {path.name}") from None
        line, newline, body = content.partition(b"\n")
        media_type, tab, seal = line.decode("ascii", "replace").partition("\t")
        if not newline or (tab and seal != _seal(body)):
            raise ContentRefusedError(f"{path.name} is damaged; hand the text in again")
        return StoredContent(body, checked_media_type(media_type))

    def _write(self, path: Path, line: bytes, body: bytes) -> None:
        self._require_marker()
        # Thousands of times a minute, so with plain calls: `tempfile` costs as much as the disk.
        folder = str(path.parent)
        temporary = f"{folder}/.{path.name}.{os.getpid()}.{next(self._numbers)}.tmp"
        descriptor = self._created(temporary, path.parent)
        try:
            try:
                _write_all(descriptor, line + body)
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

    def _has_room(self) -> bool:
        self._require_marker()
        with tempfile.TemporaryFile(dir=self._root) as probe:
            probe.write(b"?")
            probe.flush()
            os.fsync(probe.fileno())
        return shutil.disk_usage(self._root).free >= _FREE_BYTES


def _seal(body: bytes) -> str:
    """Return what a file says of its bytes, so that a part of them is never taken for the whole."""
    return f"{len(body)}\t{crc32(body):08x}"


def _regular_bytes(path: Path) -> bytes:
    """Return a file's bytes; opening never waits, as it would for the writer of a pipe.

    Raises:
        ContentRefusedError: it is something else than a file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ContentRefusedError(f"{path.name} is no file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


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
