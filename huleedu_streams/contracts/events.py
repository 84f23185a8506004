"""What travels inside the envelopes: one model an event, named and shaped as HuleEdu has them."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from huleedu_streams.contracts.enums import (
    ContentType,
    ErrorCode,
    ProcessingEvent,
    ProcessingStage,
)
from huleedu_streams.contracts.envelope import (
    ENTITY_ID,
    Count,
    EntityId,
    LanguageTag,
    Total,
    UtcDatetime,
    WireModel,
    derived_id,
)
from huleedu_streams.domain.batches import BatchStatus, PhaseOutcome
from huleedu_streams.domain.lifecycle import EssayStatus

# Bounded, because an essay's row keeps it.
Reference = Annotated[
    dict[
        Annotated[str, StringConstraints(max_length=64)],
        Annotated[str, StringConstraints(max_length=1024)],
    ],
    Field(max_length=8),
]
# A registration fits an event; its members fit their pages (domain/rosters.py).
MAX_BATCH_ESSAYS = 10_000


class EntityReference(WireModel):
    """Which essay or batch an event speaks of; `parent_id` is the batch and is never dropped."""

    entity_id: EntityId = Field(description="e.g. essay-1")
    entity_type: EntityId = Field(description="essay or batch")
    parent_id: EntityId | None = Field(default=None, description="an essay's batch, e.g. batch-1")


class SystemProcessingMetadata(WireModel):
    """How one processing step went."""

    entity: EntityReference
    timestamp: UtcDatetime
    processing_stage: ProcessingStage | None = None
    started_at: UtcDatetime | None = None
    completed_at: UtcDatetime | None = None
    event: str | None = None
    error_info: dict[str, Any] = Field(
        default_factory=dict, description="`error_code` and one message; never essay text"
    )


class BaseEventData(WireModel):
    """What every event says: which fact, about whom, when."""

    event_name: ProcessingEvent
    entity_ref: EntityReference
    timestamp: UtcDatetime


class ProcessingUpdate(BaseEventData):
    """A change of status of an essay or a batch."""

    status: EssayStatus | BatchStatus = Field(union_mode="left_to_right")
    system_metadata: SystemProcessingMetadata

    @model_validator(mode="after")
    def _status_belongs_to_entity(self) -> Self:
        # `uploaded` is in both enums: the entity's type says which one is meant.
        kind = BatchStatus if self.entity_ref.entity_type == "batch" else EssayStatus
        if self.status not in set(kind):
            raise ValueError(f"the status is no {kind.__name__}, as its entity_type wants")
        object.__setattr__(self, "status", kind(self.status))
        return self


class SpellcheckRequestedDataV1(ProcessingUpdate):
    """Ask for a spell check: topic huleedu.essay.spellcheck.requested.v1, key essay id.

    Producers: the batch role, anyone. Consumers: spellcheck, lifecycle.
    """

    status: EssayStatus
    text_storage_id: EntityId = Field(description="the text's id in the content store, 32 hex")
    language: LanguageTag = Field(default="en", description="older producers omit it; e.g. sv")


class StorageReferenceMetadata(WireModel):
    """Where texts lie: content type -> {"default": id}, or {"storage_id": …, "path": …}."""

    references: dict[ContentType, Reference] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ids_are_ids(self) -> Self:
        ids = [self.storage_id(content_type) for content_type in self.references]
        if not all(storage_id is None or ENTITY_ID.match(storage_id) for storage_id in ids):
            raise ValueError("a reference is no id of the content store")
        return self

    def storage_id(self, content_type: ContentType) -> str | None:
        """Return the id stored for `content_type`, from either of the two shapes."""
        reference = self.references.get(content_type, {})
        return reference.get("default") or reference.get("storage_id")


class SpellcheckResultDataV1(ProcessingUpdate):
    """How a spell check ended: topic huleedu.essay.spellcheck.completed.v1, key essay id.

    Producer: spellcheck. Consumers: lifecycle, anyone.
    """

    status: EssayStatus
    original_text_storage_id: EntityId
    storage_metadata: StorageReferenceMetadata | None = None
    corrections_made: Count | None = Field(default=None, description="words replaced")


class BatchEssaysRegistered(WireModel):
    """A batch and the essays that belong to it: topic huleedu.batch.essays.registered.v1.

    Key batch id. Producer: the batch role. Consumer: lifecycle.
    """

    event: ProcessingEvent = ProcessingEvent.BATCH_ESSAYS_REGISTERED
    batch_id: EntityId
    expected_essay_count: Count = Field(description="as many as there are ids")
    essay_ids: list[EntityId] = Field(
        min_length=1, max_length=MAX_BATCH_ESSAYS, description="each once"
    )
    metadata: SystemProcessingMetadata

    @model_validator(mode="after")
    def _count_is_that_of_the_ids(self) -> Self:
        if len(set(self.essay_ids)) != len(self.essay_ids):
            raise ValueError("essay_ids names an essay twice")
        if self.expected_essay_count != len(self.essay_ids):
            raise ValueError("expected_essay_count is not the number of essay_ids")
        return self


class EssayLifecycleStateUpdatedV1(BaseEventData):
    """An essay's status changed: topic huleedu.essay.lifecycle.state.updated.v1, key batch id.

    The key is the essay id where there is no batch. Producer: lifecycle. Consumers: lifecycle
    (batches), anyone.
    """

    status: EssayStatus
    previous_status: EssayStatus | None = None
    attempt: Count = Field(ge=1, description="1-based; each request opens the next")
    version: Count = Field(ge=1, description="of the essay's row; grows by 1 a change")
    corrections_made: Count | None = None
    error_code: ErrorCode | None = None
    language: LanguageTag | None = None


def state_updated_id(cause_id: UUID | str, version: int) -> UUID:
    """Return the id of the event that tells of a row's `version`, caused by event `cause_id`.

    Any other id on that topic is a stranger's, who may not say how an essay stands.
    """
    return derived_id(cause_id, f"state-updated/{version}")


class BatchSpellcheckPhaseCompletedV1(BaseEventData):
    """Every expected essay has a result: topic huleedu.batch.spellcheck.phase.completed.v1.

    Or the batch's deadline has passed: then essays without a result are missing. Key batch id;
    once a batch (at least once, one event id). Producer: lifecycle.
    """

    outcome: PhaseOutcome
    expected_essay_count: Count
    successful: Count
    failed: Count
    failed_essay_ids: list[EntityId] = Field(default_factory=list, max_length=100)
    failed_essay_ids_truncated: bool = False
    missing_essay_ids: list[EntityId] = Field(default_factory=list, max_length=100)
    missing_essay_ids_truncated: bool = False
    corrections_made: Total
    duration_seconds: float = Field(
        ge=0,
        allow_inf_nan=False,
        description="from the registration to the last result, or to the deadline",
    )
