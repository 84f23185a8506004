"""Where the commands print: results on standard output, progress on standard error."""

from __future__ import annotations

import sys
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

_WIDTH_IN_A_PIPE = 160


def console(stream: TextIO | None = None) -> Console:
    """Return the console of a stream, standard output by default; wide where it is no terminal."""
    file = stream or sys.stdout
    return Console(file=file, width=None if file.isatty() else _WIDTH_IN_A_PIPE, highlight=False)


def progress_bar() -> Progress:
    """Return a progress bar on standard error, so that a pipe gets results only."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True, highlight=False),
    )
