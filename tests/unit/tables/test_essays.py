from __future__ import annotations

import faust
import pytest

from huleedu_streams.processors.lifecycle import decide
from tables.essays import NAME, declare_essays
from tests.builders import ESSAY, a_request
from tests.unit.tables.handled import Handling

ROW = decide(None, a_request()).row or {}


def test_row_is_read_as_it_was_written(app: faust.App, handling: Handling) -> None:
    essays = declare_essays(app, partitions=6)

    with handling(3):
        essays.put(ESSAY, ROW)

    assert essays.get(ESSAY) == ROW


def test_essay_never_seen_has_no_row(app: faust.App) -> None:
    assert declare_essays(app, partitions=6).get("essay-0") is None


def test_write_goes_to_the_changelog_under_the_bare_id(app: faust.App, handling: Handling) -> None:
    essays = declare_essays(app, partitions=6)

    with handling(3) as changes:
        essays.put(ESSAY, ROW)

    [change] = changes
    assert change.topic == "tests-essays-changelog"
    assert change.key == ESSAY.encode()
    assert change.partition == 3


def test_write_outside_an_event_is_refused(app: faust.App) -> None:
    essays = declare_essays(app, partitions=6)

    with pytest.raises(TypeError, match="outside of stream iteration"):
        essays.put(ESSAY, ROW)


def test_table_is_declared_with_its_name_partitions_and_bounds(app: faust.App) -> None:
    table = declare_essays(app, partitions=12).faust_table

    assert app.tables[NAME] is table
    assert table.partitions == 12
    assert set(table.options or {}) == {
        "block_cache_size",
        "write_buffer_size",
        "max_write_buffer_number",
    }


@pytest.mark.parametrize(
    "word", ["Key:", "Value:", "Size:", "Written by", "Tombstones:", "Growth:"]
)
def test_help_tells_an_operator_what_the_table_is(app: faust.App, word: str) -> None:
    assert word in declare_essays(app, partitions=6).faust_table.help
