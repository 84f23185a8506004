from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from huleedu_streams.contracts.codec import decode, encode
from huleedu_streams.contracts.enums import ContentType, ProcessingEvent, ProcessingStage
from huleedu_streams.contracts.envelope import EventEnvelope, derived_id
from huleedu_streams.contracts.events import (
    EntityReference,
    SpellcheckRequestedDataV1,
    SystemProcessingMetadata,
)
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.domain.spelling import CheckedText
from huleedu_streams.errors import (
    ContentRefusedError,
    ContentStoreUnavailableError,
    DictionaryError,
    SpellcheckFailedError,
)
from huleedu_streams.processors.spellcheck import (
    TEXT_KEEPS_FAILING,
    SpellcheckDecision,
    check_essay,
    failed_result,
)
from tests.fakes import FrozenClock, MemoryContentStore, ScriptedSpellChecker

TEXT_ID = "0123456789abcdef0123456789abcdef"
EVENT_ID = UUID("6f1c0000-0000-4000-8000-000000000001")
NOW = datetime(2025, 5, 27, 12, tzinfo=UTC)
ESSAY_WORD = "zebra"


def a_request(**changes: object) -> EventEnvelope[SpellcheckRequestedDataV1]:
    entity = EntityReference(entity_id="essay-1", entity_type="essay", parent_id="batch-1")
    data: dict[str, object] = {
        "event_name": ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED,
        "entity_ref": entity,
        "timestamp": NOW,
        "status": EssayStatus.AWAITING_SPELLCHECK,
        "system_metadata": SystemProcessingMetadata(entity=entity, timestamp=NOW),
        "text_storage_id": TEXT_ID,
    }
    return EventEnvelope[SpellcheckRequestedDataV1](
        event_id=EVENT_ID,
        event_type="huleedu.essay.spellcheck.requested.v1",
        event_timestamp=NOW,
        source_service="batch-service",
        correlation_id=UUID("0b2e0000-0000-4000-8000-000000000001"),
        data=SpellcheckRequestedDataV1.model_validate(data | changes),
    )


@pytest.fixture
async def store() -> MemoryContentStore:
    store = MemoryContentStore()
    await store.put(TEXT_ID, f"teh {ESSAY_WORD} cat".encode(), "text/plain")
    return store


@pytest.fixture
def checker() -> ScriptedSpellChecker:
    return ScriptedSpellChecker({"teh": "the"})


async def decide(
    store: MemoryContentStore, checker: ScriptedSpellChecker, **changes: object
) -> SpellcheckDecision:
    return await check_essay(a_request(**changes), store, checker, FrozenClock(NOW), 1000)


def assert_failed(decision: SpellcheckDecision, kind: str, code: str, made: int | None) -> None:
    """The parts of a failure that every row of the outcome table shares."""
    data = decision.result.data
    assert data.status is EssayStatus.SPELLCHECK_FAILED
    assert data.system_metadata.processing_stage is ProcessingStage.FAILED
    assert data.storage_metadata is None
    assert data.corrections_made == made
    assert set(data.system_metadata.error_info) == {"error_code", kind}
    assert data.system_metadata.error_info["error_code"] == code
    assert_traced(decision)


def assert_traced(decision: SpellcheckDecision) -> None:
    request, result = a_request(), decision.result
    assert result.correlation_id == request.correlation_id
    assert result.causation_id == str(EVENT_ID)
    assert result.event_id == derived_id(EVENT_ID, "spellcheck-completed")
    assert result.source_service == "spell-checker-service"
    assert result.data.entity_ref == request.data.entity_ref
    assert result.data.system_metadata.entity.parent_id == "batch-1"
    assert result.data.original_text_storage_id == request.data.text_storage_id
    event = encode(result)
    assert event.key == "essay-1"
    assert decode(event.topic, event.key.encode(), event.value, 262_144) == result
    assert ESSAY_WORD.encode() not in event.value


async def test_corrected_text_ends_in_success_with_references(
    store: MemoryContentStore, checker: ScriptedSpellChecker
) -> None:
    decision = await decide(store, checker)

    data = decision.result.data
    assert data.status is EssayStatus.SPELLCHECKED_SUCCESS
    assert data.system_metadata.processing_stage is ProcessingStage.COMPLETED
    assert data.system_metadata.error_info == {}
    assert data.corrections_made == 1
    assert data.storage_metadata is not None
    text_id = data.storage_metadata.storage_id(ContentType.CORRECTED_TEXT)
    log_id = data.storage_metadata.storage_id(ContentType.PROCESSING_LOG)
    assert text_id == derived_id(EVENT_ID, "corrected-text").hex
    assert log_id == derived_id(EVENT_ID, "processing-log").hex
    assert (await store.get(text_id)).body == b"the zebra cat"
    assert_traced(decision)


async def test_processing_log_lies_beside_the_corrected_text(
    store: MemoryContentStore, checker: ScriptedSpellChecker
) -> None:
    await decide(store, checker)

    log = await store.get(derived_id(EVENT_ID, "processing-log").hex)
    assert log.media_type == "application/json"
    assert json.loads(log.body) == {
        "text": "the zebra cat",
        "corrections": [
            {
                "offset": 0,
                "length": 3,
                "original": "teh",
                "replacement": "the",
                "rule": "exact",
                "category": "other",
                "alternatives": [],
            }
        ],
        "unknown": [],
        "truncated": False,
    }


async def test_repeat_yields_the_same_result_and_the_same_store(
    store: MemoryContentStore, checker: ScriptedSpellChecker
) -> None:
    first = await decide(store, checker)
    kept = dict(store.contents)

    second = await decide(store, checker)

    assert second.result == first.result
    assert store.contents == kept


async def test_times_of_the_result_come_from_the_clock(store: MemoryContentStore) -> None:
    clock = FrozenClock(NOW)

    class SlowChecker(ScriptedSpellChecker):
        async def check(self, text: str, language: str) -> CheckedText:
            clock.advance(2)
            return await super().check(text, language)

    decision = await check_essay(a_request(), store, SlowChecker(), clock, 1000)

    metadata = decision.result.data.system_metadata
    assert metadata.started_at == NOW
    assert metadata.completed_at == decision.result.event_timestamp == clock.now()
    assert decision.check_seconds == 2


async def test_missing_text_ends_in_fetch_error(
    store: MemoryContentStore, checker: ScriptedSpellChecker
) -> None:
    decision = await decide(store, checker, text_storage_id="f" * 32)

    data = decision.result.data
    assert data.system_metadata.error_info["error_code"] == "RESOURCE_NOT_FOUND"
    assert "fetch_error" in data.system_metadata.error_info
    assert data.status is EssayStatus.SPELLCHECK_FAILED
    assert checker.checked == []


async def test_refused_text_ends_in_fetch_error(
    store: MemoryContentStore, checker: ScriptedSpellChecker
) -> None:
    store.get_error = ContentRefusedError("forbidden")

    decision = await decide(store, checker)

    assert_failed(decision, "fetch_error", "CONTENT_SERVICE_ERROR", None)


@pytest.mark.parametrize("body", [b"", b" \n\t ", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n"])
async def test_empty_text_ends_in_content_error(
    store: MemoryContentStore, checker: ScriptedSpellChecker, body: bytes
) -> None:
    await store.put(TEXT_ID, body, "text/plain")

    decision = await decide(store, checker)

    assert_failed(decision, "content_error", "VALIDATION_ERROR", None)
    assert checker.checked == []


async def test_text_that_is_not_utf8_ends_in_content_error(
    store: MemoryContentStore, checker: ScriptedSpellChecker
) -> None:
    await store.put(TEXT_ID, "fågel".encode("latin-1"), "text/plain")

    decision = await decide(store, checker)

    assert_failed(decision, "content_error", "PARSING_ERROR", None)


async def test_text_over_the_cap_ends_in_content_error(
    store: MemoryContentStore, checker: ScriptedSpellChecker
) -> None:
    await store.put(TEXT_ID, b"a" * 1001, "text/plain")

    decision = await decide(store, checker)

    assert_failed(decision, "content_error", "VALIDATION_ERROR", None)
    assert checker.checked == []


@pytest.mark.parametrize("error", [SpellcheckFailedError(ESSAY_WORD), DictionaryError(ESSAY_WORD)])
async def test_failing_checker_ends_in_spellcheck_error_and_stores_nothing(
    store: MemoryContentStore, checker: ScriptedSpellChecker, error: Exception
) -> None:
    checker.error = error
    kept = dict(store.contents)

    decision = await decide(store, checker)

    assert_failed(decision, "spellcheck_error", "SPELLCHECK_SERVICE_ERROR", 0)
    assert store.contents == kept


async def test_language_not_served_ends_in_language_error(
    store: MemoryContentStore, checker: ScriptedSpellChecker
) -> None:
    kept = dict(store.contents)

    decision = await decide(store, checker, language="sv")

    assert_failed(decision, "language_error", "VALIDATION_ERROR", None)
    assert store.contents == kept


async def test_refused_corrected_text_keeps_the_number_of_corrections(
    store: MemoryContentStore, checker: ScriptedSpellChecker
) -> None:
    store.put_error = ContentRefusedError("too large")

    decision = await decide(store, checker)

    assert_failed(decision, "spellcheck_error", "CONTENT_SERVICE_ERROR", 1)
    assert decision.checked is not None


async def test_store_that_is_down_decides_nothing(
    store: MemoryContentStore, checker: ScriptedSpellChecker
) -> None:
    store.get_error = ContentStoreUnavailableError("down")
    with pytest.raises(ContentStoreUnavailableError):
        await decide(store, checker)

    store.get_error, store.put_error = None, ContentStoreUnavailableError("down")
    with pytest.raises(ContentStoreUnavailableError):
        await decide(store, checker)


async def test_text_that_keeps_failing_has_a_result_of_its_own() -> None:
    result = failed_result(a_request(), TEXT_KEEPS_FAILING, NOW, NOW)

    assert_failed(SpellcheckDecision(result), "fetch_error", "CONTENT_SERVICE_ERROR", None)
