"""`python -m bench.spelling`: every figure there is of the speller, in one run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial

from bench.spelling import accuracy, footprint, hold, speed, texts
from bench.spelling.rows import Row, table
from bench.spelling.spellers import ENGINES, Speller, others, ours, pyspellchecker


def main() -> None:
    """Measure what is asked for and print it."""
    asked = _arguments()
    sections = _sections(asked.engines, asked.seconds, asked.essays)
    rows: list[Row] = []
    for name in asked.only or sections:
        print(f"measuring {name}", file=sys.stderr)
        rows += sections[name]()
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        print("\n".join(table(rows)))


def _sections(
    wanted: list[str], seconds: float, count: int
) -> Mapping[str, Callable[[], Iterator[Row]]]:
    english = ours(wanted)
    there = [speller.name for speller in english]
    spellers: list[Speller] = [*english, *others()]
    return {
        "accuracy": partial(accuracy.rows, spellers, seconds),
        "english": partial(texts.rows, "en", spellers, seconds),
        "swedish": partial(texts.rows, "sv", ours(wanted, "sv"), seconds),
        "speed": partial(speed.rows, there, pyspellchecker(), count, seconds),
        "hold": partial(hold.rows, there),
        "footprint": partial(footprint.rows, there),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.spelling", description=__doc__)
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    parser.add_argument("--engines", nargs="+", default=ENGINES, metavar="ENGINE")
    parser.add_argument("--only", nargs="+", metavar="SECTION", help="some sections alone")
    parser.add_argument(
        "--seconds", type=float, default=20, help="for each other speller and set (20)"
    )
    parser.add_argument("--essays", type=int, default=50, help="cold essays an engine (50)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
