"""What `docker compose up` would run, without containers: docker-compose.yml as processes.

Each service has the environment of the image and of its block, word for word, but for what a
container gives it: names of hosts become loopback addresses, folders of volumes temporary ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from huleedu_streams.embedded import broker
from huleedu_streams.embedded.probe import free_port
from tests.integration.workers import RunningWorker, Site, run_command, wait_until_ready

ROOT = Path(__file__).parents[2]
SERVICES: Mapping[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "docker-compose.yml").read_text("utf-8")
)["services"]
IMAGE_ENVIRONMENT = dict(
    re.findall(r"\b(HULEEDU_[A-Z_]+)=(\S+)", (ROOT / "Dockerfile").read_text("utf-8"))
)
TOPIC_SETUP = "kafka_topic_setup"


@dataclass(frozen=True, slots=True)
class Composition:
    """The services that run.

    Attributes:
        bootstrap: Where `kafka` answers.
        workers: Service -> its process.
    """

    bootstrap: str
    workers: Mapping[str, RunningWorker]

    def with_role(self, role: str) -> RunningWorker:
        (found,) = (
            worker
            for name, worker in self.workers.items()
            if SERVICES[name]["environment"]["HULEEDU_ROLES"] == role
        )
        return found


@contextmanager
def composed(folder: Path) -> Iterator[Composition]:
    """Yield the services once all are ready, in the order that `depends_on` asks for."""
    site = Site(broker.start(folder / "kafka").bootstrap, folder)
    names = [name for name, it in SERVICES.items() if "HULEEDU_ROLES" in it.get("environment", {})]
    addresses = {name: f"127.0.0.1:{free_port()}" for name in names}
    places = _Places(folder, {"kafka": site.bootstrap, **addresses})
    try:
        _set_up_topics(places)
        workers = {name: site.start_as(name, places.environment(name)) for name in names}
        wait_until_ready(*workers.values())
        yield Composition(site.bootstrap, workers)
        site.end()
    finally:
        site.kill_all()
        broker.stop(folder / "kafka")


@dataclass(frozen=True, slots=True)
class _Places:
    """Where on this machine a service's host and volume are."""

    folder: Path
    addresses: Mapping[str, str]

    def environment(self, service: str) -> dict[str, str]:
        """Return the service's variables, with this machine's places in them."""
        written = IMAGE_ENVIRONMENT | SERVICES[service]["environment"]
        here = {name: self._translated(value, service) for name, value in written.items()}
        port = self.addresses.get(service, "").rpartition(":")[2]
        return here | ({"HULEEDU_WEB_PORT": port} if port else {})

    def _translated(self, value: str, service: str) -> str:
        for name, address in self.addresses.items():
            value = re.sub(rf"\b{name}:\d+", address, value)
            value = re.sub(rf"^{name}$", address.partition(":")[0], value)
        value = value.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - away with it
        return value.replace("/var/lib/huleedu", str(self.folder / service))


def _set_up_topics(places: _Places) -> None:
    settings = {
        name.removeprefix("HULEEDU_").lower(): value
        for name, value in places.environment(TOPIC_SETUP).items()
    }
    done = run_command("huleedu_streams", *SERVICES[TOPIC_SETUP]["command"], **settings)
    assert done.returncode == 0, done.stderr
