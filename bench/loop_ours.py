"""The delivery loop of this package, alone: `python -m bench.loop_ours`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry

from bench.counting import HEADERS, OUTPUT, TABLE, TOPIC, an_output, counted, report_rate
from bench.kafka import PARTITIONS
from huleedu_streams.adapters.kafka_publisher import KafkaPublisher
from huleedu_streams.agents.consuming import Consuming
from huleedu_streams.agents.delivery import Outlets
from huleedu_streams.agents.dependencies import Dependency
from huleedu_streams.agents.failures import FailurePolicy, Limits
from huleedu_streams.agents.fault_points import fault_points
from huleedu_streams.agents.handling import Handled, Outcome, Work
from huleedu_streams.contracts.codec import OutgoingEvent
from huleedu_streams.contracts.dead_letters import ConsumedRecord
from huleedu_streams.di import SystemClock
from huleedu_streams.embedded.probe import free_port
from huleedu_streams.metrics import Metrics
from huleedu_streams.runtime.streams_app import StreamsApp
from huleedu_streams.runtime.worker import StreamsWorker
from huleedu_streams.settings import Role, Settings
from tables.options import rocksdb_options

APP_ID = "bench-ours"


class Counting(FailurePolicy):
    """The small work in place of decoding and folding."""

    def __init__(self, table: Any, metrics: Metrics) -> None:  # noqa: ANN401 - Faust's
        clock = SystemClock()
        store = Dependency("none", _is_healthy, clock, metrics, poll_seconds=1)
        limits = Limits(event_max_bytes=1, text_tries=1, unexpected_tries=1)
        super().__init__(limits, APP_ID, clock, metrics, store)
        self._table = table

    def fold(self, _work: Work, record: ConsumedRecord) -> Handled:
        """Count one event."""
        key = (record.key or b"").decode()
        row = counted(self._table.get(key), record.value or b"")
        self._table[key] = row
        return Handled((OutgoingEvent(OUTPUT, key, an_output(row), HEADERS),), Outcome.DONE, OUTPUT)


async def _is_healthy() -> bool:
    return True


def our_app(bootstrap: str, folder: str) -> StreamsApp:
    """Return the app with its one agent, made of this package's parts."""
    settings = Settings(
        roles=frozenset({Role.LIFECYCLE}),
        app_id=APP_ID,
        broker_url=f"kafka://{bootstrap}",
        data_dir=Path(folder),
        web_port=free_port(),
        _env_file=None,
    )
    app = StreamsApp(settings, partitions=PARTITIONS)
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    table = app.Table(TABLE, key_type=str, partitions=PARTITIONS, options=rocksdb_options())
    publisher = KafkaPublisher(
        app,
        bootstrap_servers=settings.bootstrap_servers,
        max_request_bytes=settings.producer_max_request_bytes,
    )
    outlets = Outlets(publisher, publisher, metrics, fault_points(()))
    consuming = Consuming(app, Counting(table, metrics), outlets, settings.window_events)
    work = Work(TOPIC, owns_poison=True)
    consuming.add_agent("counting", work, asyncio.Lock(), "Count events.")

    def acknowledged() -> float:
        name = "huleedu_event_processing_seconds_count"
        return registry.get_sample_value(name, {"topic": TOPIC}) or 0

    async def report() -> None:
        await report_rate(acknowledged)

    app.task(report)
    return app


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # as `huleedu-streams worker` does
    StreamsWorker(our_app(*sys.argv[1:]), loglevel="WARN").execute_from_commandline()
