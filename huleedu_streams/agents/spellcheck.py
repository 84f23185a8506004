"""Step 3 of 6: read requests, check the texts, send the results."""

from __future__ import annotations

from typing import Any

import structlog

from huleedu_streams.agents.handling import Handled, Outcome, Work
from huleedu_streams.contracts.codec import encode
from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.envelope import EventEnvelope
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.errors import HuleeduStreamsError
from huleedu_streams.metrics import Metrics
from huleedu_streams.processors.spellcheck import (
    TEXT_KEEPS_FAILING,
    Result,
    check_essay,
    failed_result,
)
from huleedu_streams.protocols import Clock, ContentStore, SpellChecker

log = structlog.get_logger(__name__)

HELP = """Check the spelling of essays.

Reads: huleedu.essay.spellcheck.requested.v1, key essay id, value SpellcheckRequestedDataV1.
Emits: huleedu.essay.spellcheck.completed.v1, key essay id, one result a request.
Tables: none. Texts: reads the original, writes the corrected text and the processing log.
Failure: a store that is down is waited for; a text that is missing, empty, not served or keeps
failing gets a failed result; bytes that are no event go to the .DLT of the topic.
Delivery: at least once; a repeat overwrites the same texts and sends a result of the same id.
"""


class SpellcheckAgent:
    """What the spellcheck agent does with one request."""

    def __init__(
        self,
        store: ContentStore,
        checker: SpellChecker,
        clock: Clock,
        metrics: Metrics,
        *,
        text_max_bytes: int,
    ) -> None:
        self._store = store
        self._checker = checker
        self._clock = clock
        self._metrics = metrics
        self._text_max_bytes = text_max_bytes

    @property
    def work(self) -> Work:
        """The agent's work, for the delivery loop."""
        return Work(
            topic=topic_name(ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED),
            owns_poison=True,
            prepare=self.check,
            give_up=self.give_up,
        )

    async def check(self, request: EventEnvelope[Any]) -> Handled:
        """Check one essay.

        Raises:
            ContentStoreUnavailableError: the store gives no answer now.
        """
        decision = await check_essay(
            request, self._store, self._checker, self._clock, self._text_max_bytes
        )
        if decision.checked is not None:
            # Checked, so served; anybody may put anything behind the language of a tag.
            language = request.data.language.lower().partition("-")[0]
            self._metrics.text_checked(language, decision.check_seconds, decision.checked)
        return _handled(request, decision.result)

    def give_up(self, request: EventEnvelope[Any], error: HuleeduStreamsError) -> Handled:
        """Fail an essay whose text keeps failing while its store is healthy."""
        log.warning(
            "text_keeps_failing", essay_id=request.data.entity_ref.entity_id, code=error.code
        )
        now = self._clock.now()
        return _handled(request, failed_result(request, TEXT_KEEPS_FAILING, now, now))


def _handled(request: EventEnvelope[Any], result: Result) -> Handled:
    log.info(
        "essay_spellchecked",
        essay_id=request.data.entity_ref.entity_id,
        status=result.data.status,
        corrections_made=result.data.corrections_made,
        error_code=result.data.system_metadata.error_info.get("error_code"),
    )
    is_served = result.data.status is EssayStatus.SPELLCHECKED_SUCCESS
    return Handled((encode(result),), Outcome.DONE, request.event_type, is_served)
