"""The `essays` table: one row an essay, where it stands and how it came there.

Every read and write of the table goes through `EssaysTable`. Not here: what a row means
(`huleedu_streams.domain.lifecycle.LifecycleRecord` is its shape), who writes it (the two lifecycle
agents, through one fold).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import faust
from faust.types.tables import TableT

from tables.options import rocksdb_options

NAME = "essays"
HELP = """\
Where each essay stands. Key: essay id. Value: current_status, attempt, timeline, references to
the texts, corrections_made, last_error, version; never text. Size: 2 KB after one spell check,
64 KiB at most. Written by the two lifecycle agents. Tombstones: none are written. Growth: one row
an essay, for ever.
"""


class EssaysTable:
    """The rows of essays, by essay id."""

    def __init__(self, table: TableT[str, Any]) -> None:
        self.faust_table = table

    def get(self, essay_id: str) -> Mapping[str, Any] | None:
        """Return the essay's row; it is never changed in place."""
        row: Mapping[str, Any] | None = self.faust_table.get(essay_id)
        return row

    def put(self, essay_id: str, row: Mapping[str, Any]) -> None:
        """Write the whole row; works only while an event of the essay's partition is handled."""
        self.faust_table[essay_id] = row


def declare_essays(app: faust.App, *, partitions: int) -> EssaysTable:
    """Declare the table in `app`.

    Args:
        app: The application, made with `Table=` a class that stores raw keys.
        partitions: As many as the topics keyed by essay id have.
    """
    table = app.Table(
        NAME, key_type=str, help=HELP, partitions=partitions, options=rocksdb_options()
    )
    return EssaysTable(table)
