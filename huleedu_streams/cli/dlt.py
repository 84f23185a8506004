"""`huleedu-streams dlt`: what could not be processed, why, and back with it after a fix.

Not here: what is done at Kafka (`dead_letters`), how letters look (`cli.dlt_output`).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

from huleedu_streams.agents.fault_points import fault_points
from huleedu_streams.cli import WrongUsageError
from huleedu_streams.cli.dlt_options import Request, with_request
from huleedu_streams.cli.dlt_output import (
    Listing,
    document_of,
    print_json,
    shown_document,
    shown_lines,
)
from huleedu_streams.cli.escaping import escaped
from huleedu_streams.cli.terminal import progress_bar
from huleedu_streams.dead_letters.log import DeadLetterLog, FoundLetter, OnProgress, open_log
from huleedu_streams.dead_letters.purging import Prefix, delete, planned_purge
from huleedu_streams.dead_letters.replaying import Fate, Replay, Target, open_replayer, planned
from huleedu_streams.dead_letters.selection import reason_shown
from huleedu_streams.errors import TopicMissingError
from huleedu_streams.topics.admin import connected
from huleedu_streams.topics.comparison import FoundTopic

T = TypeVar("T")
_SHOWN = 10

_as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
_yes = click.option("--yes", "is_wanted", is_flag=True, help="Do it; without this, only say it.")


def _limit(default: int) -> Callable[[Callable[..., T]], Callable[..., T]]:
    return click.option(
        "--limit",
        type=click.IntRange(0),
        default=default,
        show_default=True,
        help="At most so many letters; 0 = all.",
    )


@click.group()
def dlt() -> None:
    """Look at dead letters, send them back after a fix, delete them.

    TOPIC is a topic of kafka_topics.yaml, with or without `.DLT`. Partitions, offsets and times
    are those of the dead-letter topic.
    """


@dlt.command("list")
@with_request
@_limit(0)
@_as_json
def list_letters(request: Request, limit: int, *, as_json: bool) -> None:
    """List dead letters, one a line, and count them by reason. Never shows a value."""
    asyncio.run(_list(request, limit, as_json=as_json))


@dlt.command()
@with_request
@_limit(_SHOWN)
@click.option("--value", "with_value", is_flag=True, help="Show values too: they may be essays.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the value of the one letter that is meant into this new file, as it is.",
)
@_as_json
def show(request: Request, limit: int, out: Path | None, *, with_value: bool, as_json: bool) -> int:
    """Show all there is to know of dead letters but their values; exit 1 if there are none."""
    if out is not None:
        return asyncio.run(_save(request, out))
    return asyncio.run(_show(request, limit, with_value=with_value, as_json=as_json))


@dlt.command()
@with_request
@_limit(0)
@_yes
@_as_json
def replay(request: Request, limit: int, *, is_wanted: bool, as_json: bool) -> int:
    """Send dead letters back to the topic and the partition that they came from, each once.

    Original bytes, key and headers, and a header that says whence. A dry run without --yes. What
    was replayed before is left out; exits with 1 where a letter cannot be replayed.
    """
    counts = asyncio.run(_replay(request, limit, is_wanted=is_wanted, as_json=as_json))
    replayed, before, refused = (counts[fate] for fate in Fate)
    verb, hint = ("replayed", "") if is_wanted else ("to replay", "; nothing sent without --yes")
    summary = f"{replayed} {verb}, {before} replayed before, {refused} refused{hint}"
    click.echo(summary, err=as_json)
    return 1 if refused else 0


@dlt.command()
@with_request
@click.option("--all", "with_unreplayed", is_flag=True, help="Also what was never replayed.")
@_yes
@_as_json
def purge(request: Request, *, with_unreplayed: bool, is_wanted: bool, as_json: bool) -> int:
    """Delete dead letters that were replayed, with --all others too. For good.

    Kafka deletes from the beginning of a partition only: the first letter that stays keeps all
    behind it. A dry run without --yes. Exits with 1 where a letter that is meant stays.
    """
    prefixes = asyncio.run(_purge(request, with_unreplayed=with_unreplayed, is_wanted=is_wanted))
    for prefix in prefixes:
        _print_prefix(prefix, is_wanted=is_wanted, as_json=as_json)
    gone = sum(prefix.letters for prefix in prefixes)
    stay = sum(prefix.kept + prefix.behind for prefix in prefixes)
    verb, hint = ("deleted", "") if is_wanted else ("to delete", "; nothing deleted without --yes")
    click.echo(f"{gone} {verb}, {stay} stay though meant{hint}", err=as_json)
    return 1 if stay else 0


async def _list(request: Request, limit: int, *, as_json: bool) -> None:
    listing = Listing(request.source)
    async with _opened(request) as log:
        async for found in _first(limit, log.letters(request.selection)):
            if as_json:
                print_json(document_of(found.letter) | {"replayed": found.is_replayed})
            else:
                listing.add(found)
    if not as_json:
        listing.close()


async def _show(request: Request, limit: int, *, with_value: bool, as_json: bool) -> int:
    count = 0
    async with _opened(request) as log:
        async for found in _first(limit, log.letters(request.selection)):
            count += 1
            if as_json:
                print_json(shown_document(found, with_value=with_value))
            else:
                click.echo("\n".join(shown_lines(found, with_value=with_value)))
    if not count:
        click.echo(f"no such dead letter in {request.topic}", err=True)
    elif count == limit:
        click.echo(f"stopped after {limit}: --limit shows more", err=True)
    return 0 if count else 1


async def _save(request: Request, path: Path) -> int:
    found: list[FoundLetter] = []
    async with _opened(request) as log:
        found = [one async for one in _first(2, log.letters(request.selection))]
    if len(found) != 1:
        count = "more than one letter is" if found else "no letter is"
        raise WrongUsageError(f"--out writes one value, and {count} meant; name it by --offset")
    letter = found[0].letter
    if letter.place.value is None:
        raise WrongUsageError(f"letter {letter.name} has no value (null)")
    try:
        # For nobody else to read: it may be an essay.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(letter.place.value)
    except OSError as error:
        raise WrongUsageError(f"cannot write {path}: {error.strerror}") from None
    click.echo(f"{letter.name}: {letter.value_bytes} bytes in {path}", err=True)
    return 0


async def _replay(request: Request, limit: int, *, is_wanted: bool, as_json: bool) -> Counter[Fate]:
    counts: Counter[Fate] = Counter()
    async for one in _replays(request, limit, is_wanted=is_wanted):
        counts[one.fate] += 1
        _print_replay(request, one, is_wanted=is_wanted, as_json=as_json)
    return counts


async def _replays(request: Request, limit: int, *, is_wanted: bool) -> AsyncIterator[Replay]:
    target = await _target(request)
    if not is_wanted:
        async with _opened(request) as log:
            async for one in planned(log, request.selection, target, limit):
                yield one
        return
    settings = request.settings
    reached = fault_points(settings.fault_points)
    # The replayer first: only then nobody else replays what is in the log.
    async with (
        open_replayer(
            request.bootstrap, request.topic, target, settings.producer_max_request_bytes, reached
        ) as replayer,
        _opened(request) as log,
    ):
        async for one in replayer.replay(log, request.selection, limit):
            yield one


async def _purge(request: Request, *, with_unreplayed: bool, is_wanted: bool) -> list[Prefix]:
    async with _opened(request) as log:
        prefixes = [
            prefix
            async for prefix in planned_purge(
                log, request.selection, with_unreplayed=with_unreplayed
            )
        ]
    if is_wanted:
        await delete(request.bootstrap, request.topic, prefixes)
    return prefixes


@asynccontextmanager
async def _opened(request: Request) -> AsyncIterator[DeadLetterLog]:
    """Open the dead-letter topic; a terminal is told how far it has been read."""
    found = await _found(request)
    with _progress() as (start, advance):
        async with open_log(
            request.bootstrap, request.topic, found[request.topic].partitions, advance
        ) as log:
            start(2 * log.record_count)  # for the marks, then for the letters
            yield log


async def _target(request: Request) -> Target:
    topic = (await _found(request))[request.source]
    return Target(request.source, topic.partitions, int(topic.configs["max.message.bytes"]))


async def _found(request: Request) -> Mapping[str, FoundTopic]:
    async with connected(request.bootstrap) as admin:
        found = await admin.found((request.source, request.topic))
    for name in (request.source, request.topic):
        if name not in found:
            raise TopicMissingError(
                f"topic {name} is missing at {request.bootstrap}; run: huleedu-streams topics apply"
            )
    return found


@contextmanager
def _progress() -> Iterator[tuple[Callable[[int], None], OnProgress]]:
    """Give what sets the goal and what comes nearer to it; both do nothing in a pipe."""
    # Where the rows themselves go to the terminal they tell enough.
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield (lambda _total: None), (lambda _count: None)
        return
    with progress_bar() as bar:
        task = bar.add_task("read", total=None)
        yield (
            lambda total: bar.update(task, total=total),
            lambda count: bar.update(task, advance=count),
        )


async def _first(limit: int, letters: AsyncIterator[FoundLetter]) -> AsyncIterator[FoundLetter]:
    """Yield at most `limit` of them; 0 = all."""
    count = 0
    async for found in letters:
        yield found
        count += 1
        if count == limit:
            return


def _print_replay(request: Request, one: Replay, *, is_wanted: bool, as_json: bool) -> None:
    letter = one.letter
    if as_json:
        print_json(
            document_of(letter)
            | {"fate": one.fate, "dry_run": not is_wanted, "why": one.why or None}
            | {"target_topic": request.source, "target_partition": one.partition}
        )
        return
    name = f"{letter.name}  {escaped(reason_shown(letter), 32)}"
    if one.fate is Fate.REFUSED:
        click.echo(f"refused       {name}: {one.why}")
    elif one.fate is Fate.REPLAYED:
        where = "by its key" if one.partition is None else f"partition {one.partition}"
        verb = "replayed    " if is_wanted else "would replay"
        click.echo(f"{verb}  {name} -> {request.source}, {where}")


def _print_prefix(prefix: Prefix, *, is_wanted: bool, as_json: bool) -> None:
    if as_json:
        print_json(asdict(prefix) | {"dry_run": not is_wanted})
        return
    if not prefix.deletes and prefix.stopped_at is None:
        return
    verb = "deleted" if is_wanted else "would delete"
    words = [f"partition {prefix.partition}: {verb} {prefix.letters} dead letters"]
    if prefix.unreplayed:
        words.append(f"{prefix.unreplayed} of them never replayed")
    if prefix.deletes:
        words.append(f"all before offset {prefix.before}")
    if prefix.stopped_at is not None:
        words.append(f"{prefix.partition}/{prefix.stopped_at} stays: {prefix.stopped_by}")
    if prefix.kept:
        words.append(f"{prefix.kept} not replayed, --all takes them too")
    if prefix.behind:
        words.append(f"{prefix.behind} behind it stay, Kafka deletes from the beginning only")
    click.echo("; ".join(words))
