"""What the essay views say of a row; pure, and tolerant of rows that a newer version wrote."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from huleedu_streams.contracts.enums import ProcessingStage
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.views.rows import Row

# What only the fold needs of a timeline entry.
_INTERNAL_FIELDS = frozenset({"cause_id", "has_batch"})
_STAGES = (
    ProcessingStage.PENDING,
    ProcessingStage.PROCESSING,
    ProcessingStage.COMPLETED,
    ProcessingStage.FAILED,
)
_S = EssayStatus
# Each phase's statuses, in the order of `_STAGES`.
_PHASES: Mapping[str, tuple[EssayStatus, ...]] = MappingProxyType(
    {
        "spellcheck": (
            _S.AWAITING_SPELLCHECK,
            _S.SPELLCHECKING_IN_PROGRESS,
            _S.SPELLCHECKED_SUCCESS,
            _S.SPELLCHECK_FAILED,
        ),
        "nlp": (
            _S.AWAITING_NLP,
            _S.NLP_IN_PROGRESS,
            _S.NLP_COMPLETED_SUCCESS,
            _S.NLP_FAILED,
        ),
        "ai_feedback": (
            _S.AWAITING_AI_FEEDBACK,
            _S.AI_FEEDBACK_IN_PROGRESS,
            _S.AI_FEEDBACK_COMPLETED_SUCCESS,
            _S.AI_FEEDBACK_FAILED,
        ),
        "editor_revision": (
            _S.AWAITING_EDITOR_REVISION,
            _S.EDITOR_REVISION_IN_PROGRESS,
            _S.EDITOR_REVISION_COMPLETED_SUCCESS,
            _S.EDITOR_REVISION_FAILED,
        ),
        "grammar_check": (
            _S.AWAITING_GRAMMAR_CHECK,
            _S.GRAMMAR_CHECK_IN_PROGRESS,
            _S.GRAMMAR_CHECK_COMPLETED_SUCCESS,
            _S.GRAMMAR_CHECK_FAILED,
        ),
        "cj": (
            _S.AWAITING_CJ_INCLUSION,
            _S.CJ_PROCESSING_ACTIVE,
            _S.CJ_RANKING_COMPLETED,
            _S.CJ_PROCESSING_FAILED,
        ),
    }
)
_STAGE_OF: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        status.value: (phase, stage.value)
        for phase, statuses in _PHASES.items()
        for status, stage in zip(statuses, _STAGES, strict=True)
    }
)


def status_answer(essay_id: str, row: Row) -> dict[str, Any]:
    """Return the answer of the status view."""
    return {
        "essay_id": essay_id,
        "current_status": row.get("current_status"),
        "batch_id": row.get("batch_id"),
        "attempt": row.get("attempt"),
        "processing_progress": progress(row),
        "timeline": _timeline(row),
        "storage_references": row.get("storage_references") or {},
        "corrections_made": row.get("corrections_made"),
        "language": row.get("language"),
        "last_error": row.get("last_error"),
        "created_at": row.get("created_at"),
        "updated_at": row.get("updated_at"),
    }


def timeline_answer(essay_id: str, row: Row) -> dict[str, Any]:
    """Return the answer of the timeline view."""
    shown = ("attempt", "attempts", "language", "last_error", "correlation_id", "version")
    return {
        "essay_id": essay_id,
        "current_status": row.get("current_status"),
        "timeline": _timeline(row),
        "processing_metadata": {name: row.get(name) for name in shown},
    }


def progress(row: Row) -> dict[str, str]:
    """Return each phase that the current attempt has reached, and its stage."""
    reached: dict[str, str] = {}
    statuses = [
        entry.get("status")
        for entry in row.get("timeline") or []
        if entry.get("attempt") == row.get("attempt") and entry.get("applied", True)
    ]
    for status in [*statuses, row.get("current_status")]:
        if status in _STAGE_OF:
            phase, stage = _STAGE_OF[status]
            reached[phase] = stage
    return reached


def _timeline(row: Row) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in entry.items() if name not in _INTERNAL_FIELDS}
        for entry in row.get("timeline") or []
    ]
