from __future__ import annotations

from collections import Counter

import pytest

from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.domain.rosters import (
    FAILED_STATUSES,
    MAX_PAGE_MEMBERS,
    PAGE_COUNT,
    UNCHECKED_STATUSES,
    EssayUpdated,
    MemberPage,
    by_page,
    page_of,
)
from tests.builders import NOON


def an_update(essay_id: str, version: int = 1) -> EssayUpdated:
    return EssayUpdated(
        event_id="event",
        batch_id="batch-1",
        essay_id=essay_id,
        status=EssayStatus.SPELLCHECK_FAILED,
        attempt=1,
        version=version,
        corrections_made=2,
        at=NOON,
    )


PAGE = MemberPage(batch_id="batch-1", page=0)


def test_page_of_an_essay_never_changes() -> None:
    # Rows written years ago lie under these pages.
    assert [page_of(essay) for essay in ("essay-1", "essay-2", "a")] == [32, 26, 3]


def test_essays_spread_over_the_pages_of_a_large_batch() -> None:
    sizes = Counter(page_of(f"essay-{number}") for number in range(10_000))

    assert len(sizes) == PAGE_COUNT
    assert max(sizes.values()) < MAX_PAGE_MEMBERS


def test_essays_are_dealt_to_their_pages() -> None:
    assert by_page(["essay-1", "essay-2"]) == {32: ["essay-1"], 26: ["essay-2"]}


def test_expecting_the_same_essays_again_is_the_same_page() -> None:
    page = PAGE.expecting(["a", "b"])

    assert page.expecting(["b", "a"]) is page


def test_counting_the_same_update_again_is_the_same_page() -> None:
    page = PAGE.updated(an_update("a"))

    assert page.updated(an_update("a")) is page


def test_expecting_an_essay_already_counted_keeps_its_status() -> None:
    page = PAGE.updated(an_update("a")).expecting(["a"])

    assert page.member("a")["status"] == "spellcheck_failed"
    assert page.failed_essay_ids() == ["a"]
    assert page.version == 2


def test_tally_keeps_those_apart_that_nobody_expects() -> None:
    page = PAGE.expecting(["a", "b"]).updated(an_update("a")).updated(an_update("stranger"))

    counted = {"counts": {"spellcheck_failed": 1}, "corrections_made": 2}
    assert page.tally() == {**counted, "version": 3, "others": counted}
    assert page.unexpected_essay_ids() == ["stranger"]


def test_page_of_a_newer_writer_is_kept_as_it_is() -> None:
    row = PAGE.expecting(["a"]).to_row()
    row["members"]["a"]["status"] = "awaiting_translation"
    row["members"]["a"]["translator"] = "x"
    row["language"] = "sv"

    assert MemberPage.from_row(row).to_row() == row


@pytest.mark.parametrize("status", EssayStatus)
def test_failed_status_is_a_result(status: EssayStatus) -> None:
    assert not (status in FAILED_STATUSES and status in UNCHECKED_STATUSES)
