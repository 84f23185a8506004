"""The sample essays that ship with the package, and what should become of each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import yaml

_FOLDER = resources.files("huleedu_streams.cli") / "essays"


@dataclass(frozen=True, slots=True)
class SampleEssay:
    """One entry of the manifest.

    Attributes:
        essay_id: Its id.
        text: What the pupil wrote; None = the content store has lost it.
        status: The status that it must end in.
        at_least: The fewest corrections that are right.
        at_most: The most, where that is known.
    """

    essay_id: str
    text: str | None
    status: str
    at_least: int = 0
    at_most: int | None = None

    def fault(self, status: str | None, corrections: int | None) -> str | None:
        """Return what is wrong with this outcome, or None if it is as it should be."""
        if status != self.status:
            return f"{self.essay_id} is {status or 'unknown'}, should be {self.status}"
        if self.text is None:
            return None
        count = corrections or 0
        if count < self.at_least:
            return f"{self.essay_id} has {count} corrections, should have {self.at_least} or more"
        if self.at_most is not None and count > self.at_most:
            return f"{self.essay_id} has {count} corrections, should have {self.at_most} at most"
        return None


def sample_essays() -> list[SampleEssay]:
    """Return the samples in the order of the manifest."""
    manifest = yaml.safe_load((_FOLDER / "manifest.yaml").read_text("utf-8"))
    return [
        SampleEssay(
            essay_id=entry["id"],
            text=(_FOLDER / entry["file"]).read_text("utf-8") if "file" in entry else None,
            status=entry["status"],
            at_least=entry.get("at_least", 0),
            at_most=entry.get("at_most"),
        )
        for entry in manifest["essays"]
    ]
