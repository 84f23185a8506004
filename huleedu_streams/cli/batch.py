"""`huleedu-streams batch`: one batch, as a worker sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import click

from huleedu_streams.cli import WrongUsageError
from huleedu_streams.cli.client import WorkerClient, open_own_client
from huleedu_streams.cli.terminal import progress_bar
from huleedu_streams.contracts.envelope import ENTITY_ID
from huleedu_streams.errors import RequestRefusedError, WorkerUnavailableError
from huleedu_streams.settings import load_settings

_POLL_SECONDS = 0.2
_NOT_REGISTERED = "not registered: it never completes"
_url = click.option("--url", help="A worker's address, e.g. http://127.0.0.1:6066.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def batch() -> None:
    """Show or follow one batch; asks a worker over HTTP."""


@batch.command()
@click.argument("batch_id")
@_url
@_as_json
def status(batch_id: str, url: str | None, *, as_json: bool) -> None:
    """Show how a batch stands."""
    state = asyncio.run(_status(_checked(batch_id), url))
    click.echo(json.dumps(state) if as_json else summary(state))


@batch.command()
@click.argument("batch_id")
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=0,
    help="Give up after so many seconds; 0 = never.",
)
@_url
@_as_json
def watch(batch_id: str, timeout: float, url: str | None, *, as_json: bool) -> int:
    """Follow a batch until every essay has a result; exit 1 if it does not come to that.

    A batch that nobody registered never completes: it is followed until its essays are checked.
    """
    state = asyncio.run(_watch(_checked(batch_id), url, timeout or None))
    click.echo(json.dumps(state) if as_json else summary(state))
    return 0 if state["outcome"] else 1


async def follow(
    client: WorkerClient, batch_id: str, timeout_seconds: float | None
) -> dict[str, Any]:
    """Show a progress bar until the batch has its outcome or time is up; return its state."""
    state: dict[str, Any] = {"batch_id": batch_id, "outcome": None}
    with progress_bar() as progress:
        task = progress.add_task(f"batch {batch_id}", total=None)
        # Time ran out: the state of the last answer is the answer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while not _is_over(state):
                    state = await _ask(client, batch_id) or state
                    total = state.get("total_essays")
                    progress.update(task, total=total, completed=finished_count(state))
                    if not _is_over(state):
                        await asyncio.sleep(_POLL_SECONDS)
    return state


def finished_count(state: Mapping[str, Any]) -> int:
    """Return how many essays of the batch have a result, failures included."""
    share = state.get("completion_percentage") or 0
    return round((state.get("total_essays") or 0) * share / 100)


def _checked(batch_id: str) -> str:
    if ENTITY_ID.match(batch_id) is None:
        raise WrongUsageError("a batch id is 1 to 128 of A-Z, a-z, 0-9, _ and -")
    return batch_id


def summary(state: Mapping[str, Any]) -> str:
    """Return one line that says how the batch stands."""
    counts = state.get("status_breakdown") or {}
    shown = ", ".join(f"{status} {count}" for status, count in counts.items() if count)
    outcome = state.get("outcome") or "not complete"
    finished, total = finished_count(state), state.get("total_essays") or 0
    line = f"{state['batch_id']}: {outcome}, {finished} of {total} essays ({shown or 'no essays'})"
    return f"{line}; {_NOT_REGISTERED}" if _is_unregistered(state) else line


def _is_unregistered(state: Mapping[str, Any]) -> bool:
    return "registered_at" in state and state["registered_at"] is None


def _is_over(state: Mapping[str, Any]) -> bool:
    if state["outcome"]:
        return True
    return _is_unregistered(state) and finished_count(state) == state.get("total_essays")


async def _status(batch_id: str, url: str | None) -> dict[str, Any]:
    async with open_own_client(load_settings(), url) as client:
        return await client.get(f"/v1/batches/{batch_id}/status")


async def _watch(batch_id: str, url: str | None, timeout_seconds: float | None) -> dict[str, Any]:
    async with open_own_client(load_settings(), url) as client:
        await client.get("/livez")  # a wrong address is told at once, not waited for
        return await follow(client, batch_id, timeout_seconds)


async def _ask(client: WorkerClient, batch_id: str) -> dict[str, Any] | None:
    """Return the batch, or None while it is not known yet or its owner is not ready."""
    try:
        return await client.get(f"/v1/batches/{batch_id}/status")
    except WorkerUnavailableError:
        return None
    except RequestRefusedError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None
