"""A process that loads an engine, says how long it took, and stays until its input ends.

`python -m bench.spelling.loaded ENGINE`; with `none` it loads nothing, so that what Python and
its libraries take can be told from what the language takes.
"""

from __future__ import annotations

import sys

from bench.spelling.clock import seconds
from bench.spelling.essays import hopeless_words
from huleedu_streams.spelling import SpellChecker


def main(engine: str) -> None:
    """Load, report, wait."""
    checkers: list[SpellChecker] = []

    def load() -> None:
        if engine != "none":
            checkers.append(SpellChecker.load("en", engine=engine))

    taken = seconds(load)
    for checker in checkers:
        # Random words touch every page of an index sooner or later, as months of essays do.
        checker.check(" ".join(hopeless_words(2000)))
    print(taken, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
