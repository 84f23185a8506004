from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest
from yarl import URL

from huleedu_streams.contracts.codec import decode
from huleedu_streams.contracts.processing_log import pack
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.domain.limits import MAX_LISTED_WORDS
from huleedu_streams.domain.spelling import CheckedText, Correction
from huleedu_streams.errors import BrokerUnavailableError, ContentStoreUnavailableError
from huleedu_streams.processors.lifecycle import RequestOrResult, decide
from huleedu_streams.views.essay_answers import progress
from huleedu_streams.views.essays import EssayParts, build_essay_views
from huleedu_streams.views.publishing import AcknowledgedPublisher
from huleedu_streams.views.routing import PeerClient, StateRouter
from tests.builders import a_request, a_result, a_storage_id
from tests.fakes import FrozenClock, MemoryContentStore, MemoryPublisher
from tests.web import Client, assert_problem, longest_hold, serving

HERE = URL("http://127.0.0.1:6066")
FAILED = a_result(status=EssayStatus.SPELLCHECK_FAILED)


class Ready:
    def problem(self) -> str | None:
        return None


class Everywhere:
    """Owners of a group of one worker."""

    def owner(self, table: str, key: str) -> URL | None:
        return HERE if table == "essays" and key else None

    def is_here(self, table: str, key: str) -> bool:
        return self.owner(table, key) is not None


def a_row(*events: RequestOrResult) -> Mapping[str, Any]:
    """Return the row that the fold makes of these events."""
    row: Mapping[str, Any] | None = None
    for event in events:
        row = decide(row, event).row
    assert row is not None
    return row


@pytest.fixture
def rows() -> dict[str, Mapping[str, Any]]:
    return {"essay-1": a_row(a_request(language="sv"), a_result())}


@pytest.fixture
def store() -> MemoryContentStore:
    return MemoryContentStore()


@pytest.fixture
def publisher() -> MemoryPublisher:
    return MemoryPublisher()


@pytest.fixture
async def client(
    rows: dict[str, Mapping[str, Any]], store: MemoryContentStore, publisher: MemoryPublisher
) -> AsyncIterator[Client]:
    parts = EssayParts(
        rows=rows,
        router=StateRouter(Everywhere(), PeerClient(1, 1), Ready()),
        store=store,
        publisher=AcknowledgedPublisher(publisher, timeout_seconds=1, event_max_bytes=262_144),
        clock=FrozenClock(),
    )
    async with serving(build_essay_views(parts)) as client:
        yield client


async def answer(client: Client, path: str) -> dict[str, Any]:
    async with client.get(path) as response:
        body: dict[str, Any] = await response.json()
        assert response.status == 200, body
        return body


async def test_status_shows_where_the_essay_stands(client: Client) -> None:
    shown = await answer(client, "/v1/essays/essay-1/status")

    assert shown["essay_id"] == "essay-1"
    assert shown["batch_id"] == "batch-1"
    assert shown["current_status"] == "spellchecked_success"
    assert shown["processing_progress"] == {"spellcheck": "completed"}
    assert shown["corrections_made"] == 4
    assert set(shown["storage_references"]) == {"corrected_text", "processing_log"}
    assert [entry["status"] for entry in shown["timeline"]] == [
        "awaiting_spellcheck",
        "spellchecked_success",
    ]
    assert shown["created_at"] == shown["updated_at"] == "2025-05-27T12:00:00Z"


async def test_timeline_shows_the_way_without_what_only_the_fold_needs(client: Client) -> None:
    shown = await answer(client, "/v1/essays/essay-1/timeline")

    assert set(shown) == {"essay_id", "current_status", "timeline", "processing_metadata"}
    entry = shown["timeline"][1]
    assert entry["previous_status"] == "awaiting_spellcheck"
    assert (entry["attempt"], entry["version"]) == (1, 2)
    assert not {"cause_id", "has_batch"} & set(entry)
    assert shown["processing_metadata"]["attempt"] == 1
    assert shown["processing_metadata"]["language"] == "sv"


async def test_failure_says_why(client: Client, rows: dict[str, Mapping[str, Any]]) -> None:
    rows["essay-1"] = a_row(a_request(), FAILED)

    shown = await answer(client, "/v1/essays/essay-1/status")

    assert shown["processing_progress"] == {"spellcheck": "failed"}
    assert shown["last_error"]["error_code"] == "RESOURCE_NOT_FOUND"


async def test_status_that_only_a_newer_version_knows_is_shown(
    client: Client, rows: dict[str, Mapping[str, Any]]
) -> None:
    rows["essay-1"] = {**rows["essay-1"], "current_status": "awaiting_translation"}

    shown = await answer(client, "/v1/essays/essay-1/status")

    assert shown["current_status"] == "awaiting_translation"


def test_progress_is_that_of_the_current_attempt() -> None:
    row = a_row(a_request(), FAILED, a_request("second"))

    assert progress(row) == {"spellcheck": "pending"}
    assert progress({"current_status": "nlp_processing_in_progress"}) == {"nlp": "processing"}


@pytest.mark.parametrize("view", ["status", "timeline", "corrections"])
async def test_unknown_essay_is_not_found(client: Client, view: str) -> None:
    async with client.get(f"/v1/essays/essay-9/{view}") as response:
        await assert_problem(response, 404, "not-found")


@pytest.mark.parametrize("view", ["status", "timeline", "corrections"])
async def test_malformed_essay_id_is_a_bad_request(client: Client, view: str) -> None:
    async with client.get(f"/v1/essays/essay%201/{view}") as response:
        await assert_problem(response, 400, "invalid-id")


async def test_corrections_come_from_the_processing_log(
    client: Client, store: MemoryContentStore
) -> None:
    correction = {"offset": 0, "length": 3, "original": "teh", "replacement": "the"}
    log = {"text": "the", "corrections": [correction], "unknown": []}
    await store.put(a_storage_id("result/log"), orjson.dumps(log), "application/json")

    shown = await answer(client, "/v1/essays/essay-1/corrections")

    assert shown == {
        "essay_id": "essay-1",
        "offset": 0,
        "limit": 1_000,
        "next_offset": None,
        "truncated": False,
        "corrections_total": 1,
        "unknown_total": 0,
        "corrections": [correction],
        "unknown": [],
    }


async def test_corrections_come_in_pages(client: Client, store: MemoryContentStore) -> None:
    found = tuple(Correction(n, 3, "teh", "the", "exact", "other") for n in range(5))
    log = pack(CheckedText("the", found))
    await store.put(a_storage_id("result/log"), log, "application/json")

    first = await answer(client, "/v1/essays/essay-1/corrections?limit=3")
    last = await answer(client, f"/v1/essays/essay-1/corrections?offset={first['next_offset']}")

    assert [one["offset"] for one in first["corrections"]] == [0, 1, 2]
    assert [one["offset"] for one in last["corrections"]] == [3, 4]
    assert last["next_offset"] is None
    assert first["corrections_total"] == last["corrections_total"] == 5


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("offset=-1", "invalid-offset"),
        ("offset=%C2%B2", "invalid-offset"),
        ("limit=0", "invalid-limit"),
        ("limit=5001", "invalid-limit"),
        ("limit=x", "invalid-limit"),
        ("limit=" + "9" * 5_000, "invalid-limit"),
    ],
)
async def test_page_out_of_bounds_is_a_bad_request(client: Client, query: str, code: str) -> None:
    async with client.get(f"/v1/essays/essay-1/corrections?{query}") as response:
        await assert_problem(response, 400, code)


async def test_large_log_holds_the_loop_for_no_time(
    client: Client, store: MemoryContentStore
) -> None:
    """The largest log there is and the largest page of it."""
    words = ("misspeling" * 20,) * 4
    one = Correction(1_000_000, 10, *words[:2], "exact", "other", words)
    log = pack(CheckedText("x" * 1_048_576, (one,) * MAX_LISTED_WORDS, ()))
    assert len(log) > 7_000_000
    await store.put(a_storage_id("result/log"), log, "application/json")
    pages = [f"/v1/essays/essay-1/corrections?offset={n}&limit=1000" for n in (0, 4_000)]

    async def read(path: str) -> bytes:
        async with client.get(path) as response:
            return await response.read()

    async with longest_hold() as held:
        shown = await asyncio.gather(*(read(page) for page in (pages[0], *pages)))

    assert [len(orjson.loads(page)["corrections"]) for page in shown] == [1_000] * 3
    assert held.seconds < 0.05


async def test_large_log_in_an_older_shape_is_refused_and_not_decoded(
    client: Client, store: MemoryContentStore
) -> None:
    log = b'{"text":"' + b"x" * 300_000 + b'","corrections":[],"unknown":[]}'
    await store.put(a_storage_id("result/log"), log, "application/json")

    async with client.get("/v1/essays/essay-1/corrections") as response:
        await assert_problem(response, 409, "log-not-paged")


@pytest.mark.parametrize("log", [b"[]", b"no json"])
async def test_processing_log_of_another_shape_has_no_corrections(
    client: Client, store: MemoryContentStore, log: bytes
) -> None:
    await store.put(a_storage_id("result/log"), log, "application/json")

    shown = await answer(client, "/v1/essays/essay-1/corrections")

    assert (shown["corrections"], shown["unknown"]) == ([], [])


async def test_essay_without_corrections_says_how_it_stands(
    client: Client, rows: dict[str, Mapping[str, Any]]
) -> None:
    rows["essay-1"] = a_row(a_request())

    async with client.get("/v1/essays/essay-1/corrections") as response:
        problem = await assert_problem(response, 404, "no-corrections")
    assert "awaiting_spellcheck" in problem["detail"]


async def test_missing_log_is_not_found_and_a_failing_store_a_502(
    client: Client, store: MemoryContentStore
) -> None:
    async with client.get("/v1/essays/essay-1/corrections") as response:
        await assert_problem(response, 404, "not-found")

    store.get_error = ContentStoreUnavailableError("down")
    async with client.get("/v1/essays/essay-1/corrections") as response:
        await assert_problem(response, 502, "content-store-unavailable")


async def retry(client: Client, body: object, essay_id: str = "essay-1") -> tuple[int, Any]:
    async with client.post(f"/v1/essays/{essay_id}/retry", json=body) as response:
        return response.status, await response.json(content_type=None)


async def test_failed_essay_is_asked_for_once_more(
    client: Client, rows: dict[str, Mapping[str, Any]], publisher: MemoryPublisher
) -> None:
    rows["essay-1"] = a_row(a_request(text="revised", language="sv"), FAILED)

    status, accepted = await retry(client, {"phase": "spellcheck"})

    assert status == 202
    event = publisher.events[0]
    envelope = decode(event.topic, b"essay-1", event.value, 262_144)
    assert str(envelope.event_id) == accepted["event_id"]
    assert envelope.data.text_storage_id == accepted["text_storage_id"] == a_storage_id("revised")
    assert envelope.data.language == "sv"
    assert envelope.data.entity_ref.parent_id == accepted["batch_id"] == "batch-1"
    assert str(envelope.correlation_id) == accepted["correlation_id"]
    assert decide(rows["essay-1"], envelope).row is not rows["essay-1"]


async def test_only_a_failed_essay_is_retried_without_force(
    client: Client, publisher: MemoryPublisher
) -> None:
    async with client.post("/v1/essays/essay-1/retry", json={"phase": "spellcheck"}) as response:
        await assert_problem(response, 409, "not-retryable")
    assert publisher.sent == []

    status, _ = await retry(client, {"phase": "spellcheck", "force": True})
    assert status == 202
    assert len(publisher.sent) == 1


async def test_retry_of_an_unknown_essay_is_not_found(client: Client) -> None:
    status, problem = await retry(client, {"phase": "spellcheck"}, "essay-9")

    assert (status, problem["error"]) == (404, "not-found")


@pytest.mark.parametrize(
    "body", [{}, {"phase": "nlp"}, {"phase": "spellcheck", "force": "yes"}, {"phase": 1}, []]
)
async def test_retry_of_an_unknown_phase_is_a_bad_request(client: Client, body: object) -> None:
    status, problem = await retry(client, body)

    assert (status, problem["error"]) == (400, "invalid-body")


async def test_retry_without_acknowledgement_is_a_503(
    client: Client, publisher: MemoryPublisher
) -> None:
    publisher.error = BrokerUnavailableError("no broker")

    status, problem = await retry(client, {"phase": "spellcheck", "force": True})

    assert (status, problem["error"]) == (503, "broker-unavailable")


async def test_retry_with_a_key_repeats_its_event(
    client: Client, publisher: MemoryPublisher
) -> None:
    for _ in range(2):
        async with client.post(
            "/v1/essays/essay-1/retry",
            json={"phase": "spellcheck", "force": True},
            headers={"Idempotency-Key": "again"},
        ) as response:
            assert response.status == 202

    assert publisher.events[0].value == publisher.events[1].value
