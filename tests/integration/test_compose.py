"""docker-compose.yml as four processes, under the smoke test and a real Prometheus."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.compose import Composition, composed
from tests.integration.kafka import until
from tests.integration.monitoring import (
    CONFIG,
    PROMETHEUS,
    PROMTOOL,
    WHY_SKIPPED,
    Prometheus,
    config_for,
    scraping,
)
from tests.integration.smoke import run_smoke_test
from tests.integration.workers import talking_to

pytestmark = pytest.mark.kafka
needs_prometheus = pytest.mark.skipif(not (PROMETHEUS and PROMTOOL), reason=WHY_SKIPPED)

LATENCY = "kafka_message_queue_latency_seconds_count"


@pytest.fixture(scope="module")
def composition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    with composed(tmp_path_factory.mktemp("composed")) as running:
        yield running


def smoke_over(composition: Composition) -> subprocess.CompletedProcess[str]:
    roles = ("content", "batch", "spellcheck", "lifecycle")
    urls = [f"--url={role}={composition.with_role(role).url}" for role in roles]
    return run_smoke_test("--broker", composition.bootstrap, *urls)


def addresses_of(composition: Composition) -> dict[str, str]:
    return {name: worker.url.partition("//")[2] for name, worker in composition.workers.items()}


def promtool(*arguments: str, stdin: str | None = None) -> str:
    """Return what it finds; an empty text is a clean bill."""
    assert PROMTOOL is not None
    done = subprocess.run(  # noqa: S603 - Debian's own
        [PROMTOOL, *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    return done.stderr if done.returncode == 0 else done.stdout + done.stderr + "refused"


def test_smoke_script_passes_over_the_four_services(composition: Composition) -> None:
    done = smoke_over(composition)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert {line.partition(" ")[0] for line in done.stdout.splitlines()} == {"ok"}


def test_smoke_script_says_which_step_failed(composition: Composition) -> None:
    nowhere = "http://127.0.0.1:1"

    done = run_smoke_test("--broker", composition.bootstrap, "--url", nowhere, "--wait", "1")
    wrong = run_smoke_test("--broker", composition.bootstrap, "--url", f"batch={nowhere}")

    assert done.returncode == 1
    assert done.stdout.startswith(f"FAIL the content role is ready at {nowhere}: ")
    assert len(done.stdout.splitlines()) == 1
    assert wrong.returncode == 2
    assert "no --url for content, spellcheck, lifecycle" in wrong.stderr


@needs_prometheus
async def test_prometheus_scrapes_all_four_services(
    composition: Composition, tmp_path: Path
) -> None:
    addresses = addresses_of(composition)
    done = smoke_over(composition)

    async with scraping(addresses, tmp_path) as prometheus:
        await until(lambda: all_up(prometheus, set(addresses.values())), "four targets up")
        measured = await until(
            lambda: series(prometheus, f"sum by (instance) ({LATENCY})"), LATENCY
        )
        ready = await until(lambda: series(prometheus, "huleedu_worker_ready"), "readiness")

    assert done.returncode == 0, done.stdout
    consuming = {composition.with_role(role).url for role in ("spellcheck", "lifecycle")}
    assert {f"http://{address}" for address, count in measured.items() if count} == consuming
    assert ready == dict.fromkeys(addresses.values(), 1.0)


@needs_prometheus
async def test_promtool_finds_nothing_in_any_metrics(composition: Composition) -> None:
    for worker in composition.workers.values():
        async with talking_to(worker) as api:
            assert promtool("check", "metrics", stdin=await api.metrics()) == "", worker.url


@needs_prometheus
def test_promtool_takes_the_configuration_as_committed_and_as_tested(tmp_path: Path) -> None:
    tested = tmp_path / "prometheus.yml"
    tested.write_text(config_for({"batch_service": "127.0.0.1:1"}), "utf-8")

    for config in (CONFIG, tested):
        assert promtool("check", "config", "--lint-fatal", str(config)) == ""


async def all_up(prometheus: Prometheus, wanted: set[str]) -> bool | None:
    targets = await prometheus.targets()
    return True if targets == dict.fromkeys(wanted, "up") else None


async def series(prometheus: Prometheus, expression: str) -> dict[str, float] | None:
    return (await prometheus.query(expression)) or None
