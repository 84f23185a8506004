"""What an invariant says: its name, whether it held, the figures, and the first exceptions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant of one run.

    Attributes:
        name: `I1` to `I10`.
        title: What must hold.
        figures: What was counted.
        faults: What is wrong, a line each; none if it held.
    """

    name: str
    title: str
    figures: str
    faults: tuple[str, ...] = field(default=())

    @property
    def is_kept(self) -> bool:
        return not self.faults

    def lines(self) -> list[str]:
        mark = "ok  " if self.is_kept else "RED "
        first = f"{mark} {self.name:<4}{self.title}: {self.figures}"
        more = len(self.faults) - _SHOWN
        shown = [f"         {fault[:400]}" for fault in self.faults[:_SHOWN]]
        return [first, *shown, *([f"         and {more} more"] if more > 0 else [])]


def finding(name: str, title: str, figures: str, faults: Iterable[str]) -> Finding:
    return Finding(name, title, figures, tuple(faults))
