"""What the commands of `huleedu-streams dlt` are told: a topic, and which of its letters."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from huleedu_streams.cli import WrongUsageError
from huleedu_streams.cli.escaping import escaped
from huleedu_streams.contracts.topic_names import DEAD_LETTER_SUFFIX, dead_letter_topic
from huleedu_streams.dead_letters.selection import OffsetRange, Selection
from huleedu_streams.settings import Settings, load_settings
from huleedu_streams.topics.catalogue import TopicKind, catalogue

P = ParamSpec("P")
R = TypeVar("R")
_OFFSETS = re.compile(r"^(?:(\d{1,9})/)?(?:(\d{1,18})|(\d{1,18})?\.\.(\d{1,18})?)$", re.ASCII)
_AGO = re.compile(r"^(\d{1,6})([smhd])$", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Request:
    """One command line.

    Attributes:
        source: The topic that the letters were read from.
        topic: Their dead-letter topic.
        selection: Which of them.
    """

    settings: Settings
    bootstrap: str
    source: str
    topic: str
    selection: Selection


class _Offsets(click.ParamType):
    name = "offsets"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> OffsetRange:
        del param, ctx
        match = _OFFSETS.match(str(value))
        if match is None:
            raise WrongUsageError(
                f"--offset {escaped(str(value), 40)}: write 41, 3/41 (partition 3), 41..50, 41.. "
                "or ..50"
            )
        partition, only, first, last = match.groups()
        return OffsetRange(
            None if partition is None else int(partition),
            int(only or first or 0),
            int(only or last) if only or last else None,
        )


class _Moment(click.ParamType):
    name = "moment"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        del ctx
        option = f"--{param.name}" if param is not None else "the time"
        text = str(value)
        ago = _AGO.match(text)
        try:
            if ago is not None:
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            moment = datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            raise WrongUsageError(
                f"{option} {escaped(text, 40)}: write 2026-11-24, 2026-11-24T10:00:00Z "
                "or an age such as 90m, 2h or 7d"
            ) from None
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def resolved(name: str) -> tuple[str, str]:
    """Return the source topic and the dead-letter topic that `name`, one of the two, means.

    Raises:
        WrongUsageError: neither is in the catalogue.
    """
    known = [spec.name for spec in catalogue(None) if spec.kind is TopicKind.DEAD_LETTER]
    source = name.removesuffix(DEAD_LETTER_SUFFIX)
    if dead_letter_topic(source) not in known:
        sources = ", ".join(topic.removesuffix(DEAD_LETTER_SUFFIX) for topic in known)
        raise WrongUsageError(
            f"{escaped(name, 80)} has no dead-letter topic here; those that have one: {sources}"
        )
    return source, dead_letter_topic(source)


def with_request(command: Callable[Concatenate[Request, P], R]) -> Callable[..., R]:
    """Give a command the topic, the broker and the filters, as one `Request`."""

    @click.argument("topic")
    @click.option("--broker", metavar="HOST:PORT", help="The broker; HULEEDU_BROKER_URL.")
    @click.option(
        "--reason", "reasons", multiple=True, help="Only letters of this reason; may be repeated."
    )
    @click.option(
        "--key", "keys", multiple=True, help="Only letters of this key, as `list` prints it."
    )
    @click.option(
        "--partition", "partitions", type=click.IntRange(0), multiple=True, help="Only of this one."
    )
    @click.option(
        "--offset",
        "offsets",
        type=_Offsets(),
        multiple=True,
        metavar="[PARTITION/]OFFSETS",
        help="Only these: 41, 3/41, 41..50, 41.. or ..50; may be repeated.",
    )
    @click.option("--since", type=_Moment(), help="Stored then or later: ISO 8601, or 2h, 7d.")
    @click.option("--until", type=_Moment(), help="Stored before then.")
    @wraps(command)
    def wrapped(topic: str, broker: str | None, *arguments: P.args, **options: P.kwargs) -> R:
        source, letters = resolved(topic)
        settings = load_settings()
        request = Request(
            settings=settings,
            bootstrap=broker.removeprefix("kafka://") if broker else settings.bootstrap_servers,
            source=source,
            topic=letters,
            selection=_selection(options),
        )
        return command(request, *arguments, **options)

    return wrapped


def _selection(options: dict[str, Any]) -> Selection:
    """Take the filters out of `options`."""
    keys = frozenset(options.pop("keys"))
    return Selection(
        reasons=frozenset(options.pop("reasons")),
        has_key=(lambda key: _is_one_of(key, keys)) if keys else None,
        partitions=frozenset(options.pop("partitions")),
        offsets=tuple(options.pop("offsets")),
        since=options.pop("since"),
        until=options.pop("until"),
    )


def _is_one_of(key: bytes | None, wanted: frozenset[str]) -> bool:
    if key is None:
        return False
    return escaped(key) in wanted or key.decode("utf-8", errors="surrogateescape") in wanted
