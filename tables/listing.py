"""Show table rows at a terminal or as JSON, for `huleedu-streams tables` and `faust … tables`.

Not here: how rows are read (`tables.reader`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from rich.console import Console
from rich.table import Table

from huleedu_streams.errors import HuleeduStreamsError, TableDamagedError
from tables.reader import StoredRow, count_rows, find_row, partitions_on_disk, read_rows

MEMBERS_TABLE = "batch_members"
# Which field says how a row stands; the first that a row has.
_STATUS_FIELDS = ("current_status", "status", "outcome")
# What fits a terminal; `--json` shows everything. Tables not named here show their plain fields.
_COLUMNS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "essays": ("batch_id", "current_status", "attempt", "corrections_made", "updated_at"),
        "batches": ("expected_essay_count", "counts", "outcome", "registered_at", "completed_at"),
        "batch_members": ("status", "attempt", "corrections_made", "is_expected", "version"),
    }
)


@dataclass(frozen=True, slots=True)
class TableQuery:
    """Which rows to show.

    Attributes:
        folder: Where the RocksDB folders lie.
        table: The table; None = list the tables.
        key: Only the row of this id.
        status: Only rows that stand so, e.g. `spellcheck_failed`.
        limit: At most so many rows; 0 = all.
    """

    folder: Path
    table: str | None = None
    key: str | None = None
    status: str | None = None
    limit: int = 0


def show(
    query: TableQuery, out: IO[str], *, as_json: bool, helps: Mapping[str, str] | None = None
) -> bool:
    """Write what the query finds to `out`.

    Args:
        query: What to show.
        out: Where to.
        as_json: One JSON array in place of a table.
        helps: What the known tables are for; they are listed even where they have no rows here.

    Returns:
        Whether anything was found.

    Raises:
        TableDamagedError: after all that can be read was written.
        HuleeduStreamsError: this machine has no table of that name.
    """
    on_disk = partitions_on_disk(query.folder)
    if query.table is None:
        tables = _summaries(query.folder, on_disk, helps or {})
        if as_json:
            _write_json(tables, out)
        else:
            _print_summaries(query.folder, tables, out)
        return True
    if query.table not in on_disk:
        known = ", ".join(on_disk) or "none yet"
        raise HuleeduStreamsError(
            f"no table {query.table} in {query.folder}; tables there: {known} "
            "(HULEEDU_DATA_DIR and HULEEDU_APP_ID say where a worker keeps its tables)"
        )
    rows, damage = _collect(_found(query, query.table))
    if as_json:
        _write_json([{"key": row.key, "partition": row.partition} | row.value for row in rows], out)
    else:
        _print_rows(query.table, rows, out)
    if damage is not None:
        raise damage
    return bool(rows)


def _found(query: TableQuery, table: str) -> Iterator[StoredRow]:
    if table == MEMBERS_TABLE:
        rows = _members(read_rows(query.folder, table), query.key)
    elif query.key is not None:
        row = find_row(query.folder, table, query.key)
        rows = iter(() if row is None else (row,))
    else:
        rows = read_rows(query.folder, table)
    if query.status is not None:
        rows = (row for row in rows if _status_of(row.value) == query.status)
    return islice(rows, query.limit) if query.limit else rows


def _members(pages: Iterator[StoredRow], key: str | None) -> Iterator[StoredRow]:
    """Yield an entry an essay; on disk a row is a page of a batch's essays.

    Args:
        pages: The rows as they lie there, keys `batch id/page`.
        key: Only this batch's essays, or only one: `batch id/essay id`.
    """
    for page in pages:
        batch_id = page.key.partition("/")[0]
        for essay_id, member in page.value.get("members", {}).items():
            name = f"{batch_id}/{essay_id}"
            if key in {None, batch_id, name}:
                yield StoredRow(page.table, page.partition, name, dict(member))


def _collect(rows: Iterator[StoredRow]) -> tuple[list[StoredRow], TableDamagedError | None]:
    collected: list[StoredRow] = []
    try:
        collected.extend(rows)
    except TableDamagedError as damage:
        return collected, damage
    return collected, None


def _status_of(value: Mapping[str, Any]) -> object:
    return next((value[field] for field in _STATUS_FIELDS if value.get(field)), None)


def _summaries(
    folder: Path, on_disk: Mapping[str, Mapping[int, Path]], helps: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "table": name,
            "partitions": list(on_disk.get(name, ())),
            "rows": count_rows(folder, name),
            "help": helps.get(name, ""),
        }
        for name in sorted({*on_disk, *helps})
    ]


def _print_summaries(folder: Path, tables: Sequence[Mapping[str, Any]], out: IO[str]) -> None:
    grid = Table("table", "partitions here", "rows", "what it holds", title=f"tables in {folder}")
    for entry in tables:
        grid.add_row(*(_text(value) for value in entry.values()))
    _console(out).print(grid)


def _print_rows(table: str, rows: Sequence[StoredRow], out: IO[str]) -> None:
    columns = _COLUMNS.get(table) or _plain_fields(rows)
    grid = Table("key", *columns, "partition", title=table, caption=_row_count(len(rows)))
    for row in rows:
        cells = (_text(row.value.get(column)) for column in columns)
        grid.add_row(row.key, *cells, str(row.partition))
    _console(out).print(grid)


def _row_count(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _plain_fields(rows: Iterable[StoredRow]) -> Sequence[str]:
    found: dict[str, None] = {}
    for row in rows:
        found |= {name: None for name, value in row.value.items() if not isinstance(value, list)}
    return tuple(found)[:6]


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {count}" for name, count in value.items() if count)
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    return str(value)


def _write_json(entries: Sequence[Mapping[str, Any]], out: IO[str]) -> None:
    """Write one JSON array, an entry a line, so that both `jq` and `grep` read it."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    out.write(f"[\n{lines}\n]\n" if lines else "[]\n")


def _console(out: IO[str]) -> Console:
    # Ids and statuses must survive a pipe whole: no terminal, no folding.
    return Console(file=out, width=None if out.isatty() else 200, highlight=False)
