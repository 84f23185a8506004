"""`python -m bench`: measure a worker and its peers, one after the other, and compare them."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.report import show, surroundings
from bench.run import Plan, run


def main() -> int:
    """Run everything; exit code 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")
    parser.add_argument("--essays", type=int, default=2100, help="of each round end to end")
    parser.add_argument("--rounds", type=int, default=3, help="medians are taken over so many")
    parser.add_argument(
        "--rows", type=int, default=100_000, help="to recover, or beside which essays are measured"
    )
    parser.add_argument(
        "--only",
        default="",
        help="parts, comma-separated: essays,loops,recovery,failover,growth,compaction",
    )
    parser.add_argument("--keep", action="store_true", help="keep the run's folder")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="huleedu-bench-"))
    console = Console(stderr=True)
    parts = frozenset(filter(None, chosen.only.split(","))) or Plan.parts
    plan = Plan(chosen.essays, chosen.rounds, chosen.rows, parts)
    try:
        figures = asyncio.run(run(folder, plan, lambda line: console.print(line, style="dim")))
    finally:
        if not chosen.keep:
            shutil.rmtree(folder)
    if chosen.as_json:
        document = surroundings() | {"figures": [figure.document() for figure in figures]}
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        show(figures, Console(width=None if sys.stdout.isatty() else 120))
    return 1 if any(figure.is_met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
