"""What no change may make worse: pairs and texts of our own, which nothing is learned from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from bench.spelling.sets import FLOOR, floor_pairs
from huleedu_streams.spelling import SpellChecker
from huleedu_streams.spelling.checker import DEFAULT_ENGINE

CORRECT_TEXTS = FLOOR.parent / "correct_english.txt"


class Floor(NamedTuple):
    """As measured.

    Attributes:
        right: Of the 300 pairs, those whose first choice is what was meant.
        changed: Words of the 20 correct texts that are changed.
    """

    right: int
    changed: int


# pyspellchecker knows no names, and of British spellings only some.
FLOORS = {
    "exact": Floor(right=216, changed=23),
    "ranked": Floor(right=270, changed=0),
}


def texts(path: Path = CORRECT_TEXTS) -> list[str]:
    return path.read_text("utf-8").split("\n\n")


@pytest.fixture(params=sorted(FLOORS))
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_default_engine_has_a_floor() -> None:
    assert DEFAULT_ENGINE in FLOORS


def test_first_choices_are_as_often_right_as_they_were(engine: str) -> None:
    checker, pairs = SpellChecker.load("en", engine=engine), floor_pairs()

    wrong = [
        f"{pair.wrong} -> {checker.correction(pair.wrong)}, not {pair.right}"
        for pair in pairs
        if checker.correction(pair.wrong).lower() != pair.right.lower()
    ]

    assert len(pairs) == 300
    assert len(pairs) - len(wrong) >= FLOORS[engine].right, "\n".join(wrong)


def test_correct_texts_are_changed_no_more_than_they_were(engine: str) -> None:
    checker = SpellChecker.load("en", engine=engine)

    changed = [
        f"{correction.original} -> {correction.replacement}"
        for text in texts()
        for correction in checker.check(text).corrections
    ]

    assert len(texts()) == 20
    assert len(changed) <= FLOORS[engine].changed, "\n".join(changed)
