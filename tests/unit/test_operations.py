"""docs/operations.md has whatever a worker warns of, and quotes what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import huleedu_streams
import tables

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text("utf-8")
LOUD = {"warning", "error", "exception", "critical"}
# What stands in the document for a part that the code fills in.
FILLED_IN = re.compile(r"(?:…/)?kafka_topics\.yaml|…|\b(?:NAME|HOST|FILE|[NM]|\d+)\b")


def modules() -> list[ast.Module]:
    """Return all modules of the packages."""
    folders = [Path(str(package.__file__)).parent for package in (huleedu_streams, tables)]
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    return [ast.parse(path.read_text("utf-8")) for path in sources]


def warnings_of(tree: ast.Module) -> Iterator[str]:
    """Yield the events that are logged with a level that somebody should look at."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        logger = node.func.value
        is_log = isinstance(logger, ast.Name) and logger.id == "log" and node.func.attr in LOUD
        if is_log and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def words_of(tree: ast.Module) -> Iterator[str]:
    """Yield the texts of a module, with `…` for what is filled in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def quoted_refusals() -> list[str]:
    """Return the lines that the document quotes of refused starts."""
    chapter = TEXT.split("## A start that is refused")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.+?) \| ", chapter, re.MULTILINE)
    spans = re.finditer(r"`` (.+?) ``|`([^`]+)`", "\n".join(cells))
    return [span[1] or span[2] for span in spans]


def test_each_warning_says_in_operations_what_to_type() -> None:
    events = {event for module in modules() for event in warnings_of(module)}

    assert len(events) > 15
    assert sorted(event for event in events if f"`{event}`" not in TEXT) == []


def test_each_quoted_refusal_is_one_that_the_code_utters() -> None:
    words = "\n".join({text for module in modules() for text in words_of(module)})
    quotes = {
        quote: ".*".join(re.escape(part) for part in FILLED_IN.split(quote) if part.strip())
        for quote in quoted_refusals()
    }

    assert len(quotes) > 40
    assert [quote for quote, pattern in quotes.items() if not re.search(pattern, words)] == []
