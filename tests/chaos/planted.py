"""Eight bugs to plant, each the app with one promise broken: `-A tests.chaos.planted:NAME`.

A harness that has never been red proves nothing. `check_planted_bugs.py` runs each of these with
the seed of a green run and expects the invariant named in `BUGS` to fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar

from huleedu_streams import wiring
from huleedu_streams.agents import consuming, lifecycle
from huleedu_streams.agents.delivery import DeliveryLoop, Event, _InFlight
from huleedu_streams.agents.dependencies import Trouble
from huleedu_streams.agents.failures import FailurePolicy
from huleedu_streams.agents.handling import Handled, Outcome, Work
from huleedu_streams.agents.lifecycle import LifecycleAgent
from huleedu_streams.contracts.codec import OutgoingEvent
from huleedu_streams.contracts.dead_letters import ConsumedRecord, DeadLetter
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.domain.lifecycle import LifecycleRecord
from huleedu_streams.runtime.standstill import Standstill
from huleedu_streams.runtime.streams_app import StreamsApp
from tables import guard
from tables.changelog import Change

_LONGER_THAN_A_COMMIT_SECONDS = 2.5


@dataclass(slots=True, weakref_slot=True)
class _Acknowledged:
    """An event that was acknowledged already; Faust looks it up by a weak reference."""

    message: Any

    def ack(self) -> bool:
        return False


class AckBeforeProduce(DeliveryLoop):
    """Acknowledges an event as it comes, long before its outputs are sent.

    Before they are sent, not only before the broker has them: between the two Faust protects a
    careless agent, since it flushes its producer before each commit.
    """

    async def _admit(self, event: Event, generation: int) -> None:
        event.ack()
        await super()._admit(_Acknowledged(event.message), generation)


class TableWrittenAfterAck(DeliveryLoop):
    """Lets a change leave for the changelog when its event is long acknowledged."""

    _late: ClassVar[set[asyncio.Task[None]]] = set()

    async def _send(self, item: _InFlight, outputs: Sequence[OutgoingEvent | DeadLetter]) -> None:
        changes, item.changes = item.changes, []
        await super()._send(item, outputs)
        task = asyncio.create_task(self._write(changes))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _write(self, changes: Sequence[Change]) -> None:
        await asyncio.sleep(_LONGER_THAN_A_COMMIT_SECONDS)
        for change in changes:
            await self._outlets.changelog.send_change(change)


class DecodeErrorsSwallowed(FailurePolicy):
    """Takes what it cannot read for nothing."""

    def _decode(self, work: Work, record: ConsumedRecord) -> EventEnvelope[Any] | Handled:
        return super()._decode(replace(work, owns_poison=False), record)


class TransientDeadLettered(FailurePolicy):
    """Takes an outage for the event's fault."""

    async def _insist_on_health(self, trouble: Trouble) -> None:
        if not await self._store.is_healthy():
            trouble.ended()
            raise RuntimeError("the content store is down")


class RepeatSkipsOutputs(LifecycleAgent):
    """Takes an event that it has seen for one whose outputs were sent."""

    def fold(self, envelope: EventEnvelope[Any]) -> Handled:
        handled = super().fold(envelope)
        is_repeat = handled.outcome is Outcome.DUPLICATE
        return replace(handled, outputs=()) if is_repeat else handled


def _nothing_seen(_record: object) -> tuple[str, ...]:
    """Have a record know of no event, whatever is written in it."""
    return ()


def _wipe_nothing(_path: object) -> None:
    """In place of moving a damaged database aside: leave it there."""


def _last(_database: object, records: Iterable[guard.ChangelogRecord]) -> dict[bytes, Any]:
    """Take the last row of each key for the best one."""
    return {record.key: record.value for record in records}


def _unnoticed(_standstill: Standstill, _loop: object) -> None:
    """Let a worker that stood still go on: or it would send no row late."""


class Bug:
    """What to put in whose place, and the invariant that must notice."""

    def __init__(self, invariant: str, *plants: tuple[object, str, object]) -> None:
        for owner, name, _ in plants:
            if name not in {*dir(owner), *getattr(owner, "model_fields", ())}:
                raise AttributeError(f"{owner} has no {name} by now: this would be planted nowhere")
        self.invariant = invariant
        self._plants = plants

    def app(self) -> StreamsApp:
        """Return the application with the bug in it."""
        for owner, name, replacement in self._plants:
            setattr(owner, name, replacement)
        return wiring.app_or_exit()


BUGS: Mapping[str, Bug] = MappingProxyType(
    {
        "ack_before_produce": Bug("I1", (consuming, "DeliveryLoop", AckBeforeProduce)),
        "dedupe_off": Bug("I3", (LifecycleRecord, "event_ids", property(_nothing_seen))),
        "decode_errors_swallowed": Bug("I4", (wiring, "FailurePolicy", DecodeErrorsSwallowed)),
        "table_written_after_ack": Bug("I5", (consuming, "DeliveryLoop", TableWrittenAfterAck)),
        "repeat_skips_outputs": Bug("I2", (lifecycle, "LifecycleAgent", RepeatSkipsOutputs)),
        "guard_wipes_nothing": Bug("I8", (guard, "move_aside", _wipe_nothing)),
        "last_row_wins": Bug("I5", (guard, "_best", _last), (Standstill, "start", _unnoticed)),
        "transient_dead_lettered": Bug("I4", (wiring, "FailurePolicy", TransientDeadLettered)),
    }
)


def __getattr__(name: str) -> StreamsApp:
    """Return the app of that bug: how Faust's `-A module:name` finds it."""
    if name not in BUGS:
        raise AttributeError(name)
    return BUGS[name].app()
