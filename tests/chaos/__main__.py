"""`python -m tests.chaos`: run scenarios with a seed, print what held and what did not."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from tests.chaos.run import Order, run
from tests.chaos.scenarios import SCENARIOS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "scenarios", nargs="*", default=["gate"], metavar="SCENARIO", help=", ".join(SCENARIOS)
    )
    parser.add_argument("--seed", type=int, help="repeat a run; drawn and printed if not given")
    parser.add_argument("--essays", type=int, help="another size than the scenario's")
    parser.add_argument("--bug", help="plant a bug of planted.py in every worker")
    parser.add_argument("--runs", type=int, default=1, help="so many runs, seeds counting up")
    parser.add_argument("--keep", action="store_true", help="keep the files of green runs too")
    parser.add_argument("--folder", type=Path, default=Path("var/chaos"))
    chosen = parser.parse_args()
    first = chosen.seed if chosen.seed is not None else secrets.randbelow(1_000_000)
    if unknown := set(chosen.scenarios) - SCENARIOS.keys():
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    is_green = True
    seeds = range(first, first + chosen.runs)
    for seed, scenario in product(seeds, chosen.scenarios):
        stamp = datetime.now(UTC).strftime("%H%M%S")
        folder = (chosen.folder / f"{scenario}-{seed}-{stamp}").resolve()
        sys.stdout.write(f"{scenario} with seed {seed} in {folder}\n")
        sys.stdout.flush()
        order = Order(scenario, seed, folder, chosen.essays, chosen.bug, chosen.keep)
        report = asyncio.run(run(order))
        sys.stdout.write("\n".join(report.lines()) + "\n")
        is_green &= report.is_green
    return 0 if is_green else 1


if __name__ == "__main__":
    sys.exit(main())
