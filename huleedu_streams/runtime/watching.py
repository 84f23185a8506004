"""Looks after the consumer: how far each partition is, and whether one is wedged.

Not here: the rule (`runtime/watchdog.py`), and how the broker is asked (`runtime/broker_log.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import faust
import structlog
from aiokafka import TopicPartition
from faust.exceptions import ConsumerNotStarted

from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import Clock
from huleedu_streams.runtime.broker_log import Bounds, Log
from huleedu_streams.runtime.watchdog import Place, Progress, Stall, Watchdog

log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 5.0
# So short a limit, in a test, is looked at more often.
_LOOKS_A_LIMIT = 10
# A stream's buffer blocks reading at its size and lets go at this share of it.
_LETS_GO_AT = 0.4


@dataclass(frozen=True, slots=True)
class Wedge:
    """A partition of which nothing is handled though there is something to handle.

    Attributes:
        topic: Its topic.
        partition: Its number.
        lag: Records that wait.
        since: Since when.
    """

    topic: str
    partition: int
    lag: int
    since: datetime


class ConsumerWatch:
    """Looks at the partitions of a worker's agents every few seconds."""

    def __init__(
        self,
        app: faust.App,
        broker_log: Log,
        clock: Clock,
        metrics: Metrics,
        *,
        limit_seconds: float,
        is_excused: Callable[[], bool],
    ) -> None:
        """Take the worker.

        Args:
            app: Its agents are known.
            broker_log: Where each partition ends.
            clock: Tells since when a partition is wedged.
            metrics: Gets lag and stalls.
            limit_seconds: What `HULEEDU_WEDGED_AFTER_SECONDS` says; 0 = only measure.
            is_excused: Whether there is a reason now for nothing to be handled.
        """
        self._app = app
        self._topics = {str(name) for agent in app.agents.values() for name in agent.channel.topics}
        self._log = broker_log
        self._clock = clock
        self._metrics = metrics
        self._limit_seconds = limit_seconds
        self._is_excused = is_excused
        self._watchdog = Watchdog(int(app.conf.stream_buffer_maxsize * _LETS_GO_AT))
        self._assignments = 0
        self._wedges: dict[Place, Wedge] = {}

    @property
    def wedges(self) -> Sequence[Wedge]:
        """The wedged partitions, the one that is longest first."""
        return sorted(self._wedges.values(), key=lambda wedge: wedge.since)

    def start(self) -> None:
        """Have the app look from now on; to be called before it starts."""
        if not self._topics:
            return
        self._app.on_partitions_revoked.connect(self._assigned_anew)
        self._app.on_partitions_assigned.connect(self._assigned_anew)
        wanted = self._limit_seconds / _LOOKS_A_LIMIT or INTERVAL_SECONDS
        self._app.timer(interval=min(wanted, INTERVAL_SECONDS))(self.look)

    async def look(self) -> None:
        """Measure every partition, and find those that are wedged."""
        assignments = self._assignments
        places = [] if self._is_excused() else self._places()
        bounds = await self._log.bounds(places) if places else None
        if bounds is None or self._assignments != assignments or self._is_excused():
            self._excuse()
            return
        progress = progress_of(self._app.consumer, bounds)
        for (topic, partition), seen in progress.items():
            lag = self._metrics.consumer_lag.labels(topic, str(partition))
            lag.set(max(0, seen.end - seen.done))
        self._judge(self._watchdog.observe(monotonic(), progress))

    async def _assigned_anew(self, *_args: object, **_kwargs: object) -> None:
        self._assignments += 1
        self._excuse()

    def _excuse(self) -> None:
        self._watchdog.excuse()
        self._judge([])

    def _places(self) -> list[Place]:
        try:
            assigned = self._app.consumer.assignment()
        except ConsumerNotStarted:
            return []
        return [(each.topic, each.partition) for each in assigned if each.topic in self._topics]

    def _judge(self, stalls: Sequence[Stall]) -> None:
        self._metrics.partition_stalled.clear()
        for stall in stalls:
            gauge = self._metrics.partition_stalled.labels(stall.topic, str(stall.partition))
            gauge.set(stall.seconds)
        limit = self._limit_seconds or float("inf")
        wedges = {
            (stall.topic, stall.partition): self._wedge(stall)
            for stall in stalls
            if stall.seconds >= limit
        }
        for place in wedges.keys() - self._wedges.keys():
            topic, partition = place
            log.error("consumer_wedged", topic=topic, partition=partition, lag=wedges[place].lag)
        self._wedges = wedges

    def _wedge(self, stall: Stall) -> Wedge:
        since = self._clock.now() - timedelta(seconds=stall.seconds)
        return Wedge(stall.topic, stall.partition, stall.lag, since)


def progress_of(
    consumer: Any,  # noqa: ANN401 - Faust's, of which no type says all of this
    bounds: Mapping[Place, Bounds],
) -> dict[Place, Progress]:
    """Return where each partition stands.

    Args:
        consumer: Faust's; what it has committed and what is in its agents' hands.
        bounds: Of the partitions asked for.
    """
    in_hand: dict[Place, list[int]] = {}
    for message in consumer.unacked:
        # Those of an earlier assignment are abandoned, and will be read again.
        if message.generation_id == consumer.app.consumer_generation_id:
            in_hand.setdefault((message.topic, message.partition), []).append(message.offset)
    commits: Mapping[TopicPartition, int | None] = consumer._committed_offset  # noqa: SLF001
    found = {}
    for place, (begin, end) in bounds.items():
        offsets = in_hand.get(place, [])
        committed = commits.get(TopicPartition(*place))
        # Without a commit reading began at the begin; records may be deleted before they are read.
        done = max(begin, committed if committed is not None else min(offsets, default=begin))
        found[place] = Progress(done, max(done, max(offsets, default=-1) + 1), end)
    return found
