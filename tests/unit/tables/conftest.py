"""Tables in a memory store and in RocksDB, and an event in hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import faust
import pytest

from tables.changelog import Change, RecordingTable, recorded_changes
from tests.unit.tables.guarded import Tables
from tests.unit.tables.handled import HandledEvent, Handling


@pytest.fixture
def app() -> faust.App:
    """An app that never starts and needs no broker."""
    return faust.App("tests", broker="kafka://127.0.0.1:1", store="memory://", Table=RecordingTable)


@pytest.fixture
def handling() -> Handling:
    """Return a context in which an event of the given partition is handled."""

    @contextmanager
    def handle(partition: int) -> Iterator[list[Change]]:
        event = HandledEvent(partition)
        with recorded_changes(event) as changes:
            yield changes

    return handle


@pytest.fixture
def tables(tmp_path: Path, handling: Handling) -> Tables:
    """Return a table with rows, not opened yet."""
    made = Tables(tmp_path, handling)
    made.fill()
    made.close()
    made.open()
    return made
