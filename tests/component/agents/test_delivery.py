"""The delivery loop: order, windows, repeats, and what becomes of what cannot be handled."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any, NoReturn

import pytest

from huleedu_streams.agents import dependencies, failures
from huleedu_streams.agents.handling import Handled, Outcome, Work
from huleedu_streams.contracts.codec import OutgoingEvent
from huleedu_streams.contracts.dead_letters import DeadLetter
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.errors import (
    BrokerUnavailableError,
    ContentStoreUnavailableError,
    HuleeduStreamsError,
)
from tests.awaiting import eventually
from tests.component.agents.streams import TRACED, TRACEPARENT, Bench, running_loop

TOPIC = "huleedu.essay.spellcheck.requested.v1"


def a_request(essay_id: str) -> bytes:
    entity = {"entity_id": essay_id, "entity_type": "essay", "parent_id": "batch-1"}
    moment = "2025-05-27T12:00:00Z"
    return json.dumps(
        {
            "event_id": "6f1c2b1e-5d0a-5f0e-9d53-6c1e7a1f4a11",
            "event_type": TOPIC,
            "event_timestamp": moment,
            "source_service": "batch-service",
            "data": {
                "event_name": "essay.spellcheck.requested",
                "entity_ref": entity,
                "timestamp": moment,
                "status": "awaiting_spellcheck",
                "system_metadata": {"entity": entity, "timestamp": moment},
                "text_storage_id": "0123456789abcdef0123456789abcdef",
            },
        }
    ).encode()


def put(bench: Bench, *essay_ids: str) -> None:
    for essay_id in essay_ids:
        bench.stream.put(TOPIC, essay_id.encode(), a_request(essay_id))


def an_output(envelope: EventEnvelope[Any], value: bytes = b"{}") -> Handled:
    essay_id = envelope.data.entity_ref.entity_id
    return Handled((OutgoingEvent("out", essay_id, value, ()),), Outcome.DONE, TOPIC)


class Scripted:
    """Prepares an event when its essay is released; raises what the script says, in turn.

    Its output says the how-manieth event it was.
    """

    def __init__(self, **errors: list[Exception]) -> None:
        self.errors = errors
        self.started: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def __call__(self, envelope: EventEnvelope[Any]) -> Handled:
        essay_id = envelope.data.entity_ref.entity_id
        self.started.append(essay_id)
        number = len(self.started)
        if essay_id in self.gates:
            await self.gates[essay_id].wait()
        if self.errors.get(essay_id):
            raise self.errors[essay_id].pop(0)
        return an_output(envelope, b"%d" % number)


def preparing(script: Scripted, *, owns_poison: bool = True) -> Work:
    def give_up(envelope: EventEnvelope[Any], _error: HuleeduStreamsError) -> Handled:
        essay_id = envelope.data.entity_ref.entity_id
        return Handled((OutgoingEvent("failed", essay_id, b"{}", ()),), Outcome.DONE, TOPIC)

    return Work(TOPIC, owns_poison=owns_poison, prepare=script, give_up=give_up)


def topics(bench: Bench) -> list[str]:
    return [record.topic for record in bench.broker.queued]


def keys(bench: Bench) -> list[str | bytes | None]:
    return [record.key for record in bench.broker.queued]


def sent_to(bench: Bench, topic: str) -> OutgoingEvent | DeadLetter:
    return next(record for record in bench.broker.queued if record.topic == topic)


async def test_slow_event_holds_back_no_output_of_others_and_every_acknowledgement() -> None:
    script = Scripted()
    script.gates["slow"] = asyncio.Event()

    async with running_loop(preparing(script)) as bench:
        put(bench, "a", "slow", "b", "c")
        await eventually(lambda: keys(bench) == ["a", "b", "c"])
        await eventually(lambda: bench.stream.acknowledged == [0])
        script.gates["slow"].set()
        await eventually(lambda: bench.stream.acknowledged == [0, 1, 2, 3])

    assert keys(bench) == ["a", "b", "c", "slow"]


async def test_events_of_one_essay_are_prepared_side_by_side_and_sent_in_order() -> None:
    script = Scripted()
    gate = script.gates["a"] = asyncio.Event()

    async with running_loop(preparing(script)) as bench:
        put(bench, "a")
        await eventually(lambda: script.started == ["a"])
        del script.gates["a"]
        put(bench, "a", "a", "b")
        await eventually(lambda: keys(bench) == ["b"])
        assert script.started == ["a", "a", "a", "b"]
        gate.set()
        await eventually(lambda: bench.stream.acknowledged == [0, 1, 2, 3])

    assert [record.value for record in bench.broker.queued] == [b"4", b"1", b"2", b"3"]


async def test_event_is_acknowledged_only_after_the_broker_has_its_output() -> None:
    async with running_loop(preparing(Scripted())) as bench:
        bench.broker.is_holding = True
        put(bench, "a")
        await eventually(lambda: len(bench.broker.queued) == 1)
        assert bench.stream.acknowledged == []

        bench.broker.release()

        await eventually(lambda: bench.stream.acknowledged == [0])


@pytest.mark.parametrize("is_prepared", [True, False])
async def test_event_is_kept_no_longer_than_it_is_in_flight(*, is_prepared: bool) -> None:
    work = preparing(Scripted()) if is_prepared else Work(TOPIC, owns_poison=True, fold=an_output)
    async with running_loop(work) as bench:
        events = [bench.stream.put(TOPIC, b"e1", a_request("e1")) for _ in range(3)]

        await eventually(lambda: len(bench.stream.acknowledged) == 3)

        await eventually(lambda: not any(event() for event in events))


async def test_no_more_events_than_the_window_are_prepared_side_by_side() -> None:
    script = Scripted()
    script.gates = {"a": asyncio.Event(), "b": asyncio.Event()}

    async with running_loop(preparing(script), window_events=2) as bench:
        put(bench, "a", "b", "c")
        await eventually(lambda: bench.stream.read == 3 and len(script.started) > 1)
        assert script.started == ["a", "b"]

        script.gates["b"].set()

        await eventually(lambda: keys(bench) == ["b", "c"])
        script.gates["a"].set()
        await eventually(lambda: bench.stream.acknowledged == [0, 1, 2])


async def test_sixteen_windows_are_in_flight_behind_a_slow_event() -> None:
    script = Scripted()
    script.gates["slow"] = asyncio.Event()
    others = [f"e{number}" for number in range(33)]

    async with running_loop(preparing(script), window_events=2) as bench:
        put(bench, "slow", *others)
        await eventually(lambda: keys(bench) == others[:31])
        assert script.started == ["slow", *others[:31]]

        script.gates["slow"].set()

        await eventually(lambda: bench.stream.acknowledged == list(range(34)))


async def test_what_was_sent_behind_a_slow_event_is_abandoned_with_it() -> None:
    script = Scripted()
    script.gates["slow"] = asyncio.Event()

    async with running_loop(preparing(script)) as bench:
        put(bench, "slow", "a")
        await eventually(lambda: keys(bench) == ["a"])
        bench.loop.abandon()
        put(bench, "b")
        await eventually(lambda: bench.stream.acknowledged == [2])

    assert keys(bench) == ["a", "b"]


async def test_abandoned_window_is_neither_sent_nor_acknowledged() -> None:
    script = Scripted()
    script.gates["a"] = asyncio.Event()

    async with running_loop(preparing(script)) as bench:
        put(bench, "a", "b")
        await eventually(lambda: script.started == ["a", "b"])
        bench.loop.abandon()
        put(bench, "c")
        await eventually(lambda: bench.stream.acknowledged == [2])

    assert keys(bench) == ["c"]


async def test_events_that_wait_for_a_place_are_abandoned_with_the_window() -> None:
    script = Scripted()
    script.gates["a"] = asyncio.Event()

    async with running_loop(preparing(script), window_events=1) as bench:
        put(bench, "a", "b", "c")
        await eventually(lambda: bench.stream.read == 3 and script.started == ["a"])
        bench.loop.abandon()
        put(bench, "d")
        await eventually(lambda: bench.stream.acknowledged == [3])

    assert keys(bench) == ["d"]


async def test_abandoned_event_is_not_acknowledged_when_the_broker_answers() -> None:
    async with running_loop(preparing(Scripted())) as bench:
        bench.broker.is_holding = True
        put(bench, "a")
        await eventually(lambda: len(bench.broker.queued) == 1)

        bench.loop.abandon()
        bench.broker.release()
        put(bench, "b")

        await eventually(lambda: bench.stream.acknowledged == [1])


async def test_output_carries_the_traceparent_of_its_cause() -> None:
    async with running_loop(preparing(Scripted())) as bench:
        put(bench, "a")
        await eventually(lambda: bench.stream.acknowledged == [0])

    assert ("traceparent", TRACEPARENT) in bench.broker.queued[0].headers


async def test_output_carries_one_traceparent_and_only_a_real_one() -> None:
    noise = [("traceparent", b"x" * 600_000), ("traceparent", TRACEPARENT + b"\n")]
    async with running_loop(preparing(Scripted())) as bench:
        bench.stream.put(TOPIC, b"a", a_request("a"), *noise)
        bench.stream.put(TOPIC, b"b", a_request("b"), *noise, *TRACED, *TRACED)
        await eventually(lambda: bench.stream.acknowledged == [0, 1])

    assert [record.headers for record in bench.broker.queued] == [(), TRACED]


async def test_undecodable_bytes_go_to_the_dead_letter_topic_untouched() -> None:
    async with running_loop(preparing(Scripted())) as bench:
        bench.stream.put(TOPIC, b"\xff", b"\x00not an event")
        put(bench, "a")
        await eventually(lambda: bench.stream.acknowledged == [0, 1])

    letter = bench.broker.queued[0]
    assert isinstance(letter, DeadLetter)
    assert (letter.topic, letter.key, letter.value) == (
        f"{TOPIC}.DLT",
        b"\xff",
        b"\x00not an event",
    )
    assert letter.headers[0] == ("traceparent", TRACEPARENT)


async def test_dead_letter_names_topic_partition_offset_and_code() -> None:
    async with running_loop(preparing(Scripted())) as bench:
        bench.stream.put(TOPIC, b"a", None)
        await eventually(lambda: bench.stream.acknowledged == [0])

    headers = dict(bench.broker.queued[0].headers)
    assert headers["__streams.errors.topic"] == TOPIC.encode()
    assert headers["__streams.errors.partition"] == b"0"
    assert headers["__streams.errors.offset"] == b"0"
    assert headers["huleedu.dlt.reason"] == b"undecodable"
    assert headers["huleedu.dlt.attempts"] == b"1"
    assert datetime.fromisoformat(headers["huleedu.dlt.first-failed-at"].decode()).tzinfo


async def test_agent_that_does_not_own_poison_counts_and_acknowledges_it() -> None:
    async with running_loop(preparing(Scripted(), owns_poison=False)) as bench:
        bench.stream.put(TOPIC, b"a", b"poison")
        await eventually(lambda: bench.stream.acknowledged == [0])

    assert bench.broker.queued == []
    assert bench.counted("skipped") == 1


async def test_unexpected_error_is_tried_again_then_dead_lettered() -> None:
    script = Scripted(a=[KeyError("x"), KeyError("x")], b=[KeyError("x")])

    async with running_loop(preparing(script)) as bench:
        put(bench, "a", "b")
        await eventually(lambda: bench.stream.acknowledged == [0, 1])

    assert sorted(topics(bench)) == [f"{TOPIC}.DLT", "out"]
    headers = dict(sent_to(bench, f"{TOPIC}.DLT").headers)
    assert headers["huleedu.dlt.reason"] == b"unexpected"
    assert headers["huleedu.dlt.attempts"] == b"2"
    assert bench.counted("retried") == 1


async def test_unavailable_store_is_waited_for_and_dead_letters_nothing() -> None:
    # More failures than any count of tries: an outage is no property of a text.
    script = Scripted(a=[ContentStoreUnavailableError("down") for _ in range(20)])

    async with running_loop(preparing(script)) as bench:
        bench.store.is_up = False
        put(bench, "a")
        await eventually(lambda: bench.store.probes > 5)
        assert bench.stream.acknowledged == []
        script.errors["a"].clear()

        bench.store.is_up = True

        await eventually(lambda: bench.stream.acknowledged == [0])
    assert topics(bench) == ["out"]


async def test_text_that_keeps_failing_is_given_up_while_the_store_is_healthy() -> None:
    script = Scripted(a=[ContentStoreUnavailableError("503") for _ in range(20)])

    async with running_loop(preparing(script)) as bench:
        put(bench, "a", "b")
        await eventually(lambda: bench.stream.acknowledged == [0, 1])

    assert sorted(topics(bench)) == ["failed", "out"]
    assert script.started.count("a") == 3


async def test_text_that_takes_its_time_to_fail_is_given_up_before_its_last_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dependencies, "INSIST_SECONDS", 0.0)
    script = Scripted(a=[ContentStoreUnavailableError("drips") for _ in range(20)])

    async with running_loop(preparing(script)) as bench:
        put(bench, "a", "b")
        await eventually(lambda: bench.stream.acknowledged == [0, 1])

    assert sorted(topics(bench)) == ["failed", "out"]
    assert script.started.count("a") == 2


async def test_error_in_the_decoder_itself_ends_in_a_dead_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_args: object) -> NoReturn:
        raise RecursionError("too deep")

    monkeypatch.setattr(failures, "decode", fail)

    async with running_loop(preparing(Scripted())) as bench:
        put(bench, "a")
        await eventually(lambda: bench.stream.acknowledged == [0])

    assert topics(bench) == [f"{TOPIC}.DLT"]
    assert dict(bench.broker.queued[0].headers)["huleedu.dlt.reason"] == b"unexpected"


async def test_output_that_cannot_be_produced_ends_the_loop() -> None:
    async with running_loop(preparing(Scripted())) as bench:
        bench.broker.error = BrokerUnavailableError("gone")
        put(bench, "a")

        with pytest.raises(BrokerUnavailableError):
            await bench.running

    assert bench.stream.acknowledged == []


async def test_fold_that_raises_is_tried_again_then_dead_lettered() -> None:
    raised: list[str] = []

    def fold(envelope: EventEnvelope[Any]) -> Handled:
        essay_id = envelope.data.entity_ref.entity_id
        if essay_id == "a":
            raised.append(essay_id)
            raise ValueError("boom")
        return an_output(envelope)

    async with running_loop(Work(TOPIC, owns_poison=True, fold=fold)) as bench:
        put(bench, "a", "b")
        await eventually(lambda: bench.stream.acknowledged == [0, 1])

    assert topics(bench) == [f"{TOPIC}.DLT", "out"]
    assert raised == ["a", "a"]
