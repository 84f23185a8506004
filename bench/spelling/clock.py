"""Time spent by this process alone: other processes of the machine do not count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import process_time
from typing import TypeVar

T = TypeVar("T")


def seconds(call: Callable[..., object], *arguments: object) -> float:
    """Return the processor time of a call."""
    start = process_time()
    call(*arguments)
    return process_time() - start


def within(limit_seconds: float, items: Iterable[T]) -> Iterator[T]:
    """Yield items until this process has spent the time; the first one always."""
    end = process_time() + limit_seconds
    for item in items:
        yield item
        if process_time() >= end:
            return
