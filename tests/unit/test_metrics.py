from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from time import thread_time

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from huleedu_streams.domain.spelling import CheckedText, Correction
from huleedu_streams.metrics import Metrics

NOW = datetime(2025, 5, 27, 12, tzinfo=UTC)
TOPIC = "huleedu.essay.spellcheck.requested.v1"
# What `promtool check metrics` calls units that are not base units, or types in names.
NOT_BASE_UNITS = re.compile(
    r"_(milliseconds|ms|minutes|hours|days|kilobytes|kb|megabytes|mb|percent|percentage)(_|$)"
)
TYPE_WORDS = re.compile(r"_(counter|gauge|histogram|summary|untyped)(_|$)")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry)


def families(registry: CollectorRegistry) -> list[Metric]:
    Metrics(registry)
    return list(registry.collect())


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


@pytest.mark.parametrize(
    "family", families(CollectorRegistry()), ids=lambda family: str(family.name)
)
def test_metric_passes_the_lint_of_promtool(family: Metric) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
    assert family.documentation.strip()
    assert not NOT_BASE_UNITS.search(family.name)
    assert not TYPE_WORDS.search(family.name)
    assert not family.name.endswith(("_total", "_count", "_sum", "_bucket"))


def test_catalogue_holds_every_metric_of_the_design(registry: CollectorRegistry) -> None:
    names = {f"{f.name}{'_total' if f.type == 'counter' else ''}" for f in families(registry)}

    assert {
        "kafka_message_queue_latency_seconds",
        "huleedu_events_consumed_total",
        "huleedu_event_processing_seconds",
        "huleedu_spellcheck_seconds",
        "huleedu_spellcheck_words_total",
        "huleedu_spellcheck_corrections_total",
        "huleedu_content_request_seconds",
        "huleedu_dead_letters_total",
        "huleedu_essay_transitions_total",
        "huleedu_consumer_lag_messages",
        "huleedu_rebalances_total",
        "huleedu_table_recovery_seconds",
        "huleedu_store_corruption_total",
        "huleedu_worker_ready",
        "huleedu_build",
        "http_requests_total",
        "http_request_duration_seconds",
    } <= names


def test_queue_latency_is_present_before_any_message(metrics: Metrics) -> None:
    metrics.prime([TOPIC], "huleedu-streams")

    body, _ = metrics.render(None)

    line = (
        "kafka_message_queue_latency_seconds_count"
        f'{{consumer_group="huleedu-streams",topic="{TOPIC}"}} 0.0'
    )
    assert line in body.decode().splitlines()


@pytest.mark.parametrize(
    "moment",
    [
        NOW + timedelta(microseconds=1),
        NOW + timedelta(seconds=5),
        NOW + timedelta(hours=11),
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_clock_ahead_counts_as_zero_seconds(
    metrics: Metrics, registry: CollectorRegistry, moment: datetime
) -> None:
    metrics.event_started(TOPIC, "group", moment, NOW)

    labels = {"topic": TOPIC, "consumer_group": "group"}
    assert value(registry, "kafka_message_queue_latency_seconds_sum", **labels) == 0
    assert value(registry, "kafka_message_queue_latency_seconds_count", **labels) == 1
    assert value(registry, "huleedu_events_from_the_future_total", topic=TOPIC) == 1


@pytest.mark.parametrize(
    "moment",
    [
        NOW,
        NOW - timedelta(seconds=5),
        NOW - timedelta(hours=11),
        # Half past two in the hour that Stockholm has twice.
        datetime(2024, 10, 27, 2, 30, tzinfo=timezone(timedelta(hours=2))),
        datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=timezone(timedelta(hours=1))),
        datetime.min.replace(tzinfo=UTC),
    ],
)
def test_queue_latency_is_the_age_of_the_event(
    metrics: Metrics, registry: CollectorRegistry, moment: datetime
) -> None:
    metrics.event_started(TOPIC, "group", moment, NOW)

    labels = {"topic": TOPIC, "consumer_group": "group"}
    seconds = value(registry, "kafka_message_queue_latency_seconds_sum", **labels)
    assert seconds == (NOW - moment.astimezone(UTC)).total_seconds()
    assert value(registry, "huleedu_events_from_the_future_total", topic=TOPIC) is None


def test_foreign_labels_become_other(metrics: Metrics, registry: CollectorRegistry) -> None:
    metrics.event_finished(TOPIC, "made.up.type", "done")
    metrics.event_finished(TOPIC, None, "done")
    metrics.essay_moved(None, "awaiting_spellcheck")
    metrics.essay_stayed("made_up", "awaiting_nlp")
    metrics.http_answered("BREW", "/v1/content", 405, 0.1)

    consumed = {"topic": TOPIC, "event_type": "other", "outcome": "done"}
    assert value(registry, "huleedu_events_consumed_total", **consumed) == 2
    moved = {"from_status": "none", "to_status": "awaiting_spellcheck"}
    assert value(registry, "huleedu_essay_transitions_total", **moved) == 1
    stayed = {"from_status": "other", "to_status": "awaiting_nlp"}
    assert value(registry, "huleedu_illegal_transitions_total", **stayed) == 1
    answered = {"method": "other", "route": "/v1/content", "status": "405"}
    assert value(registry, "http_requests_total", **answered) == 1


def test_text_checked_counts_words_and_corrections_by_rule(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    one = Correction(0, 3, "teh", "the", "exact", "transposition")
    metrics.text_checked("en", 0.2, CheckedText("the", (one, one), (), 40))

    assert value(registry, "huleedu_spellcheck_words_total", language="en") == 40
    rule = {"language": "en", "rule": "exact"}
    assert value(registry, "huleedu_spellcheck_corrections_total", **rule) == 2
    assert value(registry, "huleedu_spellcheck_seconds_count", language="en") == 1


def test_recording_nonsense_raises_nothing(metrics: Metrics, registry: CollectorRegistry) -> None:
    metrics.text_checked("en", 0.2, CheckedText("", (), (), -1))
    metrics.event_started(TOPIC, "group", NOW.replace(tzinfo=None), NOW)

    assert value(registry, "huleedu_spellcheck_words_total", language="en") == 0


def test_waiting_shows_only_while_something_waits(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    with metrics.waiting_for("content-store"):
        during = value(registry, "huleedu_dependency_waiting", dependency="content-store")

    assert during == 1
    assert value(registry, "huleedu_dependency_waiting", dependency="content-store") == 0


def test_scrape_is_openmetrics_when_the_scraper_asks(metrics: Metrics) -> None:
    body, content_type = metrics.render("application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    parsed = text_string_to_metric_families(body.decode())  # type: ignore[no-untyped-call]
    assert "huleedu_build" in {family.name for family in parsed}


def test_scrape_is_plain_text_otherwise(metrics: Metrics) -> None:
    body, content_type = metrics.render(None)

    assert content_type.startswith("text/plain")
    assert b"_created" not in body
    assert b"huleedu_build_info{version=" in body
    metrics.event_processed(TOPIC, 0.1)
    metrics.dead_lettered(TOPIC, "undecodable")
    metrics.content_requested("get", "ok", 0.1)
    assert b"huleedu_dead_letters_total" in metrics.render(None)[0]


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=abc", "text/plain; q=?"])
def test_scrape_is_plain_text_for_a_header_that_makes_no_sense(
    metrics: Metrics, accept: str
) -> None:
    _body, content_type = metrics.render(accept)

    assert content_type.startswith("text/plain")


def test_counting_a_text_full_of_errors_takes_milliseconds(metrics: Metrics) -> None:
    one = Correction(0, 3, "teh", "the", "exact", "transposition")
    checked = CheckedText("the", (one,) * 150_000, (), 150_000)

    started = thread_time()
    metrics.text_checked("en", 0.2, checked)

    assert thread_time() - started < 0.05
