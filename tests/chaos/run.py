"""One run: a scenario played over a site made from a seed, then every invariant."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tests.chaos import invariants_events, invariants_process, invariants_tables
from tests.chaos.evidence import Evidence, gather
from tests.chaos.findings import Finding, finding
from tests.chaos.nodes import ThreeNodes
from tests.chaos.plan import make_plan
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.site import Site, StalledError

INVARIANTS = (
    invariants_events.outcomes,
    invariants_events.outputs,
    invariants_events.effects,
    invariants_events.dead_letters,
    invariants_tables.tables,
    invariants_tables.paths,
    invariants_tables.sums,
    invariants_process.speed,
    invariants_process.health,
    invariants_process.secrecy,
    invariants_process.fairness,
    invariants_process.mending,
)
PLANTED_APP = "tests.chaos.planted"


@dataclass(frozen=True, slots=True)
class Order:
    """What to run.

    Attributes:
        essays: Another size than the scenario's own; None = that.
        bug: A bug to plant in every worker, by its name in `planted.py`.
        folder: Where the run keeps its files.
        is_kept: Keep them also where all is green.
    """

    scenario: str
    seed: int
    folder: Path
    essays: int | None = None
    bug: str | None = None
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run."""

    order: Order
    findings: tuple[Finding, ...]
    seconds: float
    summary: str

    @property
    def is_green(self) -> bool:
        return all(finding.is_kept for finding in self.findings)

    @property
    def red(self) -> set[str]:
        """The names of the invariants that did not hold."""
        return {finding.name for finding in self.findings if not finding.is_kept}

    def lines(self) -> list[str]:
        bug = f" with the bug {self.order.bug}" if self.order.bug else ""
        head = f"{self.order.scenario}, seed {self.order.seed}{bug}: {self.summary}"
        verdict = "GREEN" if self.is_green else f"RED: {', '.join(sorted(self.red))}"
        found = [line for finding in self.findings for line in finding.lines()]
        return [head, *found, f"{verdict} after {self.seconds:.0f} s"]


async def run(order: Order) -> Report:
    """Play the scenario and look at what it left.

    A run that does not get on is red by I8 alone; its files are kept.
    """
    began = time.monotonic()
    scenario = SCENARIOS[order.scenario]
    sizes = scenario.sizes
    if order.essays is not None:
        sizes = replace(sizes, essays=order.essays)
    order.folder.mkdir(parents=True, exist_ok=True)
    arguments = ("-A", f"{PLANTED_APP}:{order.bug.replace('-', '_')}") if order.bug else ()
    cluster = ThreeNodes(order.folder / "kafka") if scenario.has_three_nodes else None
    site = Site(order.folder, make_plan(order.seed, sizes), arguments, cluster)
    found: Evidence | None = None
    try:
        await site.open()
        await scenario.play(site, random.Random(order.seed))  # noqa: S311 - it must repeat
        found = await gather(site)
        findings = tuple(check(found) for check in INVARIANTS)
    except StalledError as stalled:
        findings = (finding("I8", "back in time", "the run does not get on", [str(stalled)]),)
    finally:
        await site.close()
    report = Report(order, findings, time.monotonic() - began, _summary(site))
    (order.folder / "report.txt").write_text("\n".join(report.lines()) + "\n", "utf-8")
    if report.is_green and not order.is_kept:
        shutil.rmtree(order.folder)
    elif found is not None:
        found.write(order.folder)
    return report


def _summary(site: Site) -> str:
    tally, plan = site.tally, site.plan
    kills = ", ".join(f"{share:.0%}" for share in tally.kills)
    return (
        f"{len(plan.essays)} essays, {len(plan.records)} records, {len(plan.poison)} poison; "
        f"{len(tally.kills)} kills at {kills}"
    )
