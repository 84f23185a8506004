"""Every metric: its name, labels and buckets, on an injected registry.

Lives here: the catalogue and the methods that record. Not here: who measures what. Recording
never raises, so that a metric can never fail an essay; labels are bounded, so that no producer
can grow the scrape.
"""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from huleedu_streams import __version__
from huleedu_streams.contracts.topic_names import TOPIC_NAMES
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.domain.spelling import CheckedText

# `…_created` series would double the scrape, and nothing here asks when a series began.
disable_created_metrics()  # type: ignore[no-untyped-call]

OTHER = "other"
_EVENT_TYPES = frozenset(TOPIC_NAMES.values())
_STATUSES = frozenset(EssayStatus)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# From a quiet broker's milliseconds to the hour that an outage may last.
_QUEUE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
# A word costs microseconds, an essay milliseconds; `HULEEDU_SPELL_TIMEOUT_SECONDS` ends at 60.
_CHECK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The catalogue; one object per registry.

    The attributes are there for what has no method of its own (gauges that are set, timings);
    everything counted per event goes through a method, which bounds the labels.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._declare_events(registry)
        self._declare_work(registry)
        self._declare_worker(registry)
        self._declare_http(registry)
        ProcessCollector(registry=registry)

    def _declare_events(self, registry: CollectorRegistry) -> None:
        self.queue_latency = Histogram(
            "kafka_message_queue_latency_seconds",
            "From an event's timestamp to the start of its processing.",
            ("topic", "consumer_group"),
            buckets=_QUEUE_BUCKETS,
            registry=registry,
        )
        self.clocks_ahead = Counter(
            "huleedu_events_from_the_future_total",
            "Events whose timestamp lay ahead of this clock; their latency counts as 0.",
            ("topic",),
            registry=registry,
        )
        self.events_consumed = Counter(
            "huleedu_events_consumed_total",
            "Events finished, by outcome.",
            ("topic", "event_type", "outcome"),
            registry=registry,
        )
        self.event_processing = Histogram(
            "huleedu_event_processing_seconds",
            "From the start of an event's processing to its acknowledgement.",
            ("topic",),
            buckets=_CHECK_BUCKETS,
            registry=registry,
        )
        self.dead_letters = Counter(
            "huleedu_dead_letters_total",
            "Records sent to the dead-letter topic of their topic.",
            ("topic", "reason"),
            registry=registry,
        )
        self.consumer_lag = Gauge(
            "huleedu_consumer_lag_messages",
            "Records of a partition of this worker that are not processed yet.",
            ("topic", "partition"),
            registry=registry,
        )

    def _declare_work(self, registry: CollectorRegistry) -> None:
        self.spellcheck = Histogram(
            "huleedu_spellcheck_seconds",
            "Time to check one text, waiting for a free process included.",
            ("language",),
            buckets=_CHECK_BUCKETS,
            registry=registry,
        )
        self.spellcheck_words = Counter(
            "huleedu_spellcheck_words_total",
            "Words looked at.",
            ("language",),
            registry=registry,
        )
        self.spellcheck_corrections = Counter(
            "huleedu_spellcheck_corrections_total",
            "Words replaced, by what decided.",
            ("language", "rule"),
            registry=registry,
        )
        self.content_request = Histogram(
            "huleedu_content_request_seconds",
            "Time of one request to the content store.",
            ("operation", "outcome"),
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self.essay_transitions = Counter(
            "huleedu_essay_transitions_total",
            "Transitions applied to essays; from_status is none for the first.",
            ("from_status", "to_status"),
            registry=registry,
        )
        self.illegal_transitions = Counter(
            "huleedu_illegal_transitions_total",
            "Transitions asked for that the status machine does not have.",
            ("from_status", "to_status"),
            registry=registry,
        )

    def _declare_worker(self, registry: CollectorRegistry) -> None:
        self.dependency_waiting = Gauge(
            "huleedu_dependency_waiting",
            "Events that wait for a dependency to come back.",
            ("dependency",),
            registry=registry,
        )
        self.partition_stalled = Gauge(
            "huleedu_partition_stalled_seconds",
            "How long a partition has had lag and no progress; /livez fails above the setting.",
            ("topic", "partition"),
            registry=registry,
        )
        self.waiting_rows = Gauge(
            "huleedu_waiting_rows",
            "Essays without a result, batches without an outcome, on this worker.",
            ("table",),
            registry=registry,
        )
        self.sweeps = Counter(
            "huleedu_sweeps_total",
            "Sweeps for what is stuck; other outcomes than done did nothing about essays.",
            ("outcome",),
            registry=registry,
        )
        self.swept = Counter(
            "huleedu_swept_total",
            "What sweeps did: requests sent again, essays given up, batches past their deadline.",
            ("action",),
            registry=registry,
        )
        self.rebalances = Counter(
            "huleedu_rebalances_total", "Rebalances this worker took part in.", registry=registry
        )
        self.table_recovery = Gauge(
            "huleedu_table_recovery_seconds",
            "How long the table's last recovery from its changelog took.",
            ("table",),
            registry=registry,
        )
        self.store_corruption = Counter(
            "huleedu_store_corruption_total",
            "Damaged RocksDB stores found and rebuilt from the changelog.",
            ("table",),
            registry=registry,
        )
        self.worker_ready = Gauge(
            "huleedu_worker_ready",
            "1 while this worker answers /readyz with 200.",
            registry=registry,
        )
        self.build = Info("huleedu_build", "What is running.", registry=registry)
        self.build.info({"version": __version__})

    def _declare_http(self, registry: CollectorRegistry) -> None:
        self.http_requests = Counter(
            "http_requests_total",
            "HTTP requests answered, by route template.",
            ("method", "route", "status"),
            registry=registry,
        )
        self.http_request_duration = Histogram(
            "http_request_duration_seconds",
            "Time to answer an HTTP request, by route template.",
            ("method", "route"),
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )

    def prime(self, topics: Iterable[str], group: str) -> None:
        """Show the series of `topics` for `group` before any message has come."""
        for topic in topics:
            self.queue_latency.labels(topic, group)
            self.event_processing.labels(topic)
            self.clocks_ahead.labels(topic)

    def prime_dependency(self, dependency: str) -> None:
        """Show that nothing waits for `dependency` before anything ever has."""
        self.dependency_waiting.labels(dependency)

    def event_started(self, topic: str, group: str, happened_at: datetime, now: datetime) -> None:
        """Record how old an event is as its processing starts.

        A timestamp ahead of `now` counts as 0 seconds and is counted on its own.
        """
        with _harmless():
            age_seconds = (now - happened_at).total_seconds()
            if age_seconds < 0:
                self.clocks_ahead.labels(topic).inc()
            self.queue_latency.labels(topic, group).observe(max(0.0, age_seconds))

    def event_finished(self, topic: str, event_type: str | None, outcome: str) -> None:
        """Count an event; an event type that no topic carries becomes `other`."""
        with _harmless():
            self.events_consumed.labels(topic, _bounded(event_type, _EVENT_TYPES), outcome).inc()

    def event_processed(self, topic: str, seconds: float) -> None:
        """Record how long an event took, retries and waiting included."""
        with _harmless():
            self.event_processing.labels(topic).observe(seconds)

    def dead_lettered(self, topic: str, reason: str) -> None:
        """Count a dead letter; `reason` is the `code` of an error class, or `unexpected`."""
        with _harmless():
            self.dead_letters.labels(topic, reason).inc()

    def text_checked(self, language: str, seconds: float, checked: CheckedText) -> None:
        """Record a finished check; `language` is one that is served, so the label is bounded."""
        with _harmless():
            self.spellcheck.labels(language).observe(seconds)
            self.spellcheck_words.labels(language).inc(checked.word_count)
            by_rule = Counted(correction.rule for correction in checked.corrections)
            by_rule.update(dict(checked.unlisted))
            for rule, count in by_rule.items():
                self.spellcheck_corrections.labels(language, rule).inc(count)

    def content_requested(self, operation: str, outcome: str, seconds: float) -> None:
        """Record one request to the content store; `outcome` is `ok` or an error's `code`."""
        with _harmless():
            self.content_request.labels(operation, outcome).observe(seconds)

    def essay_moved(self, from_status: str | None, to_status: str) -> None:
        """Count a transition that was applied."""
        with _harmless():
            self.essay_transitions.labels(*_edge(from_status, to_status)).inc()

    def essay_stayed(self, from_status: str | None, to_status: str) -> None:
        """Count a transition that was refused as illegal."""
        with _harmless():
            self.illegal_transitions.labels(*_edge(from_status, to_status)).inc()

    @contextmanager
    def waiting_for(self, dependency: str) -> Iterator[None]:
        """Show, while the block runs, that one more event waits for `dependency`."""
        self.dependency_waiting.labels(dependency).inc()
        try:
            yield
        finally:
            self.dependency_waiting.labels(dependency).dec()

    def http_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record an HTTP answer; `route` is a template, never a raw path."""
        with _harmless():
            known = _bounded(method, _METHODS)
            self.http_requests.labels(known, route, str(status)).inc()
            self.http_request_duration.labels(known, route).observe(seconds)

    def render(self, accept: str | None) -> tuple[bytes, str]:
        """Return the scrape and its content type: OpenMetrics if `accept` asks for it."""
        try:
            encoder, content_type = choose_encoder(accept or "")
        except (TypeError, ValueError):  # the library trips over versions that are none
            encoder, content_type = choose_encoder("")
        return encoder(self._registry), content_type


def _harmless() -> suppress:
    """Swallow what prometheus-client raises for a wrong label or a negative count."""
    return suppress(ValueError, TypeError)


def _bounded(value: str | None, known: frozenset[str]) -> str:
    return value if value is not None and value in known else OTHER


def _edge(from_status: str | None, to_status: str) -> tuple[str, str]:
    start = "none" if from_status is None else _bounded(from_status, _STATUSES)
    return start, _bounded(to_status, _STATUSES)
