"""How the parts meet: settings in, a Faust app out. Read this to know what a worker runs.

    settings ─▶ StreamsApp ─▶ container (di.py) ─▶ tables ─▶ agents ─▶ views ─▶ commands

This is the only place where adapters, tables, agents and views meet; each of them is told what it
needs and knows nothing of the others. A role brings its agents, tables and views; a worker may
have one role or all four.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from dishka import Container, Provider

from huleedu_streams.adapters.kafka_publisher import KafkaPublisher
from huleedu_streams.agents import batches, lifecycle, spellcheck
from huleedu_streams.agents.consuming import Consuming
from huleedu_streams.agents.delivery import Outlets
from huleedu_streams.agents.dependencies import Dependency
from huleedu_streams.agents.failures import FailurePolicy, Limits
from huleedu_streams.agents.fault_points import fault_points
from huleedu_streams.contracts.envelope import SCHEMA_VERSION
from huleedu_streams.di import build_container, provider_count
from huleedu_streams.domain.in_flight import InFlight
from huleedu_streams.errors import HuleeduStreamsError
from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import (
    ChangelogPublisher,
    Clock,
    ContentStore,
    EventPublisher,
    SpellChecker,
)
from huleedu_streams.runtime.broker_log import BrokerLog
from huleedu_streams.runtime.group_offsets import GroupOffsets
from huleedu_streams.runtime.measuring import measure_consumer
from huleedu_streams.runtime.recalling import watched_batches, watched_essays
from huleedu_streams.runtime.scrubbing import Scrub
from huleedu_streams.runtime.stalling import stall
from huleedu_streams.runtime.streams_app import StreamsApp, client_id
from huleedu_streams.runtime.sweeping import Sweeper, SweepLimits, SweepParts
from huleedu_streams.runtime.watching import ConsumerWatch
from huleedu_streams.settings import Role, Settings, load_settings
from huleedu_streams.topics.catalogue import catalogue, table_partitions
from huleedu_streams.views.batches import build_batch_views
from huleedu_streams.views.content import build_content_views
from huleedu_streams.views.essays import EssayParts, build_essay_views
from huleedu_streams.views.operations import Health, build_operation_views
from huleedu_streams.views.publishing import AcknowledgedPublisher
from huleedu_streams.views.readiness import FaustReadiness
from huleedu_streams.views.routing import FaustOwners, PeerClient, StateRouter
from huleedu_streams.views.server import Views, serve_views
from huleedu_streams.views.submissions import build_submission_views
from tables.batches import BatchTables, declare_batches
from tables.essays import EssaysTable, declare_essays
from tables.faust_command import register_tables_command


class Tables(NamedTuple):
    """The tables of a worker with the lifecycle role, and which of their rows wait.

    The latter only where sweeps ask for it.
    """

    essays: EssaysTable
    batches: BatchTables
    essays_in_flight: InFlight | None
    batches_in_flight: InFlight | None


def create_app(settings: Settings, *overrides: Provider) -> StreamsApp:
    """Return the application that `settings` describe; not started.

    Args:
        settings: What to run and where everything is.
        overrides: Providers whose parts replace those of `di.py`, for tests.

    Raises:
        SettingsError: a setting or `kafka_topics.yaml` is wrong.
    """
    has_tables = Role.LIFECYCLE in settings.roles
    topics = catalogue(settings.faust_app_id if has_tables else None)
    partitions = table_partitions(topics)
    app = StreamsApp(settings, partitions=partitions)
    app.required_topics = topics
    container = build_container(settings, app, overrides)

    tables = _declare_tables(app, partitions) if has_tables else None
    store = _store_dependency(app, container)
    _add_agents(app, container, tables, store)
    readiness = FaustReadiness(app, app.tables if has_tables else None, settings.has_agents)
    broker_log = BrokerLog(
        settings.bootstrap_servers, client_id(settings.roles), container.get(Clock)
    )
    app.close_on_stop(broker_log.close)
    watch = _watch(
        app,
        container,
        broker_log,
        lambda: readiness.problem() is not None or store.outage is not None,
    )
    if tables is not None:
        _sweep(app, container, tables, broker_log, lambda: readiness.problem() is None)
    Scrub(app, interval_seconds=settings.scrub_interval_seconds).start()
    health = Health(readiness, watch, [store, broker_log])
    metrics = container.get(Metrics)
    serve_views(app, _views(app, container, tables, health), metrics, settings.tokens())
    measure_consumer(app, metrics)
    register_tables_command(app, Path(app.conf.tabledir))
    app.description = {
        "app_id": settings.faust_app_id,
        "roles": ",".join(sorted(settings.roles)),
        "providers": provider_count(container),
        "schema_version": SCHEMA_VERSION,
    }
    return app


def app_or_exit() -> StreamsApp:
    """Return the application of this process; what is wrong is one line and exit code 2."""
    try:
        return create_app(load_settings())
    except HuleeduStreamsError as error:
        sys.stderr.write(f"huleedu-streams: {error}\n")
        raise SystemExit(2) from None


def _declare_tables(app: StreamsApp, partitions: int) -> Tables:
    return Tables(
        declare_essays(app, partitions=partitions),
        declare_batches(app, partitions=partitions),
        InFlight(monotonic) if app.settings.stuck_after_seconds else None,
        InFlight(monotonic) if app.settings.batch_deadline_seconds else None,
    )


def _store_dependency(app: StreamsApp, container: Container) -> Dependency:
    store = Dependency(
        "content-store",
        container.get(ContentStore).is_healthy,
        container.get(Clock),
        container.get(Metrics),
        poll_seconds=app.settings.dependency_poll_seconds,
    )
    app.close_on_stop(store.close)
    return store


def _watch(
    app: StreamsApp, container: Container, broker_log: BrokerLog, is_excused: Callable[[], bool]
) -> ConsumerWatch:
    watch = ConsumerWatch(
        app,
        broker_log,
        container.get(Clock),
        container.get(Metrics),
        limit_seconds=app.settings.wedged_after_seconds,
        is_excused=is_excused,
    )
    watch.start()
    return watch


def _sweep(
    app: StreamsApp,
    container: Container,
    tables: Tables,
    broker_log: BrokerLog,
    is_ready: Callable[[], bool],
) -> None:
    """Have `app` look for what is stuck, where its settings say how long is too long."""
    settings = app.settings
    limits = SweepLimits(settings.stuck_after_seconds, settings.batch_deadline_seconds)
    if not any(limits):
        return
    speller = GroupOffsets(
        settings.bootstrap_servers, client_id(settings.roles), settings.speller_group
    )
    app.close_on_stop(speller.close)
    parts = SweepParts(
        essays=watched_essays(tables.essays, tables.essays_in_flight),
        batches=watched_batches(tables.batches, tables.batches_in_flight),
        members=tables.batches,
        broker_log=broker_log,
        speller=speller,
        publisher=container.get(EventPublisher),
        clock=container.get(Clock),
        metrics=container.get(Metrics),
    )
    Sweeper(app, limits, parts, is_ready).start()


def _add_agents(
    app: StreamsApp, container: Container, tables: Tables | None, store: Dependency
) -> None:
    settings = app.settings
    if not settings.has_agents:
        return
    consuming = _consuming(app, container, store)
    if Role.SPELLCHECK in settings.roles:
        checker = container.get(SpellChecker)
        app.open_on_start(checker.start)
        app.close_on_stop(checker.close)
        app.kill_on_restart(checker.kill)
        checking = spellcheck.SpellcheckAgent(
            container.get(ContentStore),
            checker,
            container.get(Clock),
            container.get(Metrics),
            text_max_bytes=settings.text_max_bytes,
        )
        consuming.add_agent("spellcheck", checking.work, asyncio.Lock(), spellcheck.HELP)
    if tables is not None:
        _add_table_agents(consuming, tables, container.get(Metrics))


def _add_table_agents(consuming: Consuming, tables: Tables, metrics: Metrics) -> None:
    essays_order, batches_order = asyncio.Lock(), asyncio.Lock()
    essays = lifecycle.LifecycleAgent(tables.essays, metrics, tables.essays_in_flight)
    consuming.add_agent(
        "lifecycle_requested", essays.requested, essays_order, lifecycle.REQUESTED_HELP
    )
    consuming.add_agent(
        "lifecycle_completed", essays.completed, essays_order, lifecycle.COMPLETED_HELP
    )
    groups = batches.BatchesAgent(tables.batches, tables.batches_in_flight)
    consuming.add_agent(
        "batch_registered", groups.registered, batches_order, batches.REGISTERED_HELP
    )
    consuming.add_agent("batch_updated", groups.updated, batches_order, batches.UPDATED_HELP)


def _consuming(app: StreamsApp, container: Container, store: Dependency) -> Consuming:
    settings, metrics = app.settings, container.get(Metrics)
    limits = Limits(
        event_max_bytes=settings.event_max_bytes,
        text_tries=settings.text_tries,
        unexpected_tries=settings.unexpected_tries,
    )
    policy = FailurePolicy(limits, settings.faust_app_id, container.get(Clock), metrics, store)
    outlets = Outlets(
        container.get(EventPublisher),
        container.get(ChangelogPublisher),
        metrics,
        fault_points(settings.fault_points, lambda: stall(app)),
    )
    return Consuming(app, policy, outlets, settings.window_events)


def _views(
    app: StreamsApp, container: Container, tables: Tables | None, health: Health
) -> Iterator[Views]:
    """Yield the views of each role, and those that every worker has."""
    settings, store, clock = app.settings, container.get(ContentStore), container.get(Clock)
    app.close_on_stop(store.close)
    app.close_on_stop(container.get(KafkaPublisher).close)
    publisher = container.get(EventPublisher)
    if Role.CONTENT in settings.roles:
        yield build_content_views(store, settings.text_max_bytes)
    if Role.BATCH in settings.roles:
        yield build_submission_views(store, publisher, clock, settings)
    if tables is not None:
        peers = PeerClient(settings.route_timeout_seconds, settings.publish_timeout_seconds)
        app.close_on_stop(peers.close)
        router = StateRouter(FaustOwners(app), peers, health.readiness)
        acknowledged = AcknowledgedPublisher(
            publisher,
            timeout_seconds=settings.publish_timeout_seconds,
            event_max_bytes=settings.event_max_bytes,
        )
        yield build_essay_views(EssayParts(tables.essays, router, store, acknowledged, clock))
        yield build_batch_views(tables.batches, router)
    yield build_operation_views(health, container.get(Metrics))
