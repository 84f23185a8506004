"""The wire's enums, by value, verbatim from HuleEdu; statuses live in `domain`."""

from __future__ import annotations

from enum import StrEnum


class ProcessingStage(StrEnum):
    """How far one processing step got."""

    PENDING = "pending"
    INITIALIZED = "initialized"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing follows."""
        return self in _TERMINAL_STAGES

    @property
    def is_active(self) -> bool:
        """Whether something is still to follow."""
        return self not in _TERMINAL_STAGES


_TERMINAL_STAGES = frozenset(
    {ProcessingStage.COMPLETED, ProcessingStage.FAILED, ProcessingStage.CANCELLED}
)


class ProcessingEvent(StrEnum):
    """What happened; `contracts.topic_names` maps those that travel here to topics."""

    BATCH_PIPELINE_REQUESTED = "batch.pipeline.requested"
    BATCH_PHASE_INITIATED = "batch.phase.initiated"
    BATCH_PIPELINE_PROGRESS_UPDATED = "batch.pipeline.progress.updated"
    BATCH_PHASE_CONCLUDED = "batch.phase.concluded"
    BATCH_LIFECYCLE_COMPLETED = "batch.lifecycle.completed"
    BATCH_LIFECYCLE_FAILED = "batch.lifecycle.failed"
    BATCH_LIFECYCLE_PARTIALLY_COMPLETED = "batch.lifecycle.partially_completed"
    BATCH_ESSAYS_REGISTERED = "batch.essays.registered"
    BATCH_SPELLCHECK_PHASE_COMPLETED = "batch.spellcheck.phase.completed"
    ESSAY_PHASE_INITIATION_REQUESTED = "essay.phase.initiation.requested"
    ESSAY_LIFECYCLE_STATE_UPDATED = "essay.lifecycle.state.updated"
    ESSAY_SPELLCHECK_REQUESTED = "essay.spellcheck.requested"
    ESSAY_SPELLCHECK_RESULT_RECEIVED = "essay.spellcheck.result.received"
    ESSAY_NLP_RESULT_RECEIVED = "essay.nlp.result.received"
    ESSAY_AIFEEDBACK_RESULT_RECEIVED = "essay.aifeedback.result.received"
    ESSAY_EDITOR_REVISION_RESULT_RECEIVED = "essay.editor_revision.result.received"
    ESSAY_GRAMMAR_RESULT_RECEIVED = "essay.grammar.result.received"
    PROCESSING_STARTED = "processing.started"
    PROCESSING_COMPLETED = "processing.completed"
    PROCESSING_FAILED = "processing.failed"


class ContentType(StrEnum):
    """What a stored text is."""

    ORIGINAL_ESSAY = "original_essay"
    CORRECTED_TEXT = "corrected_text"
    PROCESSING_LOG = "processing_log"
    NLP_METRICS_JSON = "nlp_metrics_json"
    STUDENT_FACING_AI_FEEDBACK_TEXT = "student_facing_ai_feedback_text"
    AI_EDITOR_REVISION_TEXT = "ai_editor_revision_text"
    AI_DETAILED_ANALYSIS_JSON = "ai_detailed_analysis_json"
    GRAMMAR_ANALYSIS_JSON = "grammar_analysis_json"
    CJ_RESULTS_JSON = "cj_results_json"


class ErrorCode(StrEnum):
    """The kind of a failure, in `error_info.error_code`."""

    UNKNOWN_ERROR = "UNKNOWN_ERROR"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    RESOURCE_NOT_FOUND = "RESOURCE_NOT_FOUND"
    CONFIGURATION_ERROR = "CONFIGURATION_ERROR"
    EXTERNAL_SERVICE_ERROR = "EXTERNAL_SERVICE_ERROR"
    KAFKA_PUBLISH_ERROR = "KAFKA_PUBLISH_ERROR"
    CONTENT_SERVICE_ERROR = "CONTENT_SERVICE_ERROR"
    SPELLCHECK_SERVICE_ERROR = "SPELLCHECK_SERVICE_ERROR"
    TIMEOUT = "TIMEOUT"
    CONNECTION_ERROR = "CONNECTION_ERROR"
    PARSING_ERROR = "PARSING_ERROR"
    PROCESSING_ERROR = "PROCESSING_ERROR"
