"""What subjects are given: batches of essays whose texts lie in the content store already."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from bench.texts import essay_texts
from huleedu_streams.adapters.content_files import FileContentStore
from huleedu_streams.contracts.codec import OutgoingEvent, encode
from huleedu_streams.processors.spellcheck import TEXT_MEDIA_TYPE
from huleedu_streams.processors.submission import (
    Origin,
    Registration,
    Submission,
    batch_registration,
    spellcheck_request,
)

BATCH_ESSAYS = 30
_SEED = 5
_STORES_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Load:
    """Registrations of batches and the requests of their essays, ready to be produced."""

    registrations: Sequence[OutgoingEvent]
    requests: Sequence[OutgoingEvent]


async def stored_texts(content: Path, count: int) -> list[str]:
    """Put so many different essays into the content store; return their ids."""
    store = FileContentStore(content)
    at_once = asyncio.Semaphore(_STORES_AT_ONCE)

    async def put(number: int, text: str) -> str:
        storage_id = UUID(int=number).hex[::-1]  # the digits that differ choose the folder
        async with at_once:
            await store.put(storage_id, text.encode(), TEXT_MEDIA_TYPE)
        return storage_id

    return await asyncio.gather(*(put(*each) for each in enumerate(essay_texts(count, _SEED))))


def a_load(text_ids: Iterable[str], batch_essays: int = BATCH_ESSAYS) -> Load:
    """Return new essays, one a text, in new batches."""
    submissions = [Submission(f"essay-{uuid4().hex}", None, text_id, "en") for text_id in text_ids]
    registrations, requests = [], []
    for start in range(0, len(submissions), batch_essays):
        essays, batch_id = submissions[start : start + batch_essays], f"batch-{uuid4().hex}"
        registration = Registration(batch_id, [essay.essay_id for essay in essays])
        registrations.append(encode(batch_registration(registration, _now())))
        for essay in essays:
            submission = Submission(essay.essay_id, batch_id, essay.text_storage_id, "en")
            requests.append(encode(spellcheck_request(submission, _now())))
    return Load(registrations, requests)


def _now() -> Origin:
    return Origin(uuid4(), uuid4(), datetime.now(UTC))
