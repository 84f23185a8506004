"""What a run found, as a table for a terminal or as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

_PACKAGES = ("huleedu-streams", "faust-streaming", "aiokafka", "rocksdict", "pyspellchecker")
_WHOLE_FROM = 100


@dataclass(frozen=True, slots=True)
class Aim:
    """What is aimed at.

    Attributes:
        bound: The figure to reach.
        is_most: It is a ceiling, not a floor.
        is_ratio: It bounds the ratio to the peer, not the value.
    """

    bound: float
    is_most: bool = False
    is_ratio: bool = False

    def __str__(self) -> str:
        return f"{'<=' if self.is_most else '>='} {self.bound:,g}{'x' if self.is_ratio else ''}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured, beside what it is measured against.

    Attributes:
        name: What was measured.
        unit: Of `value` and `peer`.
        value: The worker's.
        peer: The peer's of the same run; None where there is none.
        against: Who the peer is.
        aim: What is aimed at; None = nothing.
    """

    name: str
    unit: str
    value: float
    peer: float | None = None
    against: str = ""
    aim: Aim | None = None

    @property
    def ratio(self) -> float | None:
        """The worker's figure by the peer's."""
        return None if not self.peer else self.value / self.peer

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is reached; None where there is none."""
        found = self.ratio if self.aim is not None and self.aim.is_ratio else self.value
        if self.aim is None or found is None:
            return None
        return found <= self.aim.bound if self.aim.is_most else found >= self.aim.bound

    def document(self) -> dict[str, Any]:
        """Return the figure as plain JSON values."""
        return {
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "peer": self.peer,
            "against": self.against,
            "ratio": self.ratio,
            "aim": None if self.aim is None else str(self.aim),
            "is_met": self.is_met,
        }


def surroundings() -> dict[str, Any]:
    """Return what the figures depend on besides the code."""
    return {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "versions": {name: version(name) for name in _PACKAGES},
    }


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    table = Table("figure", "value", "unit", "peer", "ratio", "aim", "")
    for figure in figures:
        peer = "" if figure.peer is None else f"{_rounded(figure.peer)} {figure.against}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        mark = {None: "", True: "reached", False: "missed"}[figure.is_met]
        aim = "" if figure.aim is None else str(figure.aim)
        table.add_row(figure.name, _rounded(figure.value), figure.unit, peer, ratio, aim, mark)
    console.print(table)


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE_FROM else f"{value:.3g}"
