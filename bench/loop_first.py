"""The first shape of the delivery loop, alone: `python -m bench.loop_first`.

A window of 64, a linger of 5 ms, `topic.send`, Faust's own tables and logging as they are by
default. What `huleedu_streams.agents.delivery` is measured against.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable
from functools import partial
from typing import Any

import faust

from bench.counting import HEADERS, OUTPUT, TABLE, TOPIC, an_output, counted, report_rate
from bench.kafka import PARTITIONS
from huleedu_streams.embedded.probe import free_port
from tables.options import rocksdb_options

APP_ID = "bench-first"
_WINDOW_EVENTS = 64
_LINGER_SECONDS = 0.005


def first_app(bootstrap: str, folder: str) -> faust.App:
    """Return the app with its one agent."""
    app = _app(bootstrap, folder)
    source = app.topic(TOPIC, key_serializer="raw", value_serializer="raw")
    output = app.topic(OUTPUT, key_serializer="raw", value_serializer="raw")
    table = app.Table(TABLE, key_type=str, partitions=PARTITIONS, options=rocksdb_options())
    slots = asyncio.Semaphore(_WINDOW_EVENTS)
    sent: asyncio.Queue[tuple[Any, Awaitable[Any]]] = asyncio.Queue()
    acknowledged = Counter[str]()

    async def acknowledge() -> None:
        while True:
            event, ack = await sent.get()
            await ack
            event.ack()
            acknowledged.update([TOPIC])
            slots.release()

    @app.agent(source)
    async def count(stream: Any) -> None:  # noqa: ANN401 - Faust's
        acknowledging = asyncio.create_task(acknowledge())
        try:
            async for event in stream.noack().events():
                await slots.acquire()
                key = event.key.decode()
                row = counted(table.get(key), event.value)
                table[key] = row
                ack = await output.send(key=event.key, value=an_output(row), headers=list(HEADERS))
                sent.put_nowait((event, ack))
        finally:
            acknowledging.cancel()

    app.task(partial(report_rate, acknowledged.total))
    return app


def _app(bootstrap: str, folder: str) -> faust.App:
    """Return the app as Faust makes it, but for what Kafka's topics here need."""
    return faust.App(
        APP_ID,
        broker=f"kafka://{bootstrap}",
        store="rocksdb://",
        datadir=folder,
        tabledir="rocksdb",
        autodiscover=False,
        topic_disable_leader=True,
        topic_partitions=PARTITIONS,
        topic_allow_declare=False,
        stream_wait_empty=False,
        producer_linger=_LINGER_SECONDS,
        producer_acks=-1,
        broker_commit_interval=1.0,
        web_port=free_port(),
    )


if __name__ == "__main__":
    faust.Worker(first_app(*sys.argv[1:]), loglevel="WARN").execute_from_commandline()
