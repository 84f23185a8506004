"""Four processes, one role each, as in a deployment; and what they do while texts are away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from huleedu_streams.contracts.topic_names import dead_letter_topic
from huleedu_streams.embedded import broker
from huleedu_streams.embedded.probe import free_port
from huleedu_streams.topics.bootstrap import apply
from huleedu_streams.topics.catalogue import catalogue
from tests.builders import COMPLETED, REQUESTED
from tests.integration.essays import SUCCESS, a_batch, completed_batch, finished_essay
from tests.integration.kafka import produce, tapped, until
from tests.integration.workers import TEXT, Api, RunningWorker, Site, talking_to, wait_until_ready

pytestmark = pytest.mark.kafka

NOWHERE = "kafka://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Roles:
    """One worker a role, over one Kafka that no other test uses."""

    site: Site
    content_port: int
    content: RunningWorker
    batch: RunningWorker
    spellcheck: RunningWorker
    lifecycle: RunningWorker

    def start(self, role: str) -> RunningWorker:
        """Start one of them again."""
        return start_role(self.site, role, self.content_port)


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    folder = tmp_path_factory.mktemp("roles")
    site = Site(broker.start(folder / "broker").bootstrap, folder)
    asyncio.run(apply(site.bootstrap, catalogue()))
    port = free_port()
    names = ("content", "batch", "spellcheck", "lifecycle")
    try:
        content, batch, spellcheck, lifecycle = (start_role(site, name, port) for name in names)
        wait_until_ready(*site.workers)
        yield Roles(site, port, content, batch, spellcheck, lifecycle)
        site.end()
    finally:
        site.kill_all()
        broker.stop(folder / "broker")


def start_role(site: Site, role: str, content_port: int) -> RunningWorker:
    if role == "content":
        # It needs no Kafka and must not look for one.
        return site.start(role, roles=role, web_port=content_port, broker_url=NOWHERE)
    url = f"http://127.0.0.1:{content_port}/v1/content"
    return site.start(role, roles=role, content_store_url=url, content_timeout_seconds=2)


async def test_four_processes_of_one_role_each_walk_an_essay(roles: Roles) -> None:
    essay_id = f"essay-{uuid4().hex}"

    async with talking_to(roles.batch) as batch, talking_to(roles.lifecycle) as lifecycle:
        registered = await batch.post("/v1/batches/register", {"essay_ids": [essay_id]})
        batch_id = registered.body["batch_id"]
        accepted = await batch.post(
            f"/v1/batches/{batch_id}/essays", {"essay_id": essay_id, "text": TEXT}
        )
        row = await finished_essay(lifecycle, essay_id)
        completed = await completed_batch(lifecycle, batch_id)
        corrections = await lifecycle.get(f"/v1/essays/{essay_id}/corrections")
        elsewhere = await batch.get(f"/v1/essays/{essay_id}/status")
    async with talking_to(roles.content) as content:
        original = await content.get(f"/v1/content/{accepted.body['text_storage_id']}")
        corrected_id = row["storage_references"]["corrected_text"]["default"]
        corrected = await content.get(f"/v1/content/{corrected_id}")

    assert row["current_status"] == SUCCESS
    assert completed["outcome"] == "COMPLETED_SUCCESSFULLY"
    assert len(corrections.body["corrections"]) == row["corrections_made"]
    assert original.body == TEXT
    assert corrected.body == TEXT.replace("recieved", "received").replace("freind", "friend")
    assert elsewhere.status == 404


async def test_content_outage_is_waited_for_and_dead_letters_nothing(roles: Roles) -> None:
    site = roles.site
    batch = await a_batch(site, 12)
    assert roles.content.stop() == 0

    await produce(site.bootstrap, batch.events)
    await until(lambda: has_logged(roles.spellcheck, "dependency_down"), "the outage is noticed")
    async with talking_to(roles.batch) as api:
        refused = await api.post(f"/v1/batches/{batch.batch_id}/essays", {"text": TEXT})
    async with talking_to(roles.spellcheck) as api:
        await until(lambda: is_waiting(api, len(batch.essay_ids)), "all of them wait")
        ready = await api.get("/readyz")
    code = roles.spellcheck.stop(10)
    spellcheck = roles.start("spellcheck")
    await until(lambda: has_logged(spellcheck, "dependency_down", 2), "it is noticed again")
    roles.start("content")
    async with talking_to(roles.lifecycle) as api:
        answer = await completed_batch(api, batch.batch_id)
    async with tapped(site.bootstrap, COMPLETED, dead_letter_topic(REQUESTED)) as tap:
        records = await tap.read_to_end()

    assert code == 0
    assert refused.status == 502
    assert ready.status == 200
    assert answer["status_breakdown"] == {SUCCESS: len(batch.essay_ids)}
    assert [record for record in records if record.topic != COMPLETED] == []


async def is_waiting(api: Api, count: int) -> bool | None:
    wanted = f'huleedu_dependency_waiting{{dependency="content-store"}} {count}.0'
    return True if wanted in await api.metrics() else None


async def has_logged(worker: RunningWorker, event: str, count: int = 1) -> bool | None:
    return True if len(worker.entries(event)) >= count else None
