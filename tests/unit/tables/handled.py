"""An event in hand, without which nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace

from tables.changelog import Change

Handling = Callable[[int], AbstractContextManager[list[Change]]]


class HandledEvent:
    """The part of a Faust event that tables look at."""

    def __init__(self, partition: int) -> None:
        self.message = SimpleNamespace(topic="source.v1", partition=partition)
