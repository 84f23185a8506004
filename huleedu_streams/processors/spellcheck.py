"""Step 3 of 6: one request in, exactly one result out.

Lives here: what a spell check decides and which result event says so. Not here: retries and
waiting (a store that is down raises through), sends, metrics (`agents/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from huleedu_streams.contracts.enums import (
    ContentType,
    ErrorCode,
    ProcessingEvent,
    ProcessingStage,
)
from huleedu_streams.contracts.envelope import EventEnvelope, derived_id
from huleedu_streams.contracts.events import (
    SpellcheckRequestedDataV1,
    SpellcheckResultDataV1,
    StorageReferenceMetadata,
    SystemProcessingMetadata,
)
from huleedu_streams.contracts.processing_log import pack
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.domain.limits import derived_max_bytes
from huleedu_streams.domain.spelling import CheckedText
from huleedu_streams.errors import (
    ContentNotFoundError,
    ContentRefusedError,
    SpellingError,
    UnsupportedLanguageError,
)
from huleedu_streams.protocols import Clock, ContentStore, SpellChecker

SOURCE_SERVICE = "spell-checker-service"
TEXT_MEDIA_TYPE = "text/plain; charset=utf-8"
LOG_MEDIA_TYPE = "application/json"

Request = EventEnvelope[SpellcheckRequestedDataV1]
Result = EventEnvelope[SpellcheckResultDataV1]


class FailureKind(StrEnum):
    """The member of `error_info` that says what failed."""

    FETCH = "fetch_error"
    CONTENT = "content_error"
    LANGUAGE = "language_error"
    SPELLCHECK = "spellcheck_error"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an essay was not corrected; the message never holds essay text."""

    kind: FailureKind
    code: ErrorCode
    message: str
    corrections_made: int | None = None


TEXT_KEEPS_FAILING = Failure(
    FailureKind.FETCH,
    ErrorCode.CONTENT_SERVICE_ERROR,
    "this text could not be fetched or stored though the content store answers",
)
_NOT_FOUND = Failure(
    FailureKind.FETCH, ErrorCode.RESOURCE_NOT_FOUND, "the content store has no text under this id"
)
_FETCH_REFUSED = Failure(
    FailureKind.FETCH, ErrorCode.CONTENT_SERVICE_ERROR, "the content store refuses to give the text"
)
_EMPTY = Failure(FailureKind.CONTENT, ErrorCode.VALIDATION_ERROR, "the text is empty")
_NOT_UTF8 = Failure(FailureKind.CONTENT, ErrorCode.PARSING_ERROR, "the text is not UTF-8")
_TOO_LARGE = Failure(
    FailureKind.CONTENT, ErrorCode.VALIDATION_ERROR, "the text is larger than the cap"
)
_NOT_SERVED = Failure(
    FailureKind.LANGUAGE, ErrorCode.VALIDATION_ERROR, "the language of the text is not served"
)
_CHECKER_FAILED = Failure(
    FailureKind.SPELLCHECK, ErrorCode.SPELLCHECK_SERVICE_ERROR, "the spell checker failed", 0
)


@dataclass(frozen=True, slots=True)
class SpellcheckDecision:
    """The result to send, and what the metrics want to know.

    Attributes:
        result: The one result event of the request.
        checked: What the checker found; `None` if it did not get that far.
        check_seconds: How long the checker took; 0 if it was not asked.
    """

    result: Result
    checked: CheckedText | None = None
    check_seconds: float = 0.0


class _FailedError(Exception):
    """Carries a failure out of a step; never leaves this module."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


async def check_essay(
    request: Request,
    store: ContentStore,
    checker: SpellChecker,
    clock: Clock,
    text_max_bytes: int | None = None,
) -> SpellcheckDecision:
    """Fetch the text, correct it, store what came of it, and say how it went.

    A repeat stores under the same ids and yields the same event id, status, references and count.
    A text above `text_max_bytes` is not checked: whoever put it went round the HTTP surface.

    Raises:
        ContentStoreUnavailableError: the store gives no answer now; nothing is decided.
    """
    started_at = clock.now()
    checked: CheckedText | None = None
    check_seconds = 0.0
    try:
        text = await _fetch(request, store, text_max_bytes)
        check_started_at = clock.now()
        checked = await _check(request, text, checker)
        check_seconds = (clock.now() - check_started_at).total_seconds()
        references = await _keep(request, checked, store, text_max_bytes)
    except _FailedError as failed:
        result = failed_result(request, failed.failure, started_at, clock.now())
    else:
        metadata = _metadata(request, ProcessingStage.COMPLETED, started_at, clock.now(), {})
        result = _result(
            request,
            EssayStatus.SPELLCHECKED_SUCCESS,
            metadata,
            references,
            checked.corrections_made,
        )
    return SpellcheckDecision(result, checked, max(0.0, check_seconds))


def failed_result(
    request: Request, failure: Failure, started_at: datetime, completed_at: datetime
) -> Result:
    """Return the result that says why `request` was not fulfilled."""
    error_info = {"error_code": failure.code.value, failure.kind.value: failure.message}
    metadata = _metadata(request, ProcessingStage.FAILED, started_at, completed_at, error_info)
    return _result(request, EssayStatus.SPELLCHECK_FAILED, metadata, None, failure.corrections_made)


async def _fetch(request: Request, store: ContentStore, max_bytes: int | None) -> str:
    try:
        content = await store.get(request.data.text_storage_id)
        if max_bytes is not None and len(content.body) > max_bytes:
            raise _FailedError(_TOO_LARGE)
        text = content.body.decode("utf-8")
    except ContentNotFoundError:
        raise _FailedError(_NOT_FOUND) from None
    except ContentRefusedError:
        raise _FailedError(_FETCH_REFUSED) from None
    except UnicodeDecodeError:
        raise _FailedError(_NOT_UTF8) from None
    # A byte order mark, as word processors write it, is no text.
    if not text.removeprefix("\ufeff").strip():
        raise _FailedError(_EMPTY)
    return text


async def _check(request: Request, text: str, checker: SpellChecker) -> CheckedText:
    try:
        return await checker.check(text, request.data.language)
    except UnsupportedLanguageError:
        raise _FailedError(_NOT_SERVED) from None
    except SpellingError:
        raise _FailedError(_CHECKER_FAILED) from None


async def _keep(
    request: Request, checked: CheckedText, store: ContentStore, text_max_bytes: int | None
) -> StorageReferenceMetadata:
    """Store the corrected text and the processing log under ids that a replay overwrites."""
    text_id = derived_id(request.event_id, "corrected-text").hex
    log_id = derived_id(request.event_id, "processing-log").hex
    log_max_bytes = None if text_max_bytes is None else derived_max_bytes(text_max_bytes)
    try:
        await store.put(text_id, checked.text.encode(), TEXT_MEDIA_TYPE)
        await store.put(log_id, pack(checked, log_max_bytes), LOG_MEDIA_TYPE)
    except (ContentRefusedError, ContentNotFoundError):
        raise _FailedError(
            Failure(
                FailureKind.SPELLCHECK,
                ErrorCode.CONTENT_SERVICE_ERROR,
                "the content store refuses the corrected text",
                checked.corrections_made,
            )
        ) from None
    return StorageReferenceMetadata(
        references={
            ContentType.CORRECTED_TEXT: {"default": text_id},
            ContentType.PROCESSING_LOG: {"default": log_id},
        }
    )


def _metadata(
    request: Request,
    stage: ProcessingStage,
    started_at: datetime,
    completed_at: datetime,
    error_info: dict[str, str],
) -> SystemProcessingMetadata:
    return SystemProcessingMetadata(
        entity=request.data.entity_ref,
        timestamp=completed_at,
        processing_stage=stage,
        started_at=started_at,
        completed_at=completed_at,
        event=ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED.value,
        error_info=error_info,
    )


def _result(
    request: Request,
    status: EssayStatus,
    metadata: SystemProcessingMetadata,
    references: StorageReferenceMetadata | None,
    corrections_made: int | None,
) -> Result:
    return Result(
        event_id=result_event_id(request.event_id),
        event_type=topic_name(ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED),
        event_timestamp=metadata.timestamp,
        source_service=SOURCE_SERVICE,
        correlation_id=request.correlation_id,
        metadata={"causation_id": str(request.event_id)},
        data=SpellcheckResultDataV1(
            event_name=ProcessingEvent.ESSAY_SPELLCHECK_RESULT_RECEIVED,
            entity_ref=request.data.entity_ref,
            timestamp=metadata.timestamp,
            status=status,
            system_metadata=metadata,
            original_text_storage_id=request.data.text_storage_id,
            storage_metadata=references,
            corrections_made=corrections_made,
        ),
    )


def result_event_id(request_event_id: UUID) -> UUID:
    """Return the id of the result of a request; the same for every replay."""
    return derived_id(request_event_id, "spellcheck-completed")
