"""The Faust app of this package: Faust with every option given, and none read behind our back.

Lives here: how Faust is configured and what is closed when it stops. Not here: which agents,
tables and views it has (`wiring.py`).
"""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import faust
import structlog
from faust.app.base import BootStrategy
from mode.supervisors import CrashingSupervisor

from huleedu_streams.errors import HuleeduStreamsError, StartupError, TableError
from huleedu_streams.runtime.changelogs import Changelogs
from huleedu_streams.runtime.contiguous_consumer import ContiguousConsumer
from huleedu_streams.runtime.recovery import StreamsTableManager
from huleedu_streams.runtime.streams import StreamsStream
from huleedu_streams.runtime.worker import StreamsWorker
from huleedu_streams.settings import Role, Settings
from huleedu_streams.topics.catalogue import TopicSpec
from tables.changelog import RecordingTable
from tables.guard import GuardedStore

log = structlog.get_logger(__name__)

ORIGIN = "huleedu_streams.app"
# Records are gathered before they come to the producer (`adapters/kafka_batches.py`).
PRODUCER_LINGER_SECONDS = 0.0
PRODUCER_BATCH_BYTES = 262_144


def _no_worker(error: HuleeduStreamsError) -> None:
    raise error


def _no_metrics(_table: str) -> None:
    return


class _WithoutKafka(BootStrategy):
    """Starts the web server and nothing else: a pure content role needs no broker."""

    enable_kafka = False


class StreamsApp(faust.App):
    """A Faust app made from `Settings`.

    Attributes:
        settings: The configuration of this process.
        required_topics: What must exist on the broker before the app may start.
        description: What the first log line of a worker says of it.
        renew: Starts the worker again; the worker sets it.
        changelogs: Where tables are recovered from.
        refuse: Ends the worker as one that must not run; the worker sets it.
        table_rebuilt: Counts a damaged database of a table, by its name.
    """

    def __init__(self, settings: Settings, *, partitions: int) -> None:
        self.settings = settings
        self.changelogs = Changelogs(settings.bootstrap_servers, client_id(settings.roles))
        self.required_topics: Sequence[TopicSpec] = ()
        self.description: Mapping[str, object] = {}
        self.renew: Callable[[TableError], None] = _no_worker
        self.refuse: Callable[[StartupError], None] = _no_worker
        self.table_rebuilt: Callable[[str], None] = _no_metrics
        self._openings: list[Callable[[], Awaitable[None]]] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._killers: list[Callable[[], None]] = []
        super().__init__(settings.faust_app_id, **_faust_options(settings, partitions))
        # Without an agent Faust's consumer crashes as it subscribes to nothing.
        self.producer_only = not settings.has_agents
        if not settings.needs_kafka:
            self.boot_strategy = _WithoutKafka(self)

    def _new_transport(self) -> Any:  # noqa: ANN401 - of the broker's driver
        transport: Any = super()._new_transport()
        transport.Consumer = ContiguousConsumer
        return transport

    def table_failed(self, table: str, error: TableError) -> None:
        """Have the worker start again: a partition of `table` gives no more rows till then."""
        log.error("table_failed", table=table, code=error.code, detail=str(error))
        self.renew(error)

    def table_cannot_be_opened(self, table: str, error: TableError) -> None:
        """Have the worker end: what the error asks for, nobody but an operator can do."""
        log.error("table_failed", table=table, code=error.code, detail=str(error))
        self.refuse(StartupError(str(error)))

    def table_is_rebuilt(self, table: str, folder: str) -> None:
        """Count a damaged database that is made anew from its changelog."""
        log.warning("table_is_rebuilt", table=table, folder=folder)
        self.table_rebuilt(table)

    def table_is_read_again(self, table: str, folder: str) -> None:
        """Say that a database may lack rows and gets its whole changelog again."""
        log.warning("table_is_read_again", table=table, folder=folder)

    @property
    def unnoticed_seconds(self) -> float:
        """How long the process may stand still before the group takes it for dead."""
        return self.conf.broker_session_timeout - self.conf.broker_heartbeat_interval

    def read_through(self) -> Iterator[None]:
        """Read every database that is open, a slice a step; what is damaged is withdrawn."""
        for store in self._stores():
            for partition in store.open_partitions:
                yield from store.read_through(partition)

    def close_tables(self) -> None:
        """Close the databases of all tables: RocksDB's threads must not outlive its memory."""
        for store in self._stores():
            store.close()

    def _stores(self) -> Iterator[GuardedStore]:
        for table in self.tables.values():
            if isinstance(table.data, GuardedStore):
                yield table.data

    def open_on_start(self, opening: Callable[[], Awaitable[None]]) -> None:
        """Await `opening` before the app starts to consume."""
        self._openings.append(opening)

    def close_on_stop(self, close: Callable[[], Awaitable[None]]) -> None:
        """Await `close` after the app has stopped; the last one added is closed first."""
        self._closers.append(close)

    def kill_on_restart(self, kill: Callable[[], None]) -> None:
        """Call `kill` where the process starts again without a stop."""
        self._killers.append(kill)

    def end_children(self) -> None:
        """End the processes that this one has started, at once."""
        for kill in self._killers:
            kill()

    async def open(self) -> None:
        """Make ready what the agents use; what is ready stays so.

        Raises:
            HuleeduStreamsError: something cannot be made ready, e.g. a dictionary.
        """
        while self._openings:
            await self._openings[0]()
            del self._openings[0]

    async def on_first_start(self) -> None:
        """Make ready what the worker's checks have not."""
        await self.open()
        # Dictionaries and code stay as long as the process: without this, each full collection
        # looks through all of them, for as long as two essays take.
        gc.collect()
        gc.freeze()
        await super().on_first_start()

    async def on_shutdown(self) -> None:
        """Let go of what the agents and views used."""
        await super().on_shutdown()
        while self._closers:
            await self._closers.pop()()


def client_id(roles: Iterable[Role]) -> str:
    """Return the Kafka client id of a worker; it names the roles, so that peers can compare."""
    return "huleedu-streams:" + "+".join(sorted(roles))


def _faust_options(settings: Settings, partitions: int) -> dict[str, Any]:
    web_host = settings.web_host or settings.web_bind
    return {
        "broker": settings.broker_url,
        "store": "rocksdb://",
        "datadir": str(settings.data_dir / settings.faust_app_id),
        "tabledir": "rocksdb",
        "origin": ORIGIN,
        "autodiscover": False,
        "env_prefix": "HULEEDU_FAUST_",
        "Stream": StreamsStream,
        "Table": RecordingTable,
        # A standby misses what its worker drops as a rebalance ends, and would be believed.
        "table_standby_replicas": 0,
        "TableManager": StreamsTableManager,
        "Worker": StreamsWorker,
        "broker_client_id": client_id(settings.roles),
        "consumer_group_instance_id": settings.instance_id,
        # Faust's defaults make failover take a minute.
        "broker_session_timeout": settings.session_timeout_seconds,
        "broker_heartbeat_interval": settings.session_timeout_seconds * 0.3,
        "broker_commit_interval": 1.0,
        "consumer_max_fetch_size": max(settings.event_max_bytes * 4, 1_048_576),
        "agent_supervisor": CrashingSupervisor,
        # Safe because the delivery loop acknowledges by hand and abandons its window.
        "stream_wait_empty": False,
        "topic_disable_leader": True,
        "topic_partitions": partitions,
        "topic_allow_declare": False,
        "producer_linger": PRODUCER_LINGER_SECONDS,
        "producer_max_batch_size": PRODUCER_BATCH_BYTES,
        "producer_max_request_size": settings.producer_max_request_bytes,
        "producer_acks": -1,
        "web_enabled": True,
        "web_bind": settings.web_bind,
        "web_port": settings.web_port,
        "web_host": web_host,
        "canonical_url": f"http://{web_host}:{settings.web_port}",
        "web_tables_enabled": False,
        "web_router_enabled": False,
        "worker_redirect_stdouts": False,
    }
