"""Where an essay stands and where it may go; step 5 of 6 on the walk.

Every rule about statuses lives here, as data (`TRANSITIONS`), and so does the record that is kept
for each essay; `advance()` is the only way from one status to the next. Not here: which request a
result answers, repeats, and order between topics (`domain/attempts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from huleedu_streams.errors import IllegalTransitionError

# Every list in a row is bounded, so that a row stays below 64 KiB.
MAX_TIMELINE_ENTRIES = 64
MAX_EVENT_IDS = 64
MAX_ATTEMPTS = 16
MAX_PARKED_RESULTS = 8
MAX_ERROR_LENGTH = 300


class EssayStatus(StrEnum):
    """Where an essay stands; the wire names of HuleEdu, verbatim."""

    UPLOADED = "uploaded"
    TEXT_EXTRACTED = "text_extracted"
    AWAITING_SPELLCHECK = "awaiting_spellcheck"
    SPELLCHECKING_IN_PROGRESS = "spellchecking_in_progress"
    SPELLCHECKED_SUCCESS = "spellchecked_success"
    SPELLCHECK_FAILED = "spellcheck_failed"
    AWAITING_NLP = "awaiting_nlp"
    NLP_IN_PROGRESS = "nlp_processing_in_progress"
    NLP_COMPLETED_SUCCESS = "nlp_completed_success"
    NLP_FAILED = "nlp_failed"
    AWAITING_AI_FEEDBACK = "awaiting_ai_feedback"
    AI_FEEDBACK_IN_PROGRESS = "ai_feedback_processing_in_progress"
    AI_FEEDBACK_COMPLETED_SUCCESS = "ai_feedback_completed_success"
    AI_FEEDBACK_FAILED = "ai_feedback_failed"
    AWAITING_EDITOR_REVISION = "awaiting_editor_revision"
    EDITOR_REVISION_IN_PROGRESS = "editor_revision_processing_in_progress"
    EDITOR_REVISION_COMPLETED_SUCCESS = "editor_revision_completed_success"
    EDITOR_REVISION_FAILED = "editor_revision_failed"
    AWAITING_GRAMMAR_CHECK = "awaiting_grammar_check"
    GRAMMAR_CHECK_IN_PROGRESS = "grammar_check_processing_in_progress"
    GRAMMAR_CHECK_COMPLETED_SUCCESS = "grammar_check_completed_success"
    GRAMMAR_CHECK_FAILED = "grammar_check_failed"
    AWAITING_CJ_INCLUSION = "awaiting_cj_inclusion"
    CJ_PROCESSING_ACTIVE = "cj_processing_active"
    CJ_RANKING_COMPLETED = "cj_ranking_completed"
    CJ_PROCESSING_FAILED = "cj_processing_failed"
    ESSAY_ALL_PROCESSING_COMPLETED = "essay_all_processing_completed"
    ESSAY_PARTIALLY_PROCESSED_WITH_FAILURES = "essay_partially_processed_with_failures"
    ESSAY_CRITICAL_FAILURE = "essay_critical_failure"


_S = EssayStatus
_DONE = _S.ESSAY_ALL_PROCESSING_COMPLETED
_PARTLY_DONE = _S.ESSAY_PARTIALLY_PROCESSED_WITH_FAILURES
_LOST = _S.ESSAY_CRITICAL_FAILURE

# Each status and where it leads; `_LOST` is added to every row that is not empty.
_EDGES: dict[EssayStatus, set[EssayStatus]] = {
    _S.UPLOADED: {_S.TEXT_EXTRACTED, _S.AWAITING_SPELLCHECK},
    _S.TEXT_EXTRACTED: {_S.AWAITING_SPELLCHECK},
    # spell check
    _S.AWAITING_SPELLCHECK: {
        _S.SPELLCHECKING_IN_PROGRESS,
        _S.SPELLCHECKED_SUCCESS,
        _S.SPELLCHECK_FAILED,
    },
    _S.SPELLCHECKING_IN_PROGRESS: {_S.SPELLCHECKED_SUCCESS, _S.SPELLCHECK_FAILED},
    _S.SPELLCHECKED_SUCCESS: {_S.AWAITING_NLP, _DONE},
    _S.SPELLCHECK_FAILED: {_S.AWAITING_SPELLCHECK, _S.AWAITING_NLP, _PARTLY_DONE},
    # nlp
    _S.AWAITING_NLP: {_S.NLP_IN_PROGRESS, _S.NLP_FAILED},
    _S.NLP_IN_PROGRESS: {_S.NLP_COMPLETED_SUCCESS, _S.NLP_FAILED},
    _S.NLP_COMPLETED_SUCCESS: {_S.AWAITING_AI_FEEDBACK},
    _S.NLP_FAILED: {_S.AWAITING_NLP, _S.AWAITING_AI_FEEDBACK, _PARTLY_DONE},
    # ai feedback
    _S.AWAITING_AI_FEEDBACK: {_S.AI_FEEDBACK_IN_PROGRESS, _S.AI_FEEDBACK_FAILED},
    _S.AI_FEEDBACK_IN_PROGRESS: {_S.AI_FEEDBACK_COMPLETED_SUCCESS, _S.AI_FEEDBACK_FAILED},
    _S.AI_FEEDBACK_COMPLETED_SUCCESS: {
        _S.AWAITING_EDITOR_REVISION,
        _S.AWAITING_GRAMMAR_CHECK,
        _S.AWAITING_CJ_INCLUSION,
        _DONE,
    },
    _S.AI_FEEDBACK_FAILED: {
        _S.AWAITING_AI_FEEDBACK,
        _S.AWAITING_EDITOR_REVISION,
        _S.AWAITING_GRAMMAR_CHECK,
        _S.AWAITING_CJ_INCLUSION,
        _PARTLY_DONE,
    },
    # editor revision
    _S.AWAITING_EDITOR_REVISION: {_S.EDITOR_REVISION_IN_PROGRESS, _S.EDITOR_REVISION_FAILED},
    _S.EDITOR_REVISION_IN_PROGRESS: {
        _S.EDITOR_REVISION_COMPLETED_SUCCESS,
        _S.EDITOR_REVISION_FAILED,
    },
    _S.EDITOR_REVISION_COMPLETED_SUCCESS: {
        _S.AWAITING_GRAMMAR_CHECK,
        _S.AWAITING_CJ_INCLUSION,
        _DONE,
    },
    _S.EDITOR_REVISION_FAILED: {
        _S.AWAITING_EDITOR_REVISION,
        _S.AWAITING_GRAMMAR_CHECK,
        _S.AWAITING_CJ_INCLUSION,
        _PARTLY_DONE,
    },
    # grammar check
    _S.AWAITING_GRAMMAR_CHECK: {_S.GRAMMAR_CHECK_IN_PROGRESS, _S.GRAMMAR_CHECK_FAILED},
    _S.GRAMMAR_CHECK_IN_PROGRESS: {_S.GRAMMAR_CHECK_COMPLETED_SUCCESS, _S.GRAMMAR_CHECK_FAILED},
    _S.GRAMMAR_CHECK_COMPLETED_SUCCESS: {_S.AWAITING_CJ_INCLUSION},
    _S.GRAMMAR_CHECK_FAILED: {_S.AWAITING_GRAMMAR_CHECK, _S.AWAITING_CJ_INCLUSION, _PARTLY_DONE},
    # comparative judgement
    _S.AWAITING_CJ_INCLUSION: {_S.CJ_PROCESSING_ACTIVE, _S.CJ_PROCESSING_FAILED},
    _S.CJ_PROCESSING_ACTIVE: {_S.CJ_RANKING_COMPLETED, _S.CJ_PROCESSING_FAILED},
    _S.CJ_RANKING_COMPLETED: {_DONE},
    _S.CJ_PROCESSING_FAILED: {_S.AWAITING_CJ_INCLUSION, _PARTLY_DONE},
    # terminal
    _DONE: set(),
    _PARTLY_DONE: set(),
    _LOST: set(),
}

TRANSITIONS: Mapping[EssayStatus, frozenset[EssayStatus]] = MappingProxyType(
    {status: frozenset(edges | {_LOST} if edges else edges) for status, edges in _EDGES.items()}
)
TERMINAL_STATUSES = frozenset(status for status, edges in TRANSITIONS.items() if not edges)
# What a result may say of an essay that waits for its spell check.
RESULT_STATUSES = TRANSITIONS[EssayStatus.AWAITING_SPELLCHECK]

# A newer writer may know statuses that this code does not: they are kept and shown as they are.
Status = Annotated[EssayStatus | str, Field(union_mode="left_to_right")]


class Remembered(BaseModel):
    """Base of all that lies in a table: frozen, and a newer writer's extra fields are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return the record in a table's row."""
        return cls.model_validate(row)

    def to_row(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return self.model_dump(mode="json")


class TimelineEntry(Remembered):
    """One change of an essay: all that the event telling of it needs, so that it can be repeated.

    Attributes:
        previous_status: `None` for the first entry, and where no status changed hands.
        event_id: The event that says so.
        cause_id: The event whose processing appended this entry: another one than `event_id`
            where a parked result was applied by its request.
        version: Of the row, as this entry left it.
        has_batch: Whether the essay's batch was known by then.
        joined: The request came after its result; the status stays.
        applied: False for a result of an earlier attempt; the status stays.
    """

    status: Status
    previous_status: Status | None
    at: datetime
    event_id: str
    cause_id: str
    attempt: int
    version: int
    language: str | None
    has_batch: bool
    corrections_made: int | None = Field(default=None, exclude_if=lambda value: value is None)
    error_code: str | None = Field(default=None, exclude_if=lambda value: value is None)
    joined: bool = Field(default=False, exclude_if=lambda value: not value)
    applied: bool = Field(default=True, exclude_if=lambda value: value)


class Attempt(Remembered):
    """One request; until it `is_requested`, only a result that names it has been seen.

    Attributes:
        resend_of: The request that went without a result, if this one asks again for it.
        resend_count: How often that one was asked again, this time included.
    """

    number: int
    event_id: str | None
    text_storage_id: str
    language: str | None = None
    is_requested: bool = True
    resend_of: str | None = Field(default=None, exclude_if=lambda value: value is None)
    resend_count: int = Field(default=0, exclude_if=lambda value: not value)


class SpellcheckRequested(Remembered):
    """Fact: somebody asked for a spell check of a text."""

    event_id: str
    essay_id: str
    batch_id: str | None
    at: datetime
    correlation_id: str | None
    text_storage_id: str
    language: str
    resend_of: str | None = None
    resend_count: int = 0


class ErrorNote(Remembered):
    """Why a result failed: the member of `error_info`, its code, one line without essay text."""

    kind: str
    error_code: str | None
    message: str


class SpellcheckResult(Remembered):
    """Fact: a spell check ended, or got on; `causation_id` names the request where known."""

    event_id: str
    essay_id: str
    batch_id: str | None
    at: datetime
    correlation_id: str | None
    causation_id: str | None
    original_text_storage_id: str
    status: Status
    storage_references: dict[str, dict[str, str]]
    corrections_made: int | None
    error: ErrorNote | None


class LifecycleRecord(Remembered):
    """One essay: the row of the `essays` table. A `version` of 0 is a row not yet written."""

    essay_id: str
    batch_id: str | None = None
    current_status: Status = EssayStatus.UPLOADED
    attempt: int = 0
    timeline: tuple[TimelineEntry, ...] = ()
    storage_references: dict[str, dict[str, str]] = Field(default_factory=dict)
    corrections_made: int | None = None
    language: str | None = None
    last_error: ErrorNote | None = None
    correlation_id: str | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 0
    attempts: tuple[Attempt, ...] = ()
    parked: tuple[SpellcheckResult, ...] = ()
    event_ids: tuple[str, ...] = ()

    def changed(self, **changes: object) -> Self:
        """Return the record one version on, with `changes`."""
        return self.model_copy(update={"version": self.version + 1, **changes})


class Mark(Enum):
    """What a timeline entry is: an edge taken, a request that joined, a result that came late."""

    EDGE = "edge"
    JOINED = "joined"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change about to be noted: the part of its `TimelineEntry` that the fact brings."""

    status: EssayStatus | str
    attempt: int
    at: datetime
    event_id: str
    cause_id: str
    corrections_made: int | None = None
    error_code: str | None = None


def next_statuses(status: EssayStatus | str) -> frozenset[EssayStatus]:
    """Return where `status` leads; a status that this code does not know leads nowhere."""
    return TRANSITIONS[status] if isinstance(status, EssayStatus) else frozenset()


def advance(record: LifecycleRecord, step: Step) -> LifecycleRecord:
    """Return the record after `step`, an edge within the current attempt.

    Raises:
        IllegalTransitionError: `TRANSITIONS` has no edge from the current status to the step's.
    """
    if step.status not in next_statuses(record.current_status):
        raise IllegalTransitionError(f"no edge from {record.current_status} to {step.status}")
    return note(record, step)


def note(record: LifecycleRecord, step: Step, mark: Mark = Mark.EDGE) -> LifecycleRecord:
    """Return the record with `step` in its timeline, and as its status unless it is stale.

    Asks no table: a new attempt starts a path of its own, whatever the status before.
    """
    is_stale = mark is Mark.STALE
    entry = TimelineEntry(
        status=step.status,
        previous_status=None if is_stale or not record.version else record.current_status,
        at=step.at,
        event_id=step.event_id,
        cause_id=step.cause_id,
        attempt=step.attempt,
        version=record.version + 1,
        language=record.language,
        has_batch=record.batch_id is not None,
        corrections_made=step.corrections_made,
        error_code=step.error_code,
        joined=mark is Mark.JOINED,
        applied=not is_stale,
    )
    return record.changed(
        timeline=(*record.timeline, entry)[-MAX_TIMELINE_ENTRIES:],
        current_status=record.current_status if is_stale else entry.status,
    )
