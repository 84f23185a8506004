"""`huleedu-streams topics`: `kafka_topics.yaml` against the broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import click

from huleedu_streams.settings import load_settings
from huleedu_streams.topics import bootstrap as topics_of
from huleedu_streams.topics.catalogue import DEFAULT_APP_ID, TopicSpec, catalogue
from huleedu_streams.topics.comparison import Plan

_TO_DO = ("create", "alter", "grow", "to create", "to alter")
_DONE = ("created", "altered", "grew", "created", "altered")
P = ParamSpec("P")
R = TypeVar("R")
Step = Callable[[str, Sequence[TopicSpec]], Awaitable[Plan]]


@dataclass(frozen=True, slots=True)
class _Target:
    """Which broker, which topics."""

    bootstrap: str
    wait_seconds: float
    specs: Sequence[TopicSpec]


def _with_target(command: Callable[Concatenate[_Target, P], R]) -> Callable[..., R]:
    """Give a command the options that all three have, as one `_Target`."""

    @click.option("--broker", metavar="HOST:PORT", help="The broker; HULEEDU_BROKER_URL.")
    @click.option(
        "--wait", "wait_seconds", type=float, help="Seconds to wait for it; 0 = for ever."
    )
    @click.option(
        "--app-id", help=f"Whose changelog topics; HULEEDU_APP_ID, else {DEFAULT_APP_ID}."
    )
    @click.option(
        "--file",
        "path",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Another kafka_topics.yaml than the one that ships with the package.",
    )
    @wraps(command)
    def wrapped(
        broker: str | None,
        wait_seconds: float | None,
        app_id: str | None,
        path: Path | None,
        *arguments: P.args,
        **options: P.kwargs,
    ) -> R:
        settings = load_settings()
        target = _Target(
            bootstrap=broker.removeprefix("kafka://") if broker else settings.bootstrap_servers,
            wait_seconds=settings.broker_wait_seconds if wait_seconds is None else wait_seconds,
            specs=catalogue(app_id or settings.app_id or DEFAULT_APP_ID, path),
        )
        return command(target, *arguments, **options)

    return wrapped


_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def topics() -> None:
    """Compare kafka_topics.yaml with the broker, or make it so."""


@topics.command()
@_with_target
@_as_json
@click.pass_context
def plan(context: click.Context, target: _Target, *, as_json: bool) -> None:
    """Show what `apply` would do, and do nothing; exit 1 if it would refuse."""
    todo = asyncio.run(_reach(target, topics_of.plan))
    _print(todo, _TO_DO, as_json=as_json)
    if todo.refused:
        context.exit(1)


@topics.command()
@_with_target
@_as_json
def apply(target: _Target, *, as_json: bool) -> None:
    """Create what is missing and alter what differs.

    Refuses, and then changes nothing, where a topic would have to shrink, or where one that feeds
    a table would be repartitioned. Doing it again changes nothing and says so.
    """
    done = asyncio.run(_reach(target, topics_of.apply))
    _print(done, _DONE, as_json=as_json)


@topics.command()
@_with_target
@_as_json
@click.pass_context
def check(context: click.Context, target: _Target, *, as_json: bool) -> None:
    """Exit 1 where the broker differs from the file."""
    todo = asyncio.run(_reach(target, topics_of.plan))
    _print(todo, _TO_DO, as_json=as_json)
    if not todo.is_empty:
        context.exit(1)


async def _reach(target: _Target, step: Step) -> Plan:
    def report(line: str) -> None:
        click.echo(line, err=True)

    await topics_of.wait_for_broker(target.bootstrap, target.wait_seconds, report)
    return await step(target.bootstrap, target.specs)


def _print(plan_: Plan, words: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_as_plain(plan_)))
        return
    create, alter, grow, created, altered = words
    lines = [f"{create} {spec.name}: {_shape(spec)}" for spec in plan_.create]
    lines += [f"{grow} {one.topic}: {one.found} -> {one.wanted} partitions" for one in plan_.grow]
    lines += [
        f"{alter} {one.topic}: {one.config} {one.found} -> {one.wanted}" for one in plan_.alter
    ]
    lines += [f"refused: {line}" for line in plan_.refused]
    lines += [f"note: {line}" for line in plan_.notes]
    counts = f"{len(plan_.create)} {created}, {len(plan_.alter) + len(plan_.grow)} {altered}"
    agrees = "; the broker agrees with the file" if plan_.is_empty else ""
    click.echo("\n".join([*lines, counts + agrees]))


def _shape(spec: TopicSpec) -> str:
    copies = f", replication factor {spec.replication_factor}"
    return f"{spec.partitions} partitions{copies}"


def _as_plain(plan_: Plan) -> dict[str, object]:
    return {
        "agrees": plan_.is_empty,
        "create": [spec.name for spec in plan_.create],
        "grow": [asdict(one) for one in plan_.grow],
        "alter": [asdict(one) for one in plan_.alter],
        "refused": list(plan_.refused),
        "notes": list(plan_.notes),
    }
