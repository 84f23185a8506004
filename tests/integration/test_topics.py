"""`topics plan|apply|check` and the worker's preflight against a real broker."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from huleedu_streams.cli import run
from huleedu_streams.errors import TopicMismatchError, TopicMissingError
from huleedu_streams.topics.admin import connected
from huleedu_streams.topics.bootstrap import apply, plan, verify, wait_for_broker
from huleedu_streams.topics.catalogue import TopicKind, TopicSpec, catalogue
from huleedu_streams.topics.comparison import ConfigChange, FoundTopic

pytestmark = pytest.mark.kafka


def a_topic(kind: TopicKind = TopicKind.OUTPUT, partitions: int = 2) -> TopicSpec:
    """A topic that no other test knows."""
    configs = {"cleanup.policy": "delete", "max.message.bytes": "278528"}
    return TopicSpec(f"test.{uuid4().hex}", partitions, 1, configs, kind)


async def found(bootstrap: str, name: str) -> FoundTopic:
    async with connected(bootstrap) as admin:
        return (await admin.found([name]))[name]


async def test_second_apply_of_the_catalogue_creates_nothing(bootstrap: str) -> None:
    specs = catalogue(f"test-{uuid4().hex}")
    first = await apply(bootstrap, specs)

    second = await apply(bootstrap, specs)

    assert {spec.name for spec in first.create} >= {
        spec.name for spec in specs if spec.kind is TopicKind.CHANGELOG
    }
    assert second.is_empty
    await verify(bootstrap, specs)


async def test_two_applies_at_once_create_each_topic_once(bootstrap: str) -> None:
    specs = [a_topic(), a_topic()]

    await asyncio.gather(apply(bootstrap, specs), apply(bootstrap, specs))

    assert (await plan(bootstrap, specs)).is_empty


async def test_apply_alters_what_differs_and_keeps_what_others_set(bootstrap: str) -> None:
    spec = a_topic()
    await apply(bootstrap, [spec])
    by_hand = {**spec.configs, "max.message.bytes": "1000", "retention.ms": "60000"}
    async with connected(bootstrap) as admin:
        await admin.set_configs({spec.name: by_hand})

    done = await apply(bootstrap, [spec])

    assert done.alter == (ConfigChange(spec.name, "max.message.bytes", "1000", "278528"),)
    topic = await found(bootstrap, spec.name)
    assert topic.overrides == {**spec.configs, "retention.ms": "60000"}


async def test_topic_that_feeds_no_table_gets_more_partitions(bootstrap: str) -> None:
    spec = a_topic(TopicKind.DEAD_LETTER)
    await apply(bootstrap, [spec])

    done = await apply(bootstrap, [replace(spec, partitions=5)])

    assert [(change.found, change.wanted) for change in done.grow] == [(2, 5)]
    assert (await found(bootstrap, spec.name)).partitions == 5


@pytest.mark.parametrize(
    ("kind", "partitions"),
    [(TopicKind.SOURCE, 6), (TopicKind.CHANGELOG, 6), (TopicKind.OUTPUT, 1)],
)
async def test_repartitioning_a_table_or_shrinking_is_refused(
    bootstrap: str, kind: TopicKind, partitions: int
) -> None:
    spec, other = a_topic(kind), a_topic()
    await apply(bootstrap, [spec])

    with pytest.raises(TopicMismatchError, match=r"has 2 partitions.*says"):
        await apply(bootstrap, [replace(spec, partitions=partitions), other])

    assert (await found(bootstrap, spec.name)).partitions == 2
    assert [missing.name for missing in (await plan(bootstrap, [other])).create] == [other.name]


async def test_preflight_names_the_topic_that_is_missing(bootstrap: str) -> None:
    spec = a_topic()

    with pytest.raises(TopicMissingError, match=rf"{spec.name} is missing; run: .* topics apply"):
        await verify(bootstrap, [spec])


@pytest.mark.parametrize(
    "wanted",
    [
        {"partitions": 3},
        {"configs": {"cleanup.policy": "compact"}},
        {"configs": {"max.message.bytes": "300000"}},
    ],
    ids=["partitions", "policy", "message size"],
)
async def test_preflight_refuses_a_topic_that_differs(
    bootstrap: str, wanted: dict[str, object]
) -> None:
    spec = a_topic()
    await apply(bootstrap, [spec])

    with pytest.raises(TopicMismatchError, match=r"run: huleedu-streams topics (plan|apply)"):
        await verify(bootstrap, [replace(spec, **wanted)])  # type: ignore[arg-type]


async def test_broker_that_answers_is_not_waited_for(bootstrap: str) -> None:
    lines: list[str] = []

    await wait_for_broker(bootstrap, 10, lines.append)

    assert lines == []


@pytest.fixture
def command(
    bootstrap: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, TopicSpec], tuple[int, dict[str, object]]]:
    """Run `topics STEP --json` on a file of one topic; return the exit code and the answer."""

    def call(step: str, spec: TopicSpec) -> tuple[int, dict[str, object]]:
        document = {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {"name": spec.name, "labels": {"huleedu-streams/kind": spec.kind.value}},
            "spec": {
                "topicName": spec.name,
                "partitions": spec.partitions,
                "replicas": 3,
                "config": dict(spec.configs),
            },
        }
        path = tmp_path / "kafka_topics.yaml"
        path.write_text(yaml.safe_dump(document))
        code = run(["topics", step, "--json", "--broker", bootstrap, "--file", str(path)])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else {}

    return call


def test_check_exits_1_until_apply_made_the_topic(
    command: Callable[[str, TopicSpec], tuple[int, dict[str, object]]],
) -> None:
    spec = a_topic(TopicKind.SOURCE)

    assert command("check", spec)[0] == 1
    code, answer = command("plan", spec)
    assert (code, answer["create"]) == (0, [spec.name])
    code, answer = command("apply", spec)
    assert (code, answer["create"]) == (0, [spec.name])
    assert command("apply", spec)[1]["create"] == []
    code, answer = command("check", spec)
    assert (code, answer["agrees"]) == (0, True)


def test_plan_and_apply_exit_1_where_they_refuse(
    command: Callable[[str, TopicSpec], tuple[int, dict[str, object]]],
) -> None:
    spec = a_topic(TopicKind.SOURCE)
    command("apply", spec)
    bigger = replace(spec, partitions=12)

    code, answer = command("plan", bigger)

    assert code == 1
    assert len(answer["refused"]) == 1  # type: ignore[arg-type]
    assert command("apply", bigger) == (1, {})
    assert command("check", bigger)[0] == 1


def test_people_read_what_was_done_and_what_is_left(
    bootstrap: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app_id = f"test-{uuid4().hex}"
    options = ["--broker", bootstrap, "--app-id", app_id]

    assert run(["topics", "plan", *options]) == 0
    assert run(["topics", "apply", *options]) == 0
    first = capsys.readouterr().out
    assert run(["topics", "apply", *options]) == 0
    second = capsys.readouterr().out

    assert f"create {app_id}-essays-changelog: 6 partitions" in first
    assert f"created {app_id}-essays-changelog: 6 partitions" in first
    assert second.endswith("0 created, 0 altered; the broker agrees with the file\n")


def test_absent_broker_is_one_line_a_retry_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"127.0.0.1:{server.getsockname()[1]}"

    code = run(["topics", "check", "--broker", nobody, "--wait", "0.4"])

    assert code == 2
    retry, error = capsys.readouterr().err.splitlines()
    assert retry.endswith("trying again in 0.25 s")
    assert "start it, or set HULEEDU_BROKER_URL" in error
