"""`huleedu-streams tables`: the rows that this machine's workers hold, read from RocksDB.

Not here: the reading and the showing (`tables.reader`, `tables.listing`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType

import click

from huleedu_streams.domain.batches import PhaseOutcome
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.settings import load_settings
from tables import batches, essays
from tables.listing import TableQuery, show
from tables.reader import tables_folder

_HELPS: Mapping[str, str] = MappingProxyType(
    {
        essays.NAME: essays.HELP,
        batches.NAME: batches.HELP,
        batches.MEMBERS_NAME: batches.MEMBERS_HELP,
    }
)
_STATUSES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        essays.NAME: frozenset(EssayStatus),
        batches.NAME: frozenset(PhaseOutcome),
        batches.MEMBERS_NAME: frozenset(EssayStatus),
    }
)


@click.command()
@click.argument("table", required=False, metavar="[essays|batches|batch_members]")
@click.option("--key", help="Only the row of this id.")
@click.option("--status", help="Only rows that stand so, e.g. spellcheck_failed.")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many rows; 0 = all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array, a row a line.")
def tables(
    table: str | None, key: str | None, status: str | None, limit: int, *, as_json: bool
) -> int:
    """List the tables of this machine, or show the rows of one.

    Reads RocksDB directly, read-only, beside a live worker or without one; rows of partitions
    that other machines own are not here. Exits with 1 where nothing is found.
    """
    known = _STATUSES.get(table or "", frozenset())
    if status is not None and known and status not in known:
        raise click.BadParameter(f"one of {', '.join(sorted(known))}", param_hint="--status")
    settings = load_settings()
    folder = tables_folder(settings.data_dir, settings.faust_app_id)
    query = TableQuery(folder, table, key, status, limit)
    return 0 if show(query, sys.stdout, as_json=as_json, helps=_HELPS) else 1
