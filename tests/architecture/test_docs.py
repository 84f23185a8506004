"""What docs/ names is there: files, settings, commands, invariants."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from huleedu_streams.cli import cli
from huleedu_streams.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
PAGE_NAMES = [page.stem for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text("utf-8")
    named = re.findall(r"`((?:tests|tables|docs|huleedu_streams)/[\w./-]+)`", text)
    linked = [page.parent / link for link in re.findall(r"\]\(([\w./-]+\.md)\)", text)]

    assert [name for name in named if not (ROOT / name).exists()] == []
    assert [link for link in linked if not link.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_settings_that_a_page_names_are_there(page: Path) -> None:
    named = set(re.findall(r"HULEEDU_([A-Z][A-Z_]+[A-Z])", page.read_text("utf-8")))

    others = {"test_broker", "spelling_data"}  # of the tests and of `bench`
    assert {name.lower() for name in named} - others <= Settings.model_fields.keys()


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_commands_that_a_page_names_are_there(page: Path) -> None:
    named = set(re.findall(r"`huleedu-streams ([a-z]+)\b", page.read_text("utf-8")))

    assert named <= set(cli.list_commands(click.Context(cli)))


def test_every_invariant_stands_beside_a_promise() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")

    assert {f"I{number}" for number in range(1, 11)} <= set(re.findall(r"\bI\d+\b", text))
