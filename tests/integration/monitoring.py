"""A real Prometheus that scrapes workers with the committed configuration."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from huleedu_streams.embedded.probe import free_port
from tests.integration.kafka import until

CONFIG = Path(__file__).parents[2] / "deploy" / "prometheus.yml"
PROMETHEUS = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")
WHY_SKIPPED = "no prometheus and promtool on the PATH: apt-get install prometheus"


def config_for(addresses: Mapping[str, str]) -> str:
    """Return the committed configuration with these addresses, service by service.

    It scrapes each second, so that a test need not wait for a quarter of a minute.
    """
    text = CONFIG.read_text("utf-8").replace("scrape_interval: 15s", "scrape_interval: 1s")
    for service, address in addresses.items():
        text = re.sub(rf"\b{service}:\d+", address, text)
    return text


class Prometheus:
    """Its HTTP interface; made by `scraping`."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def targets(self) -> dict[str, str]:
        """Return address -> health of what it scrapes."""
        found = await self._ask("/api/v1/targets?state=active")
        return {one["labels"]["instance"]: one["health"] for one in found["activeTargets"]}

    async def query(self, expression: str) -> dict[str, float]:
        """Return address -> value."""
        found = await self._ask("/api/v1/query", query=expression)
        return {one["metric"]["instance"]: float(one["value"][1]) for one in found["result"]}

    async def _ask(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        async with self._session.get(self._url + path, params=parameters) as answer:
            return (await answer.json())["data"]

    async def is_ready(self) -> bool | None:
        try:
            async with self._session.get(self._url + "/-/ready") as answer:
                return answer.ok or None
        except aiohttp.ClientError:
            return None


@asynccontextmanager
async def scraping(addresses: Mapping[str, str], folder: Path) -> AsyncIterator[Prometheus]:
    """Yield a Prometheus that scrapes these addresses."""
    assert PROMETHEUS is not None
    config = folder / "prometheus.yml"
    config.write_text(config_for(addresses), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        running = subprocess.Popen(  # noqa: ASYNC220, S603 - starts at once; our own command line
            [
                PROMETHEUS,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address={address}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        async with aiohttp.ClientSession() as session:
            prometheus = Prometheus(session, f"http://{address}")
            await until(prometheus.is_ready, f"Prometheus; see {log}")
            yield prometheus
    finally:
        running.terminate()
        running.wait()
