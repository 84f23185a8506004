"""What RocksDB's words mean: rocksdict says everything as a plain `Exception`."""

from __future__ import annotations

import errno
from enum import Enum
from pathlib import Path

from huleedu_streams.errors import (
    DiskFullError,
    TableDamagedError,
    TableError,
    TableUnusableError,
)

# How long the words of RocksDB may be in a message of ours.
_REASON_LENGTH = 160


class Fault(Enum):
    """What a word of RocksDB means for the database that it is about."""

    DAMAGED = "damaged"  # read wrongly, or not at all: build it anew
    FULL = "full"  # nothing is wrong with it but the space
    LOCKED = "locked"  # somebody else has it open
    OTHER = "other"  # a disk that takes no writes, a mode, too many open files


def fault_of(error: Exception) -> Fault | None:
    """Return what an exception of rocksdict or of the system says; None for anybody else's."""
    if isinstance(error, OSError):
        return Fault.FULL if error.errno in {errno.ENOSPC, errno.EDQUOT} else Fault.OTHER
    if type(error) is not Exception:
        return None
    words = str(error)
    if "No space left on device" in words or "Disk quota exceeded" in words:
        return Fault.FULL
    if words.startswith("Corruption:") or "Input/output error" in words:
        return Fault.DAMAGED
    if "lock file" in words or "lock hold by" in words:
        return Fault.LOCKED
    # A file that the manifest names.
    return Fault.DAMAGED if "No such file or directory" in words else Fault.OTHER


def failure_of(path: Path, error: Exception) -> TableError:
    """Return what an exception means for the database at `path`."""
    fault = fault_of(error)
    if fault is Fault.FULL:
        return DiskFullError(f"no space is left for {path}; make some")
    if fault in {Fault.OTHER, Fault.LOCKED}:
        return TableUnusableError(f"{path} cannot be used ({reason_of(error)}); look at its disk")
    return TableDamagedError(f"{path} is damaged ({reason_of(error)}); its changelog rebuilds it")


def reason_of(error: Exception) -> str:
    """Return the words of RocksDB as part of a message of ours."""
    return " ".join(str(error).split())[:_REASON_LENGTH]
