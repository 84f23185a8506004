"""The `batches` and `batch_members` tables: one row a batch, and its essays in pages.

Every read and write of both goes through `BatchTables`. Not here: what rows mean
(`huleedu_streams.domain.batches`, `huleedu_streams.domain.rosters`), who writes them (the batches
agents).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import faust
from faust.types.tables import TableT

from huleedu_streams.domain.rosters import PAGE_COUNT
from tables.options import rocksdb_options

NAME = "batches"
MEMBERS_NAME = "batch_members"
HELP = """\
How far each batch is. Key: batch id. Value: expected_essay_count (null until registered), counts
by status, outcome, completion, registered_at, completed_at, version. Size: 2 KB and 200 bytes a
status that any essay has, 64 KiB at most. Written by the batches agents. Tombstones: none are
written. Growth: one row a batch, for ever.
"""
MEMBERS_HELP = """\
Which essays a batch has and how each stands. Key: batch id/page, 00 to 63; an essay's page is a
hash of its id. Value: members (is_expected, status, attempt, version, corrections_made), version.
Size: 150 bytes an essay of the page, 64 KiB at most. Written by the batches agents.
Tombstones: none are written. Growth: at most 64 rows a batch, for ever.
"""


class BatchTables:
    """The rows of batches and of the pages of their members, by batch id."""

    def __init__(self, batches: TableT[str, Any], members: TableT[str, Any]) -> None:
        self.faust_table = batches
        self.faust_members_table = members

    def batch(self, batch_id: str) -> Mapping[str, Any] | None:
        """Return the batch's row; it is never changed in place."""
        row: Mapping[str, Any] | None = self.faust_table.get(batch_id)
        return row

    def page(self, batch_id: str, page: int) -> Mapping[str, Any] | None:
        """Return the row of one page of the batch's members, 0 to 63."""
        row: Mapping[str, Any] | None = self.faust_members_table.get(members_key(batch_id, page))
        return row

    def members(self, batch_id: str) -> dict[str, Mapping[str, Any]]:
        """Return every essay of the batch and how it stands, in order of ids."""
        pages = [self.page(batch_id, page) or {} for page in range(PAGE_COUNT)]
        members = {key: value for page in pages for key, value in page.get("members", {}).items()}
        return dict(sorted(members.items()))

    def put_batch(self, batch_id: str, row: Mapping[str, Any]) -> None:
        """Write the batch's whole row; works only while an event of its partition is handled."""
        self.faust_table[batch_id] = row

    def put_page(self, batch_id: str, page: int, row: Mapping[str, Any]) -> None:
        """Write the whole row of one page; works only while an event of it is handled."""
        self.faust_members_table[members_key(batch_id, page)] = row


def members_key(batch_id: str, page: int) -> str:
    """Return the key of one page of the batch's members, e.g. `batch-1/07`."""
    return f"{batch_id}/{page:02d}"


def declare_batches(app: faust.App, *, partitions: int) -> BatchTables:
    """Declare both tables in `app`.

    Args:
        app: The application, made with `Table=` a class that stores raw keys.
        partitions: As many as the topics keyed by batch id have.
    """
    batches = app.Table(
        NAME, key_type=str, help=HELP, partitions=partitions, options=rocksdb_options()
    )
    members = app.Table(
        MEMBERS_NAME,
        key_type=str,
        help=MEMBERS_HELP,
        partitions=partitions,
        options=rocksdb_options(),
    )
    return BatchTables(batches, members)
