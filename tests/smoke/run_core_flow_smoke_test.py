"""Submits two essays to running workers and looks at everything that must come of them.

Four workers, one role each, as `docker-compose.yml` starts them, or one with all roles:

    run_core_flow_smoke_test.py --broker 127.0.0.1:9092 --url content=http://127.0.0.1:6066 \
        --url batch=http://127.0.0.1:6067 --url lifecycle=http://127.0.0.1:6068 \
        --url spellcheck=http://127.0.0.1:8001
    run_core_flow_smoke_test.py --broker 127.0.0.1:9092 --url http://127.0.0.1:6066

It sees them from outside only, over HTTP and Kafka, and imports nothing of theirs. One line a
step; exit code 0, 1 at the first step that fails, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import aiohttp
import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

ROLES = ("content", "batch", "spellcheck", "lifecycle")
COMPLETED = "huleedu.essay.spellcheck.completed.v1"
LATENCY_COUNT = re.compile(r"^kafka_message_queue_latency_seconds_count\S* (\S+)$", re.MULTILINE)
CORRECTIONS = {
    "recieved": "received",
    "becuase": "because",
    "freind": "friend",
    "writting": "writing",
    "seperate": "separate",
    "definately": "definitely",
}
CORRECTED = (
    "I received a letter because my friend is writing from a separate school, and I will"
    " definitely answer."
)
CLEAN = "My brother plays football in the park after school."
SUCCESS = "spellchecked_success"
_POLL_SECONDS = 0.2

T = TypeVar("T")


class SmokeError(Exception):
    """Something is not as it must be; the message says what."""


@dataclass(frozen=True, slots=True)
class Essay:
    """One essay, and what must come of it."""

    name: str
    text: str
    corrected: str
    corrections: Mapping[str, str]
    essay_id: str = field(default_factory=lambda: f"smoke-{uuid4().hex}")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is looked at, over one HTTP session.

    Attributes:
        urls: Role -> address of a worker that has it.
        wait_seconds: Bound on each step.
    """

    http: aiohttp.ClientSession
    urls: Mapping[str, str]
    wait_seconds: float

    async def text(self, role: str, path: str, body: object = None) -> str:
        """Ask a worker, by POST if there is a body; anything but a 2xx is an error."""
        method = "GET" if body is None else "POST"
        async with self.http.request(method, self.urls[role] + path, json=body) as answer:
            said = await answer.text()
            if not answer.ok:
                raise SmokeError(f"{role}: {method} {path} answers {answer.status}: {said[:200]}")
            return said

    async def json(self, role: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        return orjson.loads(await self.text(role, path, body))

    async def until(self, ask: Callable[[], Awaitable[T | None]], what: str) -> T:
        """Ask until there is an answer; refusals count as none, the last one is told."""
        last: Exception | None = None
        deadline = time.monotonic() + self.wait_seconds
        while time.monotonic() < deadline:
            try:
                if (found := await ask()) is not None:
                    return found
            except (SmokeError, aiohttp.ClientError, TimeoutError) as error:
                last = error
            await asyncio.sleep(_POLL_SECONDS)
        raise SmokeError(f"no {what} within {self.wait_seconds:g} s; {last or 'not there yet'}")


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print one line: the step's name, and how it went."""
    started = time.monotonic()
    try:
        yield
    except (SmokeError, aiohttp.ClientError, KafkaError, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        print(f"FAIL {name}: {reason}", flush=True)
        raise SystemExit(1) from None
    print(f"ok   {name} ({time.monotonic() - started:.1f} s)", flush=True)


def must_be(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise SmokeError(f"{what} is {found!r}, not {wanted!r}")


@asynccontextmanager
async def end_of(broker: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a consumer that reads what is produced to `topic` from now on."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker)
    await consumer.start()
    try:
        if not consumer.assignment():
            raise SmokeError(f"the broker has no topic {topic}")
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        yield consumer
    finally:
        await consumer.stop()


async def run(deployment: Deployment, broker: str) -> None:
    """Take every step."""
    misspelt = CORRECTED
    for wrong, right in CORRECTIONS.items():
        misspelt = misspelt.replace(right, wrong)
    essays = (
        Essay("the essay with six errors", misspelt, CORRECTED, CORRECTIONS),
        Essay("the clean essay", CLEAN, CLEAN, {}),
    )
    for role in ROLES:
        with step(f"the {role} role is ready at {deployment.urls[role]}"):
            await deployment.until(partial(deployment.text, role, "/readyz"), "answer")
    async with end_of(broker, COMPLETED) as results:
        with step("both essays are accepted, in one batch"):
            accepted = await submit(deployment, essays)
        with step("both result events arrive"):
            await check_events(deployment, results, essays, accepted)
    for essay in essays:
        with step(f"{essay.name}: its row, corrections and corrected text"):
            await check_row(deployment, essay, accepted[essay.essay_id]["batch_id"])
    with step("the batch is complete"):
        await check_batch(deployment, next(iter(accepted.values()))["batch_id"])
    with step("every role shows its metrics"):
        await check_metrics(deployment)


async def submit(deployment: Deployment, essays: Sequence[Essay]) -> dict[str, dict[str, Any]]:
    """Return the answer to each submission, by essay id."""
    ids = [essay.essay_id for essay in essays]
    batch = await deployment.json("batch", "/v1/batches/register", {"essay_ids": ids})
    path = f"/v1/batches/{batch['batch_id']}/essays"
    return {
        essay.essay_id: await deployment.json(
            "batch", path, {"essay_id": essay.essay_id, "text": essay.text}
        )
        for essay in essays
    }


async def check_events(
    deployment: Deployment,
    results: AIOKafkaConsumer,
    essays: Sequence[Essay],
    accepted: Mapping[str, Mapping[str, Any]],
) -> None:
    found: dict[str, dict[str, Any]] = {}

    async def read() -> bool | None:
        for records in (await results.getmany(timeout_ms=200)).values():
            found.update((record.key.decode(), orjson.loads(record.value)) for record in records)
        return True if accepted.keys() <= found.keys() else None

    await deployment.until(read, "result of both essays")
    for essay in essays:
        event, sent = found[essay.essay_id], accepted[essay.essay_id]
        must_be(event["data"]["status"], SUCCESS, f"status of {essay.name}")
        must_be(event["data"]["corrections_made"], len(essay.corrections), "corrections_made")
        must_be(event["correlation_id"], sent["correlation_id"], "correlation_id")
        must_be(event["metadata"]["causation_id"], sent["event_id"], "causation_id")


async def check_row(deployment: Deployment, essay: Essay, batch_id: str) -> None:
    path = f"/v1/essays/{essay.essay_id}"

    async def finished() -> dict[str, Any] | None:
        row: dict[str, Any] = await deployment.json("lifecycle", path + "/status")
        return row if row["current_status"] == SUCCESS else None

    row = await deployment.until(finished, f"row with status {SUCCESS}")
    must_be(row["batch_id"], batch_id, "batch_id")
    must_be(row["corrections_made"], len(essay.corrections), "corrections_made")
    listed = (await deployment.json("lifecycle", path + "/corrections"))["corrections"]
    made = {one["original"]: one["replacement"] for one in listed}
    must_be(made, essay.corrections, "corrections")
    text_id = row["storage_references"]["corrected_text"]["default"]
    text = await deployment.text("content", f"/v1/content/{text_id}")
    must_be(text, essay.corrected, "corrected text")


async def check_batch(deployment: Deployment, batch_id: str) -> None:
    async def complete() -> dict[str, Any] | None:
        row: dict[str, Any] = await deployment.json("lifecycle", f"/v1/batches/{batch_id}/status")
        return row if row["outcome"] else None

    row = await deployment.until(complete, "outcome of the batch")
    must_be(row["outcome"], "COMPLETED_SUCCESSFULLY", "outcome")
    must_be(row["status_breakdown"], {SUCCESS: 2}, "status_breakdown")


async def check_metrics(deployment: Deployment) -> None:
    for role in ROLES:
        text = await deployment.text(role, "/metrics")
        if not re.search(r"^huleedu_worker_ready 1(\.0)?$", text, re.MULTILINE):
            raise SmokeError(f"{role}: /metrics does not say huleedu_worker_ready 1")
        measured = sum(float(count) for count in LATENCY_COUNT.findall(text))
        if role in {"spellcheck", "lifecycle"} and not measured:
            raise SmokeError(f"{role}: kafka_message_queue_latency_seconds has measured nothing")


def role_urls(given: Sequence[str]) -> dict[str, str]:
    """Return role -> address for the values of `--url`.

    Raises:
        ValueError: a role is unknown or has no address.
    """
    urls: dict[str, str] = {}
    for value in given:
        role, _, url = value.rpartition("=")
        if role and role not in ROLES:
            raise ValueError(f"{value}: the roles are {', '.join(ROLES)}")
        urls |= dict.fromkeys([role] if role else ROLES, url.rstrip("/"))
    if missing := [role for role in ROLES if role not in urls]:
        raise ValueError(f"no --url for {', '.join(missing)}")
    return urls


async def main() -> None:
    summary, _, rest = str(__doc__).partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--broker", required=True, metavar="HOST:PORT")
    parser.add_argument(
        "--url",
        required=True,
        action="append",
        metavar="[ROLE=]URL",
        help="of a worker; without a role it is for all of them",
    )
    parser.add_argument(
        "--wait", type=float, default=60, metavar="SECONDS", help="bound on each step; 60"
    )
    given = parser.parse_args()
    try:
        urls = role_urls(given.url)
    except ValueError as error:
        parser.error(str(error))
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        await run(Deployment(http, urls, given.wait), given.broker)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
