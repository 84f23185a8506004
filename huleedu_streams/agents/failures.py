"""What is done about a failure: one policy round every handler.

| failure | what happens |
|---|---|
| poison (`ContractError`) | dead letter at once, by the agent that owns the topic's poison |
| transient, dependency down | wait for it, keeping the place in the group; never a dead letter |
| transient, dependency healthy | retries with jitter, 20 s at most; then `give_up` |
| the same, of a few events at once while none succeeds | the same, 20 s at least |
| the same, of many at once while none succeeds | wait: it is the dependency, whatever it says |
| permanent | the handler's own business: it makes the failed result |
| a table fails | nothing: the worker starts again and reads the event anew |
| anything else | a few tries, then a dead letter with reason `unexpected` |

Not here: when a record is sent or acknowledged (`agents/delivery.py`), nor how a dependency is
waited for (`agents/dependencies.py`).
"""

from __future__ import annotations

import asyncio
import random
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any, NoReturn, TypeVar

import structlog
from structlog.contextvars import bound_contextvars

from huleedu_streams.agents.dependencies import Dependency, Trouble
from huleedu_streams.agents.handling import Handled, Outcome, Work
from huleedu_streams.contracts.codec import decode
from huleedu_streams.contracts.dead_letters import ConsumedRecord, dead_letter, reason_of
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.errors import ContractError, HuleeduStreamsError, TableError
from huleedu_streams.metrics import Metrics
from huleedu_streams.protocols import Clock

log = structlog.get_logger(__name__)
T = TypeVar("T")
MAX_BACKOFF_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient the policy is; see the settings of the same names."""

    event_max_bytes: int
    text_tries: int
    unexpected_tries: int
    first_backoff_seconds: float = 0.1


class _WasDownError(Exception):
    """The dependency was down and is back: the tries so far say nothing about the event."""


class FailurePolicy:
    """Turns a record into `Handled`, whatever goes wrong on the way."""

    def __init__(
        self, limits: Limits, group: str, clock: Clock, metrics: Metrics, store: Dependency
    ) -> None:
        self._limits = limits
        self._group = group
        self._clock = clock
        self._metrics = metrics
        self._store = store

    async def prepare(self, work: Work, record: ConsumedRecord) -> Handled:
        """Decode and prepare a record of a stateless agent. Only cancellation escapes."""
        envelope = self._decode(work, record)
        if isinstance(envelope, Handled):
            return envelope
        with _traced(envelope):
            return await self._prepared(work, record, envelope)

    async def _prepared(
        self, work: Work, record: ConsumedRecord, envelope: EventEnvelope[Any]
    ) -> Handled:
        failed_at: datetime | None = None
        error: Exception
        for tries in range(1, self._limits.unexpected_tries + 1):
            try:
                handled = await self._past_outages(work, envelope)
            except Exception as unexpected:  # noqa: BLE001 - the outermost guard of every agent
                error, failed_at = unexpected, failed_at or self._clock.now()
                self._log_unexpected(record, unexpected, tries)
                await asyncio.sleep(self._limits.first_backoff_seconds * 2 ** (tries - 1))
            else:
                return handled if tries == 1 else replace(handled, outcome=Outcome.RETRIED)
        return self._bury(record, error, self._limits.unexpected_tries, failed_at)

    def fold(self, work: Work, record: ConsumedRecord) -> Handled:
        """Decode and fold a record of a table's agent.

        Raises:
            TableError: the table gives no rows; the worker is about to start again. Nothing
                else escapes.
        """
        envelope = self._decode(work, record)
        if isinstance(envelope, Handled):
            return envelope
        with _traced(envelope):
            return self._folded(work, record, envelope)

    def _folded(self, work: Work, record: ConsumedRecord, envelope: EventEnvelope[Any]) -> Handled:
        fold = _required(work.fold)
        failed_at: datetime | None = None
        error: Exception
        for tries in range(1, self._limits.unexpected_tries + 1):
            try:
                handled = fold(envelope)
            except TableError:
                raise  # says nothing about the event
            except Exception as unexpected:  # noqa: BLE001 - the same guard, for folds
                error, failed_at = unexpected, failed_at or self._clock.now()
                self._log_unexpected(record, unexpected, tries)
            else:
                return handled if tries == 1 else replace(handled, outcome=Outcome.RETRIED)
        return self._bury(record, error, self._limits.unexpected_tries, failed_at)

    def _decode(self, work: Work, record: ConsumedRecord) -> EventEnvelope[Any] | Handled:
        try:
            envelope = decode(record.topic, record.key, record.value, self._limits.event_max_bytes)
            self._metrics.event_started(
                record.topic, self._group, envelope.event_timestamp, self._clock.now()
            )
        except ContractError as poison:
            if work.owns_poison:
                return self._bury(record, poison, 1, None)
            return Handled((), Outcome.SKIPPED)
        except Exception as unexpected:  # noqa: BLE001 - the same guard; it would be so again
            self._log_unexpected(record, unexpected, 1)
            return self._bury(record, unexpected, 1, None)
        return envelope

    async def _past_outages(self, work: Work, envelope: EventEnvelope[Any]) -> Handled:
        trouble = Trouble(self._store)
        try:
            while True:
                try:
                    return await self._while_healthy(work, envelope, trouble)
                except _WasDownError:
                    continue
        finally:
            trouble.ended()

    async def _while_healthy(
        self, work: Work, envelope: EventEnvelope[Any], trouble: Trouble
    ) -> Handled:
        prepare = _required(work.prepare)
        for tries in count(1):
            try:
                handled = await prepare(envelope)
            except HuleeduStreamsError as error:
                if not error.retryable:
                    raise
                trouble.failed()
                await self._insist_on_health(trouble)
                if self._has_tried_enough(tries, trouble):
                    return _gave_up(work, envelope, error, trouble)
            else:
                self._store.served += handled.is_served
                return handled if tries == 1 else replace(handled, outcome=Outcome.RETRIED)
            await asyncio.sleep(_jittered(self._limits.first_backoff_seconds, tries))
        raise AssertionError("unreachable: there is always a next try")  # pragma: no cover

    def _has_tried_enough(self, tries: int, trouble: Trouble) -> bool:
        return tries >= self._limits.text_tries or (tries > 1 and trouble.is_long)

    async def _insist_on_health(self, trouble: Trouble) -> None:
        if not await self._store.is_healthy():
            await self._store.wait_until_healthy()
            trouble.ended()
            raise _WasDownError

    def _bury(
        self, record: ConsumedRecord, error: Exception, tries: int, failed_at: datetime | None
    ) -> Handled:
        reason = reason_of(error)
        log.error(
            "dead_lettered",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
            # The words of a ContractError never quote input; those of other errors might.
            detail=str(error) if isinstance(error, HuleeduStreamsError) else type(error).__name__,
        )
        self._metrics.dead_lettered(record.topic, reason)
        letter = dead_letter(
            record, error, tries=tries, first_failed_at=failed_at or self._clock.now()
        )
        return Handled((letter,), Outcome.DEAD_LETTERED)

    def _log_unexpected(self, record: ConsumedRecord, error: Exception, tries: int) -> None:
        log.error(
            "handling_failed",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            error=type(error).__name__,
            where=_innermost(error),
            tries=tries,
        )


def _traced(envelope: EventEnvelope[Any]) -> AbstractContextManager[None]:
    """Have every log line of an event's handling carry its correlation id."""
    known = envelope.correlation_id
    return bound_contextvars(**({"correlation_id": str(known)} if known else {}))


def _gave_up(
    work: Work, envelope: EventEnvelope[Any], error: HuleeduStreamsError, trouble: Trouble
) -> Handled:
    if work.give_up is None:
        raise error
    if trouble.is_shared:
        raise _WasDownError from error
    return work.give_up(envelope, error)


def _jittered(first_seconds: float, tries: int) -> float:
    """Return how long to wait after so many tries: doubling, and not all at one instant."""
    longest = min(MAX_BACKOFF_SECONDS, first_seconds * 2 ** (tries - 1))
    return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


def _innermost(error: Exception) -> str:
    """Return `file:line` where `error` was raised: enough for a report, and no text in it."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "unknown"
    return f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"


def _required(handler: T | None) -> T:
    if handler is None:
        _no_handler()
    return handler


def _no_handler() -> NoReturn:
    raise TypeError("a Work has either `prepare` or `fold`, and its loop must use that one")
