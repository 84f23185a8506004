"""Places where tests let a worker, or a replay, die: `HULEEDU_FAULT_POINTS=after-table-write@3`."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable

from huleedu_streams.errors import SettingsError

POINTS = frozenset({"after-table-write", "after-send", "before-ack", "before-replay-commit"})


def fault_points(specs: Iterable[str]) -> Callable[[str], None]:
    """Return what kills this process with SIGKILL at the Nth pass of a named point.

    Args:
        specs: `point@N`, N from 1; `point` alone means `point@1`.

    Raises:
        SettingsError: no such point, or N is no positive number.
    """
    deadly = dict(_parse(spec) for spec in specs)
    if not deadly:
        return _nothing
    passes: Counter[str] = Counter()

    def reached(point: str) -> None:
        passes[point] += 1
        if deadly.get(point) == passes[point]:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def _nothing(_point: str) -> None:
    return


def _parse(spec: str) -> tuple[str, int]:
    point, _, number = spec.partition("@")
    if point not in POINTS or not (number or "1").isdecimal() or number == "0":
        known = ", ".join(sorted(POINTS))
        raise SettingsError(f"wrong fault point {spec}: write POINT@N, POINT one of {known}")
    return point, int(number or 1)
