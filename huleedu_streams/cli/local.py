"""`huleedu-streams up` and `down`: a Kafka, its topics and one worker that stay, in `DATA_DIR`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass

import click

from huleedu_streams.cli.client import open_own_client
from huleedu_streams.cli.stack import (
    apply_topics,
    find_worker,
    spawn_worker,
    stop_worker,
    wait_until_ready,
)
from huleedu_streams.embedded import broker, process
from huleedu_streams.errors import StartupError
from huleedu_streams.settings import Role, Settings, load_settings

_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@dataclass(frozen=True, slots=True)
class Running:
    """What `up` leaves behind."""

    bootstrap: str
    broker_pid: int
    worker_url: str
    worker_pid: int
    topics_created: int


@click.command()
@_as_json
def up(*, as_json: bool) -> None:
    """Start Kafka, topics and one worker, and leave them running.

    Settings are read as always: HULEEDU_BROKER_URL and HULEEDU_WEB_PORT say on which ports,
    HULEEDU_DATA_DIR where Kafka, tables and logs lie, HULEEDU_CONTENT_STORE_URL where texts lie.
    What runs already is left alone.
    """
    running = asyncio.run(_up(load_settings()))
    if as_json:
        click.echo(json.dumps(asdict(running)))
        return
    click.echo(f"Kafka    {running.bootstrap} (pid {running.broker_pid})")
    click.echo(f"topics   {running.topics_created} created")
    click.echo(f"worker   {running.worker_url} (pid {running.worker_pid})")
    click.echo("next     huleedu-streams submit FILE… --wait; make down stops everything")


@click.command()
@_as_json
def down(*, as_json: bool) -> None:
    """Stop what `up` started; the data stays."""
    data_dir = load_settings().data_dir
    stopped = {"worker": stop_worker(data_dir), "broker": broker.stop(data_dir / "broker")}
    if as_json:
        click.echo(json.dumps(stopped))
    else:
        for part, was_running in stopped.items():
            click.echo(f"{part}   {'stopped' if was_running else 'was not running'}")


async def _up(settings: Settings) -> Running:
    data_dir = settings.data_dir
    address = broker.start(data_dir / "broker", _broker_port(settings))
    app_id = settings.faust_app_id if Role.LIFECYCLE in settings.roles else None
    created = await apply_topics(address.bootstrap, app_id)
    pid = find_worker(data_dir / "worker.pid") or spawn_worker(data_dir)
    async with open_own_client(settings) as client:
        await wait_until_ready(client, lambda: process.is_alive(pid), data_dir / "worker.log")
        return Running(address.bootstrap, address.pid, client.url, pid, created)


def _broker_port(settings: Settings) -> int:
    host, _, port = settings.bootstrap_servers.partition(":")
    if host not in _LOOPBACK or not port.isdigit():
        raise StartupError(
            f"`up` starts a Kafka on this machine, but HULEEDU_BROKER_URL is "
            f"{settings.broker_url}; unset it, or run `huleedu-streams worker` alone"
        )
    return int(port)
