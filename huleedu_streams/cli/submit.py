"""`huleedu-streams submit`: essays in files become a batch that is checked."""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
from prometheus_client import CollectorRegistry
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from huleedu_streams.adapters.content import build_content_store
from huleedu_streams.cli.sending import Essay, Result, Sender, Sent, open_sender
from huleedu_streams.cli.terminal import console, progress_bar
from huleedu_streams.contracts.enums import ContentType
from huleedu_streams.contracts.envelope import ENTITY_ID, LANGUAGE_TAG, RESERVED_BATCH_IDS
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.metrics import Metrics
from huleedu_streams.settings import Settings, load_settings

_LONGEST_BATCH = 54
_LONGEST_NAME = 60
_HASH_DIGITS = 8
_CORRECTED = ContentType.CORRECTED_TEXT


@dataclass(frozen=True, slots=True)
class Job:
    """What one command line asks for."""

    batch_id: str
    is_new: bool
    essays: Sequence[Essay]
    wait_seconds: float | None


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE…",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--batch",
    "batch_id",
    help="Join this batch, registered before; without it a new one is registered.",
)
@click.option("--language", help="Language of the essays; the first of HULEEDU_LANGUAGES.")
@click.option("--wait", "is_waiting", is_flag=True, help="Wait for the results and show them.")
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=120,
    show_default=True,
    help="Seconds that --wait waits.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def submit(
    files: tuple[Path, ...],
    batch_id: str | None,
    language: str | None,
    timeout: float,
    *,
    is_waiting: bool,
    as_json: bool,
) -> int:
    """Send essays to be checked, one a file.

    Texts go straight into the content store (HULEEDU_CONTENT_STORE_URL), events to Kafka
    (HULEEDU_BROKER_URL). An essay's id is made of the batch's and the file's name, so the same file
    again in the same batch is a new attempt of that essay. With --wait, exits with 1 unless every
    essay was checked.
    """
    settings = load_settings()
    chosen_language = language or settings.languages[0]
    _check_names(batch_id, chosen_language)
    chosen = batch_id or f"batch-{uuid4().hex[:12]}"
    essays = read_essays(files, chosen, chosen_language, settings.text_max_bytes)
    job = Job(chosen, batch_id is None, essays, timeout if is_waiting else None)
    sent, found = asyncio.run(_submit(settings, job))
    names = {essay.essay_id: essay.file for essay in essays}
    rows = [{"file": names[one.essay_id]} | _row(one, found.get(str(one.event_id))) for one in sent]
    if as_json:
        click.echo(json.dumps({"batch_id": chosen, "essays": rows}))
    else:
        _print(job, rows)
    return 1 if is_waiting and not all(map(_is_checked, rows)) else 0


def read_essays(files: Sequence[Path], batch_id: str, language: str, max_bytes: int) -> list[Essay]:
    """Return the essays in `files`, their ids made of the batch's and the file's name.

    Raises:
        click.UsageError: a file is no text, is empty, too large or given twice; nothing was sent.
    """
    if len(set(files)) < len(files):
        twice = next(path for path in files if files.count(path) > 1)
        raise click.UsageError(f"{twice} is given twice")
    stems = Counter(path.stem for path in files)
    return [
        Essay(
            # Files of one name are told apart by their paths, whatever their order.
            _essay_id(batch_id, path.stem, str(path) if stems[path.stem] > 1 else None),
            _read(path, max_bytes),
            language,
            str(path),
        )
        for path in files
    ]


def _check_names(batch_id: str | None, language: str) -> None:
    if batch_id is not None and (
        ENTITY_ID.match(batch_id) is None or batch_id in RESERVED_BATCH_IDS
    ):
        raise click.BadParameter(
            "1 to 128 of A-Z, a-z, 0-9, _ and -, and no word of the HTTP routes",
            param_hint="--batch",
        )
    if LANGUAGE_TAG.match(language) is None:
        raise click.BadParameter("a language tag, e.g. en or sv", param_hint="--language")


def _essay_id(batch_id: str, name: str, path: str | None) -> str:
    """Return an id that tells people what it is, and is that of this name alone.

    What does not fit into an id (other letters, long names) is told apart by a hash; a name with
    a dash as well, which could be the end of another batch's id.
    """
    name = unicodedata.normalize("NFC", name)
    whole = name if path is None else unicodedata.normalize("NFC", path)
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:_LONGEST_NAME] or "essay"
    stem = f"{batch_id[:_LONGEST_BATCH]}-{slug}"
    if stem == f"{batch_id}-{whole}" and "-" not in whole:
        return stem
    hashed = sha256(f"{batch_id}\0{whole}".encode("utf-8", "surrogateescape"))
    return f"{stem}-{hashed.hexdigest()[:_HASH_DIGITS]}"


def _read(path: Path, max_bytes: int) -> str:
    body = path.read_bytes()
    if len(body) > max_bytes:
        raise click.UsageError(f"{path}: {len(body)} bytes, HULEEDU_TEXT_MAX_BYTES is {max_bytes}")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    if not text.strip():
        raise click.UsageError(f"{path} is empty")
    return text


async def _submit(settings: Settings, job: Job) -> tuple[list[Sent], dict[str, Result]]:
    store = build_content_store(settings, Metrics(CollectorRegistry()))
    is_waiting = job.wait_seconds is not None
    async with open_sender(settings, store, is_waiting=is_waiting) as sender:
        if job.is_new:
            await sender.register(job.batch_id, [essay.essay_id for essay in job.essays])
        with progress_bar() as progress:
            task = progress.add_task("submitted", total=len(job.essays))
            sent = await sender.submit(job.batch_id, job.essays, lambda: progress.advance(task))
            return sent, await _results(sender, job, sent, progress) if is_waiting else {}


async def _results(
    sender: Sender, job: Job, sent: Sequence[Sent], progress: Progress
) -> dict[str, Result]:
    """Return the results by the id of their request: those that came in time."""
    task = progress.add_task("checked", total=len(sent))
    found: dict[str, Result] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(job.wait_seconds):
            async for result in sender.results(sent):
                found[str(result.causation_id)] = result
                progress.advance(task)
    return found


def _row(sent: Sent, result: Result | None) -> dict[str, Any]:
    row = {
        "essay_id": sent.essay_id,
        "text_storage_id": sent.text_storage_id,
        "event_id": str(sent.event_id),
        "status": None,
        "corrections_made": None,
        "corrected_text_storage_id": None,
        "error_code": None,
    }
    if result is None:
        return row
    data = result.data
    references = data.storage_metadata
    return row | {
        "status": data.status.value,
        "corrections_made": data.corrections_made,
        "corrected_text_storage_id": references and references.storage_id(_CORRECTED),
        "error_code": data.system_metadata.error_info.get("error_code"),
    }


def _is_checked(row: Mapping[str, Any]) -> bool:
    return bool(row["status"] == EssayStatus.SPELLCHECKED_SUCCESS)


def _print(job: Job, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = ["file", "essay", "text"]
    fields = ["file", "essay_id", "text_storage_id"]
    if job.wait_seconds is not None:
        columns += ["status", "corrections", "corrected text", "error"]
        fields += ["status", "corrections_made", "corrected_text_storage_id", "error_code"]
    grid = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        shown = ("-" if row[field] is None else str(row[field]) for field in fields)
        grid.add_row(*map(escape, shown))
    out = console()
    out.print(grid)
    out.print(f"\nbatch {job.batch_id}; follow it: huleedu-streams batch watch {job.batch_id}")
    if not job.is_new:
        out.print("it completes only if it was registered: POST /v1/batches/register")
