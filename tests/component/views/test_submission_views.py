from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import orjson
import pytest

from huleedu_streams.contracts.codec import decode
from huleedu_streams.errors import BrokerUnavailableError, ContentStoreUnavailableError
from huleedu_streams.settings import Settings
from huleedu_streams.views.submissions import SAMPLE_TEXT, build_submission_views
from tests.fakes import FrozenClock, MemoryContentStore, MemoryPublisher
from tests.web import Client, assert_problem, serving

ESSAYS = "/v1/batches/batch-1/essays"
REGISTER = "/v1/batches/register"
TEST = "/v1/batches/trigger-spellcheck-test"
TEXT_ID = "0123456789abcdef0123456789abcdef"
SETTINGS = Settings(publish_timeout_seconds=0.1, text_max_bytes=100_000, batch_max_essays=50)


@pytest.fixture
def store() -> MemoryContentStore:
    return MemoryContentStore()


@pytest.fixture
def publisher() -> MemoryPublisher:
    return MemoryPublisher()


@pytest.fixture
async def client(store: MemoryContentStore, publisher: MemoryPublisher) -> AsyncIterator[Client]:
    views = build_submission_views(store, publisher, FrozenClock(), SETTINGS)
    async with serving(views) as client:
        yield client


async def accepted(
    client: Client, path: str, body: object = None, **headers: str
) -> dict[str, Any]:
    async with client.post(path, json=body, headers=headers) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == 202, answer
        return answer


def envelope_of(publisher: MemoryPublisher, number: int = -1) -> Any:  # noqa: ANN401 - any event
    event = publisher.events[number]
    return decode(event.topic, event.key.encode(), event.value, 262_144)


async def test_essay_is_stored_and_asked_for(
    client: Client, store: MemoryContentStore, publisher: MemoryPublisher
) -> None:
    answer = await accepted(
        client, ESSAYS, {"essay_id": "essay-1", "text": "fågel", "language": "sv"}
    )

    assert set(answer) == {"essay_id", "batch_id", "text_storage_id", "event_id", "correlation_id"}
    assert (answer["essay_id"], answer["batch_id"]) == ("essay-1", "batch-1")
    assert store.contents[answer["text_storage_id"]].body.decode() == "fågel"
    envelope = envelope_of(publisher)
    assert str(envelope.event_id) == answer["event_id"]
    assert str(envelope.correlation_id) == answer["correlation_id"]
    assert envelope.data.text_storage_id == answer["text_storage_id"]
    assert envelope.data.entity_ref.parent_id == "batch-1"
    assert envelope.data.language == "sv"
    assert b"f\xc3\xa5gel" not in publisher.events[0].value


async def test_essay_without_an_id_gets_one(client: Client, publisher: MemoryPublisher) -> None:
    answer = await accepted(client, ESSAYS, {"text": "a text"})

    assert publisher.events[0].key == answer["essay_id"]


async def test_text_stored_before_is_taken_by_its_id(
    client: Client, store: MemoryContentStore, publisher: MemoryPublisher
) -> None:
    answer = await accepted(client, ESSAYS, {"text_storage_id": TEXT_ID.upper()})

    assert answer["text_storage_id"] == TEXT_ID
    assert envelope_of(publisher).data.text_storage_id == TEXT_ID
    assert store.contents == {}


async def test_idempotency_key_repeats_the_whole_answer(
    client: Client, store: MemoryContentStore, publisher: MemoryPublisher
) -> None:
    headers = {"Idempotency-Key": "hand-in-7"}

    first = await accepted(client, ESSAYS, {"text": "a text"}, **headers)
    second = await accepted(client, ESSAYS, {"text": "a text"}, **headers)

    assert second == first
    assert [body.body for body in store.contents.values()].count(b"a text") == 1
    assert publisher.events[0].value == publisher.events[1].value


async def test_idempotency_key_is_of_its_batch_and_essay(client: Client) -> None:
    headers = {"Idempotency-Key": "hand-in-7"}
    answers = [
        await accepted(client, path, {"essay_id": essay_id, "text": "a text"}, **headers)
        for path in (ESSAYS, "/v1/batches/batch-2/essays")
        for essay_id in ("a", "b")
    ]

    assert len({answer["event_id"] for answer in answers}) == 4


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        (ESSAYS, {"text": "a text"}, {"text": "another"}),
        (ESSAYS, {"text": "a text"}, {"text": "a text", "language": "sv"}),
        (ESSAYS, {"text": "a text"}, {"text_storage_id": TEXT_ID}),
        (ESSAYS, {"text_storage_id": TEXT_ID}, {"text_storage_id": TEXT_ID[::-1]}),
        (REGISTER, {"essay_ids": ["a"]}, {"essay_ids": ["b"]}),
    ],
)
async def test_idempotency_key_with_another_body_is_refused(
    client: Client,
    publisher: MemoryPublisher,
    path: str,
    first: dict[str, object],
    second: dict[str, object],
) -> None:
    headers = {"Idempotency-Key": "hand-in-7"}
    await accepted(client, path, first, **headers)

    async with client.post(path, json=second, headers=headers) as response:
        await assert_problem(response, 422, "idempotency-key-reused")

    assert len(publisher.sent) == 1


async def test_traces_of_the_client_travel_with_the_event(
    client: Client, publisher: MemoryPublisher
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    correlation_id = "0b2e0000-0000-4000-8000-000000000001"

    answer = await accepted(
        client,
        ESSAYS,
        {"text": "a text"},
        **{"traceparent": trace, "X-Correlation-ID": correlation_id},
    )

    assert answer["correlation_id"] == correlation_id
    assert dict(publisher.events[0].headers)["traceparent"] == trace.encode()
    assert dict(publisher.events[0].headers)["correlation_id"] == correlation_id.encode()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"essay_id": "essay-1"},
        {"text": "a", "text_storage_id": TEXT_ID},
        {"text": ""},
        {"text": " \n"},
        {"text": 7},
        {"text_storage_id": "no-hex"},
        {"text": "a", "essay_id": "essay 1"},
        {"text": "a", "essay_id": "e" * 129},
        {"text": "a", "language": "english, please"},
        {"text": "a", "unknown": 1},
        [],
        "text",
        None,
    ],
)
async def test_wrong_essay_is_a_bad_request(
    client: Client, publisher: MemoryPublisher, body: object
) -> None:
    async with client.post(ESSAYS, json=body) as response:
        await assert_problem(response, 400, "invalid-body")
    assert publisher.sent == []


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (REGISTER, {"essay_ids": [0] * 30_000}, "essay_ids.0: "),
        (REGISTER, {"essay_ids": [f"{n:x}" for n in range(10_001)]}, "essay_ids: "),
        (ESSAYS, {f"m{n}": 0 for n in range(1_000)}, "1000 of its members are wrong"),
    ],
    ids=["wrong ids", "too many ids", "unknown members"],
)
async def test_body_with_countless_faults_is_told_by_few_words(
    client: Client, publisher: MemoryPublisher, path: str, body: object, said: str
) -> None:
    async with client.post(path, json=body) as response:
        problem = await assert_problem(response, 400, "invalid-body")

    assert said in problem["detail"]
    assert publisher.sent == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'{"text": "\\ud800"}', b"[" * 5000, b'{"text": "secret'],
)
async def test_body_that_is_no_json_is_a_bad_request(client: Client, body: bytes) -> None:
    async with client.post(ESSAYS, data=body) as response:
        problem = await assert_problem(response, 400, "invalid-body")
    assert "secret" not in problem["detail"]


async def test_wrong_batch_id_is_a_bad_request(client: Client) -> None:
    async with client.post("/v1/batches/batch%201/essays", json={"text": "a"}) as response:
        await assert_problem(response, 400, "invalid-id")


@pytest.mark.parametrize("key", ["k" * 256, "two words", "å"])
async def test_wrong_idempotency_key_is_a_bad_request(client: Client, key: str) -> None:
    async with client.post(
        ESSAYS, json={"text": "a"}, headers={"Idempotency-Key": key}
    ) as response:
        await assert_problem(response, 400, "invalid-idempotency-key")


async def test_essay_over_the_cap_is_too_large(client: Client) -> None:
    async with client.post(ESSAYS, json={"text": "a" * 100_001}) as response:
        await assert_problem(response, 413, "too-large")


@pytest.mark.parametrize("path", [ESSAYS, TEST])
async def test_failing_content_store_is_a_502_and_sends_nothing(
    client: Client, store: MemoryContentStore, publisher: MemoryPublisher, path: str
) -> None:
    store.put_error = ContentStoreUnavailableError("down")

    async with client.post(path, json={"text": "a text"}) as response:
        await assert_problem(response, 502, "content-store-unavailable")
    assert publisher.sent == []


@pytest.mark.parametrize(
    ("path", "body"), [(ESSAYS, {"text": "a"}), (REGISTER, {"essay_ids": ["a"]}), (TEST, None)]
)
async def test_event_without_acknowledgement_is_a_503(
    client: Client, publisher: MemoryPublisher, path: str, body: object
) -> None:
    publisher.error = BrokerUnavailableError("no broker")
    async with client.post(path, json=body) as response:
        await assert_problem(response, 503, "broker-unavailable")
        assert int(response.headers["Retry-After"]) > 0

    publisher.error, publisher.is_silent = None, True
    async with client.post(path, json=body) as response:
        await assert_problem(response, 503, "broker-unavailable")


async def test_batch_is_registered_with_the_given_ids(
    client: Client, publisher: MemoryPublisher
) -> None:
    body = {
        "essay_ids": ["essay-1", "essay-2"],
        "expected_essay_count": 2,
        "course_code": "ENG5",
        "class_designation": "9B",
        "essay_instructions": "Write about a book.",
    }

    answer = await accepted(client, REGISTER, body)

    assert set(answer) == {"batch_id", "correlation_id", "status"}
    assert answer["status"] == "registered"
    envelope = envelope_of(publisher)
    assert publisher.events[0].key == answer["batch_id"]
    assert envelope.data.batch_id == answer["batch_id"]
    assert envelope.data.essay_ids == ["essay-1", "essay-2"]
    assert envelope.data.expected_essay_count == 2
    assert envelope.metadata == {
        "course_code": "ENG5",
        "class_designation": "9B",
        "essay_instructions": "Write about a book.",
    }
    UUID(answer["correlation_id"])


async def test_batch_may_bring_its_own_id(client: Client, publisher: MemoryPublisher) -> None:
    answer = await accepted(client, REGISTER, {"batch_id": "batch-9", "essay_ids": ["a"]})

    assert answer["batch_id"] == "batch-9"
    assert publisher.events[0].key == "batch-9"


async def test_registration_with_a_key_repeats_itself(
    client: Client, publisher: MemoryPublisher
) -> None:
    headers = {"Idempotency-Key": "batch-of-today"}

    first = await accepted(client, REGISTER, {"essay_ids": ["a"]}, **headers)
    second = await accepted(client, REGISTER, {"essay_ids": ["a"]}, **headers)

    assert second == first
    assert publisher.events[0].value == publisher.events[1].value


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"essay_ids": []},
        {"expected_essay_count": 1},
        {"essay_ids": ["a", "a"]},
        {"essay_ids": ["a"], "expected_essay_count": 2},
        {"essay_ids": ["a"], "expected_essay_count": 0},
        {"essay_ids": ["a"], "expected_essay_count": True},
        {"essay_ids": ["a"], "expected_essay_count": "1"},
        {"essay_ids": ["a b"]},
        {"essay_ids": "a"},
        {"essay_ids": ["a"], "course_code": ""},
        {"essay_ids": ["a"], "unknown": 1},
    ],
)
async def test_wrong_registration_is_a_bad_request(
    client: Client, publisher: MemoryPublisher, body: object
) -> None:
    async with client.post(REGISTER, json=body) as response:
        await assert_problem(response, 400, "invalid-body")
    assert publisher.sent == []


async def test_batch_over_the_cap_is_a_bad_request(client: Client) -> None:
    body = {"essay_ids": [f"essay-{number}" for number in range(51)]}
    async with client.post(REGISTER, json=body) as response:
        await assert_problem(response, 400, "too-many-essays")


async def test_registration_must_fit_an_event(
    store: MemoryContentStore, publisher: MemoryPublisher
) -> None:
    settings = Settings(event_max_bytes=1_000)
    views = build_submission_views(store, publisher, FrozenClock(), settings)
    body = {"essay_ids": [f"essay-{number}" for number in range(100)]}

    async with serving(views) as client, client.post(REGISTER, json=body) as response:
        await assert_problem(response, 400, "event-too-large")
    assert publisher.sent == []


async def test_sample_text_walks_the_same_way(
    client: Client, store: MemoryContentStore, publisher: MemoryPublisher
) -> None:
    async with client.post(TEST) as response:
        assert response.status == 202
        answer = orjson.loads(await response.read())

    assert set(answer) == {
        "message",
        "batch_id",
        "essay_id",
        "original_text_storage_id",
        "event_id",
        "correlation_id",
    }
    assert store.contents[answer["original_text_storage_id"]].body.decode() == SAMPLE_TEXT
    envelope = envelope_of(publisher)
    assert envelope.data.entity_ref.entity_id == answer["essay_id"]
    assert envelope.data.entity_ref.parent_id == answer["batch_id"]


@pytest.mark.parametrize("word", ["register", "trigger-spellcheck-test"])
async def test_words_of_the_routes_are_no_batch_ids(
    client: Client, publisher: MemoryPublisher, word: str
) -> None:
    async with client.post(f"/v1/batches/{word}/essays", json={"text": "a"}) as response:
        await assert_problem(response, 400, "invalid-id")
    body = {"batch_id": word, "essay_ids": ["a"]}
    async with client.post(REGISTER, json=body) as response:
        problem = await assert_problem(response, 400, "invalid-body")

    assert problem["detail"] == f"the body: batch_id must not be {word}, a word of the routes"
    assert publisher.sent == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "the body: give either text or text_storage_id"),
        ({"text": "a", "colour": "red"}, "colour: is no member of this request"),
        ({"text": 1}, "text: should be a string"),
        ([], "the body: must be a JSON object"),
    ],
)
async def test_what_is_wrong_is_said_in_words_of_our_own(
    client: Client, body: object, detail: str
) -> None:
    async with client.post(ESSAYS, json=body) as response:
        problem = await assert_problem(response, 400, "invalid-body")

    assert problem["detail"] == detail
