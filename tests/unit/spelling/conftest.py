from __future__ import annotations

from pathlib import Path

import pytest

from huleedu_streams.spelling import SpellChecker


@pytest.fixture(scope="session")
def english() -> SpellChecker:
    return SpellChecker.load("en")


@pytest.fixture(scope="session")
def exact() -> SpellChecker:
    return SpellChecker.load("en", engine="exact")


@pytest.fixture(scope="session")
def swedish() -> SpellChecker:
    return SpellChecker.load("sv")


@pytest.fixture
def l2_file(tmp_path: Path) -> Path:
    path = tmp_path / "l2.txt"
    path.write_text("alot:a lot\nteh:the\nthen:than\n", "utf-8")
    return path
