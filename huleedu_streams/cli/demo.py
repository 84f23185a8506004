"""`huleedu-streams demo`: everything this package does, on the sample essays, in a minute.

A folder, ports and processes of its own; nothing is left behind, however it ends.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import click
from rich.console import Console

from huleedu_streams.cli.batch import follow
from huleedu_streams.cli.client import WorkerClient, open_client
from huleedu_streams.cli.report import DemoResult, Outcome, show, telling_metrics
from huleedu_streams.cli.samples import SampleEssay, sample_essays
from huleedu_streams.cli.signals import run_until_signal
from huleedu_streams.cli.stack import apply_topics, start_child, tail, wait_until_ready
from huleedu_streams.cli.terminal import console
from huleedu_streams.embedded import broker
from huleedu_streams.embedded.probe import free_port
from huleedu_streams.errors import RequestRefusedError
from huleedu_streams.topics.catalogue import DEFAULT_APP_ID

_BATCH_SECONDS = 60.0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def demo(*, as_json: bool) -> int:
    """Start a Kafka and a worker, check a batch of sample essays, show it all, stop.

    Exits with 0 only if every essay reached the outcome that it should. Needs the extra
    `embedded`.
    """
    out = console(sys.stderr if as_json else sys.stdout)
    started = time.monotonic()
    result = run_until_signal(_demo(out))
    if isinstance(result, signal.Signals):
        return 128 + result
    if as_json:
        sys.stdout.write(json.dumps(result.document()) + "\n")
    else:
        show(out, result, time.monotonic() - started)
    return 1 if result.faults else 0


async def _demo(out: Console) -> DemoResult:
    folder = Path(tempfile.mkdtemp(prefix="huleedu-demo-"))
    try:
        bootstrap = await asyncio.to_thread(_start_broker, folder, out)
        created = await apply_topics(bootstrap, DEFAULT_APP_ID)
        out.print(f"topics   {created} created")
        async with _worker(folder, bootstrap, out) as client:
            return await _check_samples(client, out)
    except Exception:
        for line in tail(folder / "worker.log"):
            out.print(f"worker: {line}", markup=False, style="dim")
        raise
    finally:
        await asyncio.to_thread(broker.stop, folder / "broker")
        shutil.rmtree(folder, ignore_errors=True)


def _start_broker(folder: Path, out: Console) -> str:
    started = time.monotonic()
    bootstrap = broker.start(folder / "broker").bootstrap
    out.print(f"kafka    {bootstrap} after {time.monotonic() - started:.1f} s")
    return bootstrap


@asynccontextmanager
async def _worker(folder: Path, bootstrap: str, out: Console) -> AsyncIterator[WorkerClient]:
    """Yield a client of a ready worker, and end the worker afterwards."""
    port = free_port()
    settings = {
        "HULEEDU_BROKER_URL": f"kafka://{bootstrap}",
        "HULEEDU_CONTENT_STORE_URL": f"file:{folder / 'content'}",
        "HULEEDU_DATA_DIR": str(folder / "state"),
        "HULEEDU_WEB_PORT": str(port),
    }
    child = start_child(folder, settings)
    try:
        async with open_client(f"http://127.0.0.1:{port}") as client:
            seconds = await wait_until_ready(client, child.is_alive, child.log)
            out.print(f"worker   {client.url} after {seconds:.1f} s")
            yield client
    finally:
        await asyncio.to_thread(child.end)


async def _check_samples(client: WorkerClient, out: Console) -> DemoResult:
    essays = sample_essays()
    batch_id = await _submit(client, essays)
    out.print(f"batch    {batch_id}: {len(essays)} essays submitted")
    batch = await follow(client, batch_id, _BATCH_SECONDS)
    outcomes = [await _outcome(client, essay) for essay in essays]
    metrics = telling_metrics(await client.get_text("/metrics"))
    return DemoResult(tuple(outcomes), batch, tuple(metrics))


async def _submit(client: WorkerClient, essays: Sequence[SampleEssay]) -> str:
    """Register the batch and submit its essays, one of them without a text; return its id."""
    registration = {"essay_ids": [essay.essay_id for essay in essays]}
    batch_id = str((await client.post("/v1/batches/register", registration))["batch_id"])
    for essay in essays:
        text = {"text_storage_id": uuid4().hex} if essay.text is None else {"text": essay.text}
        await client.post(f"/v1/batches/{batch_id}/essays", {"essay_id": essay.essay_id, **text})
    return batch_id


async def _outcome(client: WorkerClient, essay: SampleEssay) -> Outcome:
    try:
        row = await client.get(f"/v1/essays/{essay.essay_id}/status")
    except RequestRefusedError:
        return Outcome(essay, None, None, ())
    try:
        found = await client.get(f"/v1/essays/{essay.essay_id}/corrections")
    except RequestRefusedError:
        found = {}  # an essay that failed has none
    corrections = tuple(found.get("corrections", ()))
    return Outcome(essay, row["current_status"], row["corrections_made"], corrections)
