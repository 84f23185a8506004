"""What the demo shows at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from rich.console import Console
from rich.table import Table

from huleedu_streams.cli.batch import summary
from huleedu_streams.cli.samples import SampleEssay
from huleedu_streams.contracts.enums import ProcessingEvent
from huleedu_streams.contracts.topic_names import topic_name
from huleedu_streams.domain.lifecycle import EssayStatus

_REPLACEMENTS_SHOWN = 4
_REQUESTED = topic_name(ProcessingEvent.ESSAY_SPELLCHECK_REQUESTED)
# A line of /metrics each: the sample and the labels that it must have.
_TELLING: Sequence[tuple[str, Mapping[str, str]]] = (
    ("kafka_message_queue_latency_seconds_count", {"topic": _REQUESTED}),
    ("huleedu_events_consumed_total", {"topic": _REQUESTED}),
    ("huleedu_spellcheck_words_total", {}),
    ("huleedu_spellcheck_corrections_total", {}),
    ("huleedu_essay_transitions_total", {"to_status": EssayStatus.SPELLCHECKED_SUCCESS}),
)
_NEXT = """\
next     make up                                   the same, left running
         huleedu-streams submit FILE… --wait       your own essays
         huleedu-streams tables essays             the rows, read from RocksDB
         README.md                                 topics, states, HTTP, settings"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One essay after the demo; `status` is None where no worker knows it."""

    essay: SampleEssay
    status: str | None
    corrections_made: int | None
    corrections: Sequence[Mapping[str, Any]]

    @property
    def fault(self) -> str | None:
        """What is wrong with it, if anything."""
        return self.essay.fault(self.status, self.corrections_made)

    def replacements(self) -> Iterator[str]:
        """Yield each correction as `wrong → right`."""
        return (f"{found['original']} → {found['replacement']}" for found in self.corrections)


@dataclass(frozen=True, slots=True)
class DemoResult:
    """All essays, the state of their batch, five lines of `/metrics`."""

    outcomes: Sequence[Outcome]
    batch: Mapping[str, Any]
    metrics: Sequence[str]

    @property
    def faults(self) -> list[str]:
        """What is not as it should be, a line each."""
        found = [outcome.fault for outcome in self.outcomes]
        faults = [fault for fault in found if fault is not None]
        if self.batch.get("outcome") is None:
            faults.append(f"the batch is not complete: {summary(self.batch)}")
        return faults

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        essays = [
            {
                "essay_id": outcome.essay.essay_id,
                "current_status": outcome.status,
                "corrections_made": outcome.corrections_made,
                "corrections": [dict(found) for found in outcome.corrections],
            }
            for outcome in self.outcomes
        ]
        return {"essays": essays, "batch": dict(self.batch), "faults": self.faults}


def show(console: Console, result: DemoResult, seconds: float) -> None:
    """Print the essays, the batch, the metrics, where to look next, and the verdict."""
    grid = Table("essay", "status", "corrections", box=None, pad_edge=False)
    # A line an essay: what does not fit is cut off, never folded.
    grid.add_column("among them", no_wrap=True, overflow="ellipsis")
    for outcome in result.outcomes:
        made = "-" if outcome.corrections_made is None else str(outcome.corrections_made)
        shown = list(outcome.replacements())[:_REPLACEMENTS_SHOWN]
        grid.add_row(outcome.essay.essay_id, outcome.status or "unknown", made, ", ".join(shown))
    console.print()
    console.print(grid)
    console.print(f"\nbatch    {summary(result.batch)}\n", markup=False, soft_wrap=True)
    for line in result.metrics:
        console.print(f"metrics  {line}", markup=False, soft_wrap=True)
    console.print(f"\n{_NEXT}\n", markup=False, soft_wrap=True)
    for fault in result.faults:
        console.print(f"fault    {fault}", markup=False)
    expected = len(result.outcomes) - sum(1 for outcome in result.outcomes if outcome.fault)
    console.print(
        f"{expected} of {len(result.outcomes)} essays ended as they should, in {seconds:.0f} s"
    )


def telling_metrics(exposition: str) -> list[str]:
    """Return, for each of the metrics that tell most, the sample that counted most."""
    samples = [
        sample for family in text_string_to_metric_families(exposition) for sample in family.samples
    ]
    chosen = (_best(samples, name, labels) for name, labels in _TELLING)
    return [_line(sample) for sample in chosen if sample is not None]


def _best(samples: Sequence[Sample], name: str, labels: Mapping[str, str]) -> Sample | None:
    fitting = (
        sample
        for sample in samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
    return max(fitting, key=lambda sample: sample.value, default=None)


def _line(sample: Sample) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
    return f"{sample.name}{{{labels}}} {sample.value:g}"
