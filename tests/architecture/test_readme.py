from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from huleedu_streams.cli import COMMANDS
from huleedu_streams.settings import Role, Settings
from huleedu_streams.topics.catalogue import TopicKind, catalogue
from huleedu_streams.wiring import create_app
from scripts.readme_blocks import BLOCKS, README, block_names, renewed

TEXT = README.read_text("utf-8")
ALL = "all"


def section(title: str) -> str:
    match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert match, f"README.md has no section {title}"
    return match[1]


def rows(title: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the section's tables."""
    for line in section(title).splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def routes(data_dir: Path, role: Role) -> set[tuple[str, str]]:
    app = create_app(Settings(roles=frozenset({role}), data_dir=data_dir, _env_file=None))
    router = app.web.web_app.router  # type: ignore[attr-defined] # of the aiohttp driver
    return {
        (route.method, route.resource.canonical)
        for route in router.routes()
        if route.method != "HEAD"
    }


def test_readme_has_every_block_that_is_made_from_the_code() -> None:
    assert sorted(block_names(TEXT)) == sorted(BLOCKS)


@pytest.mark.parametrize("name", BLOCKS)
def test_readme_block_is_as_the_code_says(name: str) -> None:
    made = "\n".join(BLOCKS[name]())

    assert made in TEXT, "run: make docs"
    assert made in renewed(TEXT)


def test_readme_lists_every_topic() -> None:
    known = {spec.name for spec in catalogue(None) if spec.kind is not TopicKind.DEAD_LETTER}

    listed = {cells[0].strip("`") for cells in rows("Topics") if cells[0].startswith("`huleedu")}

    assert listed == known


def test_readme_lists_every_route(tmp_path: Path) -> None:
    by_role = {role.value: routes(tmp_path, role) for role in Role}
    common = set.intersection(*by_role.values())
    served = {(role, *route) for role, found in by_role.items() for route in found - common}
    served |= {(ALL, *route) for route in common}

    listed = set()
    for role, request, *_ in rows("HTTP"):
        for method, path in re.findall(r"`(GET|POST|PUT|DELETE) (/\S*?)[`? ]", request + " "):
            listed.add((role, method, path))

    assert listed == served


def test_readme_lists_every_command() -> None:
    assert [name for name in COMMANDS if f"`huleedu-streams {name}" not in TEXT] == []


def test_readme_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", TEXT)

    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
