"""Tables in a memory store, and an event in hand, without which nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace

import faust
import pytest

from tables.changelog import Change, RecordingTable, recorded_changes

Handling = Callable[[int], AbstractContextManager[list[Change]]]


class HandledEvent:
    """The part of a Faust event that tables look at."""

    def __init__(self, partition: int) -> None:
        self.message = SimpleNamespace(topic="source.v1", partition=partition)


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
