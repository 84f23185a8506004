"""What was measured, one figure a row, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_SPEEDS = frozenset({"essays/s", "ms", "s"})


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        measure: What was measured, on what.
        speller: Whose figure it is; `-` for a row that was skipped.
        value: None if it was skipped.
        unit: Of the value.
        count: On how many words, texts or processes it was measured.
        target: What it should be; empty where nothing is asked for.
        note: Why it was skipped, or what to bear in mind.
    """

    measure: str
    speller: str
    value: float | None
    unit: str
    count: int = 0
    target: str = ""
    note: str = ""


def skipped(measure: str, why: str) -> Row:
    """Return a row that says why there is no figure."""
    return Row(measure, "-", None, "", note=f"SKIPPED: {why}")


def table(rows: Sequence[Row], baseline: str = "pyspellchecker") -> Iterable[str]:
    """Yield the rows as lines for a reader; speeds as multiples of the baseline's too."""
    measure = ""
    of_baseline = {row.measure: row.value for row in rows if row.speller == baseline}
    for row in rows:
        if row.measure != measure:
            measure = row.measure
            target = f"   (target {row.target})" if row.target else ""
            yield f"\n{measure}{target}"
        if row.value is None:
            yield f"  {row.note}"
            continue
        line = f"  {row.speller:<15} {_figure(row.value):>10} {row.unit:<12} n={row.count:<7}"
        base = of_baseline.get(measure)
        if base and row.unit in _SPEEDS and row.speller != baseline:
            times = row.value / base if row.unit == "essays/s" else base / row.value
            line += f" {_figure(times)} x as fast as {baseline}"
        yield f"{line}  {row.note}".rstrip()


def _figure(value: float) -> str:
    """Write three or four digits that count."""
    if abs(value) >= 1000:  # noqa: PLR2004
        return f"{value:,.0f}".replace(",", " ")
    digits = 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 4  # noqa: PLR2004
    return f"{value:.{digits}f}"
