"""Where tests let a worker, or a replay, fail: `HULEEDU_FAULT_POINTS=after-table-write@3`."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable

from huleedu_streams.errors import SettingsError

POINTS = frozenset({"after-table-write", "after-send", "before-ack", "before-replay-commit"})
ENDINGS = frozenset({"kill", "stall"})


def fault_points(
    specs: Iterable[str], stall: Callable[[], None] = lambda: None
) -> Callable[[str], None]:
    """Return what makes this process fail at the Nth pass of a named point.

    Args:
        specs: `point@N:ending`, N from 1; `kill` (SIGKILL) or `stall`. `point` alone means
            `point@1:kill`.
        stall: Makes the consumer stop reading; a command that has none has nothing to stop.

    Raises:
        SettingsError: no such point or ending, or N is no positive number.
    """
    faults = dict(_parse(spec) for spec in specs)
    if not faults:
        return _nothing
    passes: Counter[str] = Counter()
    endings = {"kill": _kill, "stall": stall}

    def reached(point: str) -> None:
        passes[point] += 1
        number, ending = faults.get(point, (0, ""))
        if number == passes[point]:
            endings[ending]()

    return reached


def _nothing(_point: str) -> None:
    return


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _parse(spec: str) -> tuple[str, tuple[int, str]]:
    place, _, ending = spec.partition(":")
    point, _, number = place.partition("@")
    if point not in POINTS or not (number or "1").isdecimal() or number == "0":
        known = ", ".join(sorted(POINTS))
        raise SettingsError(f"wrong fault point {spec}: write POINT@N, POINT one of {known}")
    if (ending or "kill") not in ENDINGS:
        raise SettingsError(f"wrong fault point {spec}: it ends with :kill or :stall")
    return point, (int(number or 1), ending or "kill")
