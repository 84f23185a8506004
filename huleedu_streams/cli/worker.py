"""`huleedu-streams worker`: Faust's own worker command, with this package's app.

Not here: what the worker runs (`huleedu_streams.wiring`).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import click

APP = "huleedu_streams.app"

# Faust takes these in front of `worker` only; here they may stand anywhere. True: takes a value.
_ROOT_OPTIONS: Mapping[str, bool] = MappingProxyType(
    {
        "-A": True,
        "--app": True,
        "-W": True,
        "--workdir": True,
        "-D": True,
        "--datadir": True,
        "-L": True,
        "--loop": True,
        "-q": False,
        "--quiet": False,
        "--no-quiet": False,
        "--debug": False,
        "--no-debug": False,
        "--json": False,
    }
)
# Faust sets these on its own configuration only; the settings must say the same.
_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "-p": "HULEEDU_WEB_PORT",
        "--web-port": "HULEEDU_WEB_PORT",
        "-b": "HULEEDU_WEB_BIND",
        "--web-bind": "HULEEDU_WEB_BIND",
        "-h": "HULEEDU_WEB_HOST",
        "--web-host": "HULEEDU_WEB_HOST",
        "-D": "HULEEDU_DATA_DIR",
        "--datadir": "HULEEDU_DATA_DIR",
        "-l": "HULEEDU_LOG_LEVEL",
        "--loglevel": "HULEEDU_LOG_LEVEL",
    }
)
_LEVELS: Mapping[str, str] = MappingProxyType({"CRIT": "CRITICAL", "WARN": "WARNING"})


@click.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": [],
    },
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: tuple[str, ...]) -> int:
    """Run a worker; every option is Faust's (`faust worker --help`)."""
    os.environ.update(settings_of(arguments))
    # Faust reads -L from sys.argv while it is imported, so this comes first.
    sys.argv[:] = ["faust", *faust_arguments(arguments)]
    faust_cli = importlib.import_module("faust.cli.faust").cli
    outcome = faust_cli.main(sys.argv[1:], prog_name="huleedu-streams", standalone_mode=False)
    return outcome if isinstance(outcome, int) else 0


def faust_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the command line of `faust` for that of `huleedu-streams worker`."""
    in_front, behind = _split(arguments)
    if not _has(in_front, "-A", "--app"):
        in_front = ["-A", APP, *in_front]
    if not _has(in_front, "-L", "--loop") and importlib.util.find_spec("uvloop") is not None:
        in_front += ["-L", "uvloop"]
    return [*in_front, "worker", *behind]


def settings_of(arguments: Sequence[str]) -> dict[str, str]:
    """Return the settings, as environment variables, that the options stand for."""
    found = {}
    for index, word in enumerate(arguments):
        option, value = _option(word)
        if option not in _SETTINGS:
            continue
        if value is None and index + 1 < len(arguments):
            value = arguments[index + 1]
        if value is not None:
            found[_SETTINGS[option]] = value
    if level := found.get("HULEEDU_LOG_LEVEL", "").upper():
        found["HULEEDU_LOG_LEVEL"] = _LEVELS.get(level, level)
    return found


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    in_front: list[str] = []
    behind: list[str] = []
    words = iter(arguments)
    for word in words:
        option, value = _option(word)
        if option not in _ROOT_OPTIONS:
            behind.append(word)
            continue
        in_front.append(option)
        if _ROOT_OPTIONS[option]:
            in_front.append(value if value is not None else next(words, ""))
    return in_front, behind


def _option(word: str) -> tuple[str, str | None]:
    """Return the option and the value that is written in the same word, if one is."""
    if word.startswith("--"):
        option, _, value = word.partition("=")
        return option, value if "=" in word else None
    if word.startswith("-") and len(word) > len("-L"):
        return word[:2], word[2:].removeprefix("=")
    return word, None


def _has(words: Sequence[str], *options: str) -> bool:
    return any(word in options for word in words)
