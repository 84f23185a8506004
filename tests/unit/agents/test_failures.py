from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry

from huleedu_streams.agents.dependencies import Dependency
from huleedu_streams.agents.failures import FailurePolicy, Limits
from huleedu_streams.agents.handling import Handled, Outcome, Work
from huleedu_streams.agents.spellcheck import SpellcheckAgent
from huleedu_streams.contracts.codec import encode
from huleedu_streams.contracts.dead_letters import ConsumedRecord
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.events import SpellcheckRequestedDataV1
from huleedu_streams.metrics import Metrics
from tests.builders import CORRELATION_ID, REQUESTED, a_request, a_storage_id
from tests.fakes import FrozenClock, MemoryContentStore, ScriptedSpellChecker

log = structlog.get_logger(__name__)
Request = EventEnvelope[SpellcheckRequestedDataV1]


def a_policy() -> FailurePolicy:
    clock, metrics = FrozenClock(), Metrics(CollectorRegistry())
    store = Dependency(
        "content-store", MemoryContentStore().is_healthy, clock, metrics, poll_seconds=1
    )
    return FailurePolicy(Limits(262_144, 1, 1), "group", clock, metrics, store)


def a_record() -> ConsumedRecord:
    event = encode(a_request())
    return ConsumedRecord(event.topic, 0, 0, event.key.encode(), event.value, ())


def say(request: Request) -> Handled:
    log.info("handled", event_type=request.event_type)
    return Handled((), Outcome.DONE)


async def say_later(request: Request) -> Handled:
    return say(request)


async def test_log_lines_of_an_event_carry_its_correlation_id() -> None:
    policy = a_policy()
    merge = structlog.contextvars.merge_contextvars
    with structlog.testing.capture_logs(processors=[merge]) as logs:
        await policy.prepare(Work(REQUESTED, owns_poison=True, prepare=say_later), a_record())
        policy.fold(Work(REQUESTED, owns_poison=True, fold=say), a_record())
        log.info("between")

    ids = [line.get("correlation_id") for line in logs]
    assert ids == [str(CORRELATION_ID), str(CORRELATION_ID), None]


async def test_metrics_name_the_served_language_whatever_the_tag() -> None:
    store, registry = MemoryContentStore(), CollectorRegistry()
    await store.put(a_storage_id("original"), b"teh cat", "text/plain")
    checker = ScriptedSpellChecker({"teh": "the"}, ("en-x-anything",))
    agent = SpellcheckAgent(store, checker, FrozenClock(), Metrics(registry), text_max_bytes=1_000)

    await agent.check(a_request(text="original", language="en-x-anything"))

    labels = {
        sample.labels["language"]
        for family in registry.collect()
        for sample in family.samples
        if "language" in sample.labels
    }
    assert labels == {"en"}
