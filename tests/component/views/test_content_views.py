from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
import structlog

from huleedu_streams.errors import ContentRefusedError, ContentStoreUnavailableError
from huleedu_streams.views.content import build_content_views
from tests.fakes import MemoryContentStore
from tests.web import Client, assert_problem, serving

CAP = 10_000


@pytest.fixture
def store() -> MemoryContentStore:
    return MemoryContentStore()


@pytest.fixture
async def client(store: MemoryContentStore) -> AsyncIterator[Client]:
    async with serving(build_content_views(store, CAP)) as client:
        yield client


async def upload(client: Client, body: bytes = b"a text") -> str:
    async with client.post("/v1/content", data=body) as response:
        assert response.status == 201
        answer = await response.json()
        assert set(answer) == {"storage_id"}
        return str(answer["storage_id"])


async def test_uploaded_text_comes_back_with_its_content_type(client: Client) -> None:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    async with client.post("/v1/content", data="fågel", headers=headers) as response:
        storage_id = (await response.json())["storage_id"]

    async with client.get(f"/v1/content/{storage_id}") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert (await response.read()).decode() == "fågel"


async def test_storage_id_is_32_lower_case_hex_digits(client: Client) -> None:
    first, second = await upload(client), await upload(client)

    assert first != second
    assert len(first) == 32
    assert set(first) <= set("0123456789abcdef")


async def test_upper_case_id_finds_the_same_text(client: Client) -> None:
    storage_id = await upload(client)

    async with client.get(f"/v1/content/{storage_id.upper()}") as response:
        assert response.status == 200


async def test_head_answers_like_get_without_a_body(client: Client) -> None:
    storage_id = await upload(client)

    async with client.head(f"/v1/content/{storage_id}") as response:
        assert response.status == 200
        assert response.headers["Content-Length"] == "6"


async def test_text_replaced_under_an_id_is_found_there(client: Client) -> None:
    storage_id = "F" * 32
    for body in (b"first", b"second"):
        async with client.put(f"/v1/content/{storage_id}", data=body) as response:
            assert response.status == 200
            assert await response.json() == {"storage_id": "f" * 32}

    async with client.get(f"/v1/content/{storage_id}") as response:
        assert await response.read() == b"second"


async def test_derived_content_may_be_larger_than_a_text(client: Client) -> None:
    async with client.put(f"/v1/content/{'f' * 32}", data=b"a" * (CAP + 1)) as response:
        assert response.status == 200


async def test_empty_text_is_refused(client: Client) -> None:
    async with client.post("/v1/content", data=b"") as response:
        await assert_problem(response, 400, "empty-body")


async def test_text_at_the_cap_is_taken(client: Client) -> None:
    await upload(client, b"a" * CAP)


async def test_text_over_the_cap_is_refused(client: Client, store: MemoryContentStore) -> None:
    async with client.post("/v1/content", data=b"a" * (CAP + 1)) as response:
        await assert_problem(response, 413, "too-large")
    assert store.contents == {}


async def test_text_over_the_cap_is_refused_while_it_streams(client: Client) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"a" * 1000

    async with client.post("/v1/content", data=chunks()) as response:
        await assert_problem(response, 413, "too-large")


async def test_packed_text_is_held_to_the_cap_once_unpacked(client: Client) -> None:
    bomb = gzip.compress(b"a" * (CAP * 10))
    assert len(bomb) < CAP

    async with client.post(
        "/v1/content", data=bomb, headers={"Content-Encoding": "gzip"}
    ) as response:
        await assert_problem(response, 413, "too-large")


@pytest.mark.parametrize("bad", ["0", "g" * 32, "f" * 33, "..%2f..%2fetc%2fpasswd"])
async def test_malformed_id_is_a_bad_request(client: Client, bad: str) -> None:
    async with client.get(f"/v1/content/{bad}") as response:
        await assert_problem(response, 400, "invalid-id")
    async with client.put(f"/v1/content/{bad}", data=b"a") as response:
        await assert_problem(response, 400, "invalid-id")


async def test_unknown_id_is_not_found(client: Client) -> None:
    async with client.get(f"/v1/content/{'0' * 32}") as response:
        await assert_problem(response, 404, "not-found")


async def test_content_type_no_store_could_keep_is_refused(client: Client) -> None:
    async with client.post(
        "/v1/content", data=b"a text", headers={"Content-Type": "t" * 300}
    ) as response:
        await assert_problem(response, 400, "invalid-content-type")


@pytest.mark.parametrize("error", [ContentStoreUnavailableError("full"), ContentRefusedError("no")])
async def test_failed_write_is_a_500(
    client: Client, store: MemoryContentStore, error: ContentStoreUnavailableError
) -> None:
    store.put_error = error

    async with client.post("/v1/content", data=b"a text") as response:
        await assert_problem(response, 500, error.code)


async def test_failed_read_says_when_to_ask_again(
    client: Client, store: MemoryContentStore
) -> None:
    store.get_error = ContentStoreUnavailableError("down")

    async with client.get(f"/v1/content/{'0' * 32}") as response:
        await assert_problem(response, 503, "content-store-unavailable")
        assert int(response.headers["Retry-After"]) > 0


async def test_damaged_text_is_gone_and_no_outage(
    client: Client, store: MemoryContentStore
) -> None:
    store.get_error = ContentRefusedError("damaged")

    async with client.get(f"/v1/content/{'0' * 32}") as response:
        await assert_problem(response, 410, "content-refused")


async def test_body_that_is_not_packed_as_it_says_is_a_bad_request(client: Client) -> None:
    headers = {"Content-Encoding": "gzip"}
    async with client.post("/v1/content", data=b"no gzip", headers=headers) as response:
        await assert_problem(response, 400, "undecodable-body")
        assert response.headers["Connection"] == "close"


async def test_client_that_hangs_up_is_no_error_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with structlog.testing.capture_logs() as logs:
        _, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"POST /v1/content HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        # The server has read to the end of that connection once it answers the next.
        for _ in range(3):
            await upload(client)

    assert logs == []
    assert not caplog.records
