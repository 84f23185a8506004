"""The folder of a database, and what may lie beside it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_ASIDE = ".damaged"
_LOOKING = ".looking"


def mark_of(path: Path) -> Path:
    """Return the file that is there while a database is looked at."""
    return path.with_name(path.name + _LOOKING)


def begin_to_look(path: Path) -> bool:
    """Leave the mark, on the disk itself; return whether there was none."""
    mark = mark_of(path)
    was_looked_at = not mark.exists()
    mark.touch()
    for place in (mark, mark.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return was_looked_at


def aside_of(path: Path) -> Path:
    """Return where a damaged database is moved, until it is counted and removed."""
    return path.with_name(path.name + _ASIDE)


def move_aside(path: Path) -> None:
    """Take a database away in one step: a kill leaves either all of it or nothing."""
    shutil.rmtree(aside_of(path), ignore_errors=True)
    path.rename(aside_of(path))
