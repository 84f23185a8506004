"""How large the rows of a batch may become, and what is refused so that they stay so."""

from __future__ import annotations

import json
from itertools import cycle

import pytest

from huleedu_streams.domain.attempts import FoldKind
from huleedu_streams.domain.batches import BatchRecord
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.domain.rosters import (
    MAX_PAGE_MEMBERS,
    PAGE_COUNT,
    MemberPage,
    by_page,
    page_of,
)
from huleedu_streams.processors.batches import (
    BatchDecision,
)
from tests.batch_rows import MemoryRows, told
from tests.builders import (
    BATCH,
    NOON,
    a_registration,
    an_id,
    an_update,
    later,
)

S = EssayStatus


@pytest.fixture
def rows() -> MemoryRows:
    return MemoryRows()


def test_batch_completes_with_the_largest_counts_there_are(rows: MemoryRows) -> None:
    largest = 2_147_483_647

    decision = rows.take(
        a_registration(["a", "b"]),
        an_update("a", corrections_made=largest),
        an_update("b", corrections_made=largest),
    )

    assert told(decision.outputs[0]).data.corrections_made == 2 * largest


def essays_of_one_page(count: int, length: int = 0) -> list[str]:
    names = (f"{number:x>{length}}" for number in range(count * PAGE_COUNT * 2))
    return [name for name in names if page_of(name) == 0][:count]


def test_registration_that_overfills_a_page_is_refused(rows: MemoryRows) -> None:
    decision = rows.take(a_registration(essays_of_one_page(MAX_PAGE_MEMBERS + 1)))

    assert decision.kind is FoldKind.ILLEGAL
    assert rows.pages == {}


def test_update_that_overfills_a_page_is_ignored(rows: MemoryRows) -> None:
    *members, surplus = essays_of_one_page(MAX_PAGE_MEMBERS + 1)
    rows.take(a_registration(members))

    decision = rows.take(an_update(surplus))

    assert decision == BatchDecision(FoldKind.ILLEGAL, BATCH)


def test_rows_stay_below_64_kib_in_the_largest_batch(rows: MemoryRows) -> None:
    essays = essays_of_one_page(MAX_PAGE_MEMBERS, length=128)
    strangers = [f"{number:y>128}" for number in range(120)]

    rows.take(
        a_registration(essays),
        *(an_update(essay, S.SPELLCHECK_FAILED, version=10**6) for essay in essays + strangers),
    )

    assert max(map(len, rows.pages.values())) < 64 * 1024
    assert len(rows.batches[BATCH]) < 64 * 1024


def worst_batch(*, is_registered: bool) -> MemoryRows:
    """Return a batch of 5,000 essays and as many strangers, over all statuses on each page."""
    rows = MemoryRows()
    essays = [f"{number:x>128}" for number in range(5_000)]
    strangers = [f"{number:y>128}" for number in range(5_000)]
    statuses = cycle(S)
    pages: dict[int, MemberPage] = {}
    for number, ids in by_page(essays).items():
        pages[number] = MemberPage(batch_id=BATCH, page=number).expecting(ids)
    for number, ids in by_page(essays + strangers).items():
        members = {
            essay: pages[number].member(essay)
            | {"status": next(statuses), "version": 1, "corrections_made": 2_147_483_647}
            for essay in ids
        }
        page = pages[number].model_copy(update={"members": members, "version": 2_147_483_647})
        rows.pages[BATCH, number] = json.dumps(page.to_row())
    if is_registered:
        rows.take(a_registration(essays))
        # All failed; since then they have been retried, and gone on to every status.
        batch = BatchRecord.from_row(rows.row()).completed(str(an_id("last")), NOON, essays)
    else:
        batch = BatchRecord(batch_id=BATCH, created_at=NOON, updated_at=NOON).adding_up(
            MemberPage.from_row(json.loads(row)) for row in rows.pages.values()
        )
    rows.batches[BATCH] = json.dumps(batch.to_row())
    return rows


@pytest.mark.parametrize("is_registered", [True, False])
def test_batch_row_stays_below_64_kib_at_its_worst(*, is_registered: bool) -> None:
    rows = worst_batch(is_registered=is_registered)

    assert len(rows.row()["counts"]) == len(S)
    assert bool(rows.row()["completion"]) is is_registered
    assert len(rows.batches[BATCH]) < 64 * 1024


def test_row_with_tallies_by_page_is_still_counted_on(rows: MemoryRows) -> None:
    rows.take(an_update("a", corrections_made=2), an_update("b", corrections_made=3))
    row = rows.row()
    others = {"counts": {"spellchecked_success": 1}}
    row["tallies"] = {
        str(page_of(essay)): {
            "counts": {},
            "corrections_made": 0,
            "version": 1,
            "others": {**others, "corrections_made": corrections_made},
        }
        for essay, corrections_made in {"a": 2, "b": 3}.items()
    }
    rows.batches[BATCH] = json.dumps(row)

    rows.take(an_update("c", S.SPELLCHECK_FAILED, corrections_made=4))

    assert rows.row()["counts"] == {"spellcheck_failed": 1, "spellchecked_success": 2}
    assert rows.row()["corrections_made"] == 9
    assert rows.row()["version"] == 3


def test_update_reads_and_writes_one_page_in_a_batch_of_any_size(rows: MemoryRows) -> None:
    rows.take(a_registration(f"essay-{number}" for number in range(5_000)))

    decision = rows.take(later(an_update("essay-7"), 1))

    assert set(decision.pages) == {page_of("essay-7")}
    assert len(json.dumps(decision.pages[page_of("essay-7")])) < 32 * 1024
    assert rows.row()["created_at"] == NOON.isoformat().replace("+00:00", "Z")
    assert rows.row()["updated_at"] == "2025-05-27T12:00:01Z"
