from __future__ import annotations

import pytest

from huleedu_streams.contracts.enums import (
    ContentType,
    ErrorCode,
    ProcessingEvent,
    ProcessingStage,
)
from huleedu_streams.domain.batches import BatchStatus, PhaseOutcome
from huleedu_streams.domain.lifecycle import EssayStatus

TERMINAL_STAGES = ["completed", "failed", "cancelled"]
SHORT_NAMES = {
    "nlp_processing_in_progress": "NLP_IN_PROGRESS",
    "ai_feedback_processing_in_progress": "AI_FEEDBACK_IN_PROGRESS",
    "editor_revision_processing_in_progress": "EDITOR_REVISION_IN_PROGRESS",
    "grammar_check_processing_in_progress": "GRAMMAR_CHECK_IN_PROGRESS",
}


@pytest.mark.parametrize("stage", ProcessingStage)
def test_stage_is_either_terminal_or_active(stage: ProcessingStage) -> None:
    assert stage.is_terminal == (stage.value in TERMINAL_STAGES)
    assert stage.is_active != stage.is_terminal


@pytest.mark.parametrize("status", EssayStatus)
def test_essay_status_is_named_after_its_value(status: EssayStatus) -> None:
    assert status.name == SHORT_NAMES.get(status.value, status.value.upper())


@pytest.mark.parametrize("member", [*BatchStatus, *ContentType, *ProcessingStage])
def test_other_enums_are_named_after_their_values(member: BatchStatus) -> None:
    assert member.name == member.value.upper()


@pytest.mark.parametrize("member", [*ErrorCode, *PhaseOutcome])
def test_codes_and_outcomes_are_their_own_names(member: ErrorCode) -> None:
    assert member.name == member.value


@pytest.mark.parametrize("event", ProcessingEvent)
def test_event_is_named_after_its_value(event: ProcessingEvent) -> None:
    assert event.name == event.value.replace(".", "_").upper()


def test_enums_have_as_many_members_as_the_wire() -> None:
    enums = [ProcessingStage, ProcessingEvent, EssayStatus, BatchStatus, ContentType, ErrorCode]

    assert [len(enum) for enum in enums] == [6, 20, 29, 11, 9, 12]
