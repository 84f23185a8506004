"""Every provider: what a protocol is made of in a running worker.

Lives here: how each part is made, once per process. Not here: what the parts do to each other
(`wiring.py`). Tests override a part by giving `create_app` a provider of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import faust
from dishka import Container, Provider, Scope, from_context, make_container, provide
from prometheus_client import CollectorRegistry

from huleedu_streams.adapters.content import build_content_store
from huleedu_streams.adapters.kafka_publisher import KafkaPublisher
from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import (
    ChangelogPublisher,
    Clock,
    ContentStore,
    EventPublisher,
    SpellChecker,
)
from huleedu_streams.settings import Settings
from huleedu_streams.spelling.pool import build_spell_checker


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time, aware, UTC."""
        return datetime.now(UTC)


class StreamsProvider(Provider):
    """The parts of a worker; all of them live as long as the process."""

    scope = Scope.APP
    settings = from_context(Settings)
    app = from_context(faust.App)

    @provide
    def registry(self) -> CollectorRegistry:
        """Return the registry of this worker: its own, so that two apps do not collide."""
        return CollectorRegistry()

    @provide
    def metrics(self, registry: CollectorRegistry) -> Metrics:
        """Return the catalogue of metrics."""
        return Metrics(registry)

    @provide
    def clock(self) -> Clock:
        """Return the machine's clock."""
        return SystemClock()

    @provide
    def content_store(self, settings: Settings, metrics: Metrics) -> ContentStore:
        """Return the store that `HULEEDU_CONTENT_STORE_URL` names."""
        return build_content_store(settings, metrics)

    @provide
    def spell_checker(self, settings: Settings) -> SpellChecker:
        """Return what checks texts, in processes of its own where the settings say so."""
        return build_spell_checker(
            settings.languages,
            engine=settings.spell_engine,
            l2_dictionary=settings.l2_dictionary,
            processes=settings.spell_processes,
            timeout_seconds=settings.spell_timeout_seconds,
        )

    @provide
    def kafka_publisher(self, settings: Settings, app: faust.App) -> KafkaPublisher:
        """Return what produces records through the app's producer."""
        return KafkaPublisher(
            app,
            bootstrap_servers=settings.bootstrap_servers,
            max_request_bytes=settings.producer_max_request_bytes,
        )

    @provide
    def event_publisher(self, publisher: KafkaPublisher) -> EventPublisher:
        """Return the publisher of events and dead letters."""
        return publisher

    @provide
    def changelog_publisher(self, publisher: KafkaPublisher) -> ChangelogPublisher:
        """Return the publisher of tables' changes."""
        return publisher


def build_container(settings: Settings, app: faust.App, overrides: Sequence[Provider]) -> Container:
    """Return the container of one app; later providers replace earlier ones."""
    return make_container(
        StreamsProvider(), *overrides, context={Settings: settings, faust.App: app}
    )


def provider_count(container: Container) -> int:
    """Return how many parts are bound, what comes from outside included."""
    return len(container.registry.factories)
