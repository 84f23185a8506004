"""The parts of README.md that are made from the code: states, settings, metrics.

`make docs` writes them between their markers; tests/architecture compares them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from pydantic.fields import FieldInfo

from huleedu_streams.domain.lifecycle import TRANSITIONS, EssayStatus
from huleedu_streams.metrics import Metrics
from huleedu_streams.settings import ENV_PREFIX, Settings

README = Path(__file__).parents[1] / "README.md"
_BLOCK = re.compile(
    r"(?P<begin><!-- made from the code: (?P<name>\w+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)
_FROM_THE_MACHINE = "cores - 1"


def states() -> Iterator[str]:
    """Yield the state diagram; the way to essay_critical_failure is said in words beside it."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> uploaded"
    yield "    [*] --> awaiting_spellcheck"
    for status, followers in TRANSITIONS.items():
        for follower in EssayStatus:
            if follower in followers and follower is not EssayStatus.ESSAY_CRITICAL_FAILURE:
                yield f"    {status} --> {follower}"
        if not followers:
            yield f"    {status} --> [*]"
    yield "```"


def settings() -> Iterator[str]:
    """Yield one line a setting."""
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        yield f"| `{ENV_PREFIX}{name.upper()}` | {_default(field)} | {field.description} |"


def metrics() -> Iterator[str]:
    """Yield one line a metric of our own."""
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in vars(Metrics(CollectorRegistry())).values():
        if isinstance(metric, MetricWrapperBase):
            family = next(iter(metric.describe()))
            suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
            labels = ", ".join(metric._labelnames) or "-"  # noqa: SLF001 - it has no public name
            yield (
                f"| `{family.name}{suffix}` | {family.type} | {labels} | {family.documentation} |"
            )


BLOCKS: Mapping[str, Callable[[], Iterator[str]]] = {
    "states": states,
    "settings": settings,
    "metrics": metrics,
}


def renewed(text: str) -> str:
    """Return the README's text with every block made anew."""

    def made(match: re.Match[str]) -> str:
        return match["begin"] + "\n".join(BLOCKS[match["name"]]()) + "\n" + match["end"]

    return _BLOCK.sub(made, text)


def block_names(text: str) -> list[str]:
    """Return the names of the blocks that the text has."""
    return [match["name"] for match in _BLOCK.finditer(text)]


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return _FROM_THE_MACHINE
    value = field.default
    if isinstance(value, frozenset | tuple):
        return ",".join(_plain(item) for item in _in_order(value)) or "-"
    return "-" if value is None else _plain(value)


def _in_order(values: frozenset[object] | tuple[object, ...]) -> list[object]:
    if isinstance(values, frozenset):
        first = next(iter(values))
        return [item for item in type(first) if item in values] if isinstance(first, Enum) else []
    return list(values)


def _plain(value: object) -> str:
    return str(value.value if isinstance(value, Enum) else value)


if __name__ == "__main__":
    README.write_text(renewed(README.read_text("utf-8")), "utf-8")
