"""Whatever a worker warns of is in docs/operations.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import huleedu_streams
import tables

ROOT = Path(__file__).parents[2]
LOUD = {"warning", "error", "exception", "critical"}


def warnings_of(tree: ast.Module) -> Iterator[str]:
    """Yield the events that are logged with a level that somebody should look at."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        logger = node.func.value
        is_log = isinstance(logger, ast.Name) and logger.id == "log" and node.func.attr in LOUD
        if is_log and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def test_each_warning_says_in_operations_what_to_type() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    sources = [
        path
        for package in (huleedu_streams, tables)
        for path in Path(str(package.__file__)).parent.rglob("*.py")
    ]
    events = {
        event for path in sources for event in warnings_of(ast.parse(path.read_text("utf-8")))
    }

    assert len(events) > 15
    assert sorted(event for event in events if f"`{event}`" not in text) == []
