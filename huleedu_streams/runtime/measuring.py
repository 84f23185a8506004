"""What a worker's consumer tells the metrics: rebalances, recovery; lag is in `watching.py`."""

from __future__ import annotations

from time import monotonic

from huleedu_streams.metrics import Metrics
from huleedu_streams.runtime.streams_app import StreamsApp


def measure_consumer(app: StreamsApp, metrics: Metrics) -> None:
    """Have `app` keep rebalances and recovery times in `metrics`."""
    topics = [str(topic) for agent in app.agents.values() for topic in agent.channel.topics]
    if not topics:
        return
    metrics.prime(topics, app.conf.id)
    started = monotonic()

    async def on_revoked(*_args: object, **_kwargs: object) -> None:
        nonlocal started
        started = monotonic()
        metrics.rebalances.inc()
        metrics.consumer_lag.clear()

    app.on_partitions_revoked.connect(on_revoked)

    app.table_rebuilt = lambda name: metrics.store_corruption.labels(name).inc()
    for table in app.tables.values():

        async def on_recovered(name: str = table.name) -> None:
            metrics.table_recovery.labels(name).set(monotonic() - started)

        table.on_recover(on_recovered)
