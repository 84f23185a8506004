"""`faust -A huleedu_streams.app tables [NAME]`: Faust's own command lists names; this shows rows.

Not here: the reading and the showing (`tables.reader`, `tables.listing`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import faust
from faust.cli.base import AppCommand, argument, option

from huleedu_streams.errors import HuleeduStreamsError
from tables.listing import TableQuery, show


def register_tables_command(app: faust.App, folder: Path) -> type[AppCommand]:
    """Replace Faust's `tables` command by one that shows the rows in `folder`."""

    class Tables(AppCommand):
        """List tables, or show the rows of one: read-only, beside the live worker."""

        abstract = True  # Faust registers a subclass when it is made; the one below has the name
        options = [  # noqa: RUF012 - Faust reads a plain class attribute
            argument("table", required=False),
            option("--key", default=None, help="Only the row of this id."),
            option("--status", default=None, help="Only rows that stand so."),
            option("--limit", default=0, type=int, help="At most so many rows; 0 = all."),
            option("--json", "as_json", is_flag=True, help="One JSON array, a row a line."),
        ]

        def __call__(self, *_args: object, **_options: object) -> NoReturn:
            """Show the rows and exit: 0 found, 1 not found."""
            as_json = self.kwargs.pop("as_json") or self.json
            query = TableQuery(folder, **self.kwargs)
            helps = {table.name: (table.help or "").strip() for table in app.tables.values()}
            try:
                is_found = show(query, sys.stdout, as_json=as_json, helps=helps)
            except HuleeduStreamsError as error:
                sys.exit(f"huleedu-streams: {error}")
            sys.exit(0 if is_found else 1)

    return type("tables", (Tables,), {"__doc__": Tables.__doc__})
