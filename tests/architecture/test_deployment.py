"""Dockerfile, docker-compose.yml and workflows: what their linters do not know of this project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import huleedu_streams
from huleedu_streams.embedded.jars import KAFKA_VERSION
from huleedu_streams.settings import Role, Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: it for name, it in SERVICES.items() if it["image"].startswith("huleedu-streams:")}
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_image_and_its_users_name_this_version() -> None:
    version = huleedu_streams.__version__

    assert f'org.opencontainers.image.version="{version}"' in DOCKERFILE
    assert {service["image"] for service in OURS.values()} == {f"huleedu-streams:{version}"}
    smoke = (ROOT / ".github" / "workflows" / "smoke_test.yml").read_text("utf-8")
    assert f"tags: huleedu-streams:{version}\n" in smoke


def test_compose_runs_every_role_and_only_settings_that_exist() -> None:
    environments = [service.get("environment", {}) for service in OURS.values()]
    named = {name.removeprefix("HULEEDU_").lower() for one in environments for name in one}

    roles = sorted(one["HULEEDU_ROLES"] for one in environments if "HULEEDU_ROLES" in one)
    assert roles == sorted(Role)
    assert named <= Settings.model_fields.keys()


def test_compose_runs_the_kafka_that_the_tests_run() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_bounded_restarts_and_listens_on_loopback_only(name: str) -> None:
    service = SERVICES[name]

    assert service["mem_limit"]
    assert service["restart"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", OURS)
def test_service_of_ours_writes_nowhere_but_to_its_state(name: str) -> None:
    service = OURS[name]
    volumes = [volume.partition(":")[2] for volume in service.get("volumes", [])]
    targets = sorted(mount.partition(":")[0] for mount in [*service["tmpfs"], *volumes])

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert targets == ["/tmp", "/var/lib/huleedu"]  # noqa: S108 - in a container


def test_topics_come_before_everything_that_needs_them() -> None:
    waiting = [service["depends_on"] for name, service in OURS.items() if name.endswith("_service")]

    assert len(waiting) == len(Role)
    assert all(
        needs == {"kafka_topic_setup": {"condition": "service_completed_successfully"}}
        for needs in waiting
    )
    assert SERVICES["kafka_topic_setup"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"}
    }


def test_grace_period_leaves_time_for_a_stop() -> None:
    stop_seconds: float = Settings.model_fields["stop_timeout_seconds"].default

    graces = [one["stop_grace_period"] for one in OURS.values() if "stop_grace_period" in one]

    assert len(graces) == len(Role)
    assert all(float(grace.removesuffix("s")) > stop_seconds for grace in graces)


def test_image_is_built_from_hashes_and_runs_as_a_number() -> None:
    installs = re.findall(r"pip install [^\n]*", DOCKERFILE)

    assert all("--require-hashes" in one or "--no-build-isolation" in one for one in installs)
    assert re.search(r"^USER \d+:\d+$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^STOPSIGNAL SIGTERM$", DOCKERFILE, re.MULTILINE)
    assert "/readyz" in DOCKERFILE.partition("HEALTHCHECK")[2]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_pins_each_action_by_commit(workflow: Path) -> None:
    used = re.findall(r"uses: (.*)", workflow.read_text("utf-8"))

    assert used
    assert [one for one in used if not re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+", one)] == []
