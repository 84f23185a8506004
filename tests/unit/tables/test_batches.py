from __future__ import annotations

import faust
import pytest

from huleedu_streams.domain.rosters import page_of
from huleedu_streams.processors.batches import decide_registration
from tables.batches import MEMBERS_NAME, NAME, BatchTables, declare_batches, members_key
from tests.builders import BATCH, a_registration
from tests.unit.tables.handled import Handling

REGISTRATION = a_registration(["essay-2", "essay-1"])


def register(tables: BatchTables) -> None:
    decision = decide_registration(tables, REGISTRATION)
    assert decision.batch is not None
    for number, page in decision.pages.items():
        tables.put_page(BATCH, number, page)
    tables.put_batch(BATCH, decision.batch)


def test_rows_are_read_as_they_were_written(app: faust.App, handling: Handling) -> None:
    tables = declare_batches(app, partitions=6)

    with handling(2):
        register(tables)

    batch = tables.batch(BATCH)
    page = tables.page(BATCH, page_of("essay-1"))
    assert batch is not None
    assert batch["expected_essay_count"] == 2
    assert page is not None
    assert "essay-1" in page["members"]


def test_batch_never_seen_has_no_rows(app: faust.App) -> None:
    tables = declare_batches(app, partitions=6)

    assert tables.batch(BATCH) is None
    assert tables.page(BATCH, 0) is None
    assert tables.members(BATCH) == {}


def test_members_are_listed_in_order_of_their_ids(app: faust.App, handling: Handling) -> None:
    tables = declare_batches(app, partitions=6)

    with handling(2):
        register(tables)

    members = tables.members(BATCH)
    assert list(members) == ["essay-1", "essay-2"]
    assert all(member["is_expected"] for member in members.values())


def test_writes_of_a_batch_go_to_its_partition(app: faust.App, handling: Handling) -> None:
    tables = declare_batches(app, partitions=6)

    with handling(2) as changes:
        register(tables)

    assert {change.partition for change in changes} == {2}
    assert {change.key for change in changes} == {
        BATCH.encode(),
        *(members_key(BATCH, page_of(essay)).encode() for essay in ("essay-1", "essay-2")),
    }


def test_key_of_a_page_has_two_digits() -> None:
    assert members_key(BATCH, 7) == "batch-1/07"


def test_tables_are_declared_with_options_of_their_own(app: faust.App) -> None:
    tables = declare_batches(app, partitions=12)

    assert app.tables[NAME] is tables.faust_table
    assert app.tables[MEMBERS_NAME] is tables.faust_members_table
    assert tables.faust_table.options is not tables.faust_members_table.options
    assert tables.faust_members_table.partitions == 12


@pytest.mark.parametrize(
    "word", ["Key:", "Value:", "Size:", "Written by", "Tombstones:", "Growth:"]
)
def test_help_tells_an_operator_what_the_tables_are(app: faust.App, word: str) -> None:
    tables = declare_batches(app, partitions=6)

    assert word in tables.faust_table.help
    assert word in tables.faust_members_table.help
