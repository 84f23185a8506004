"""Wedges a consumer as the known defects of Faust's do; for tests, by a fault point."""

from __future__ import annotations

from typing import Any

import faust

STALLED_PARTITION = 0


def stall(app: faust.App) -> None:
    """Pause partition 0 of every topic for good: it stays assigned, and nothing reads it."""
    consumer: Any = app.consumer
    consumer.pause_partitions(
        {each for each in consumer.assignment() if each.partition == STALLED_PARTITION}
    )
