"""The file that ships is consistent; a file that is not is refused with a place and a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from huleedu_streams.contracts.topic_names import TOPIC_NAMES, dead_letter_topic
from huleedu_streams.errors import SettingsError
from huleedu_streams.settings import Settings
from huleedu_streams.topics.catalogue import (
    TopicKind,
    TopicSpec,
    catalogue,
    fit,
    table_partitions,
)

DOCUMENT = """
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: {name: t, labels: {huleedu-streams/kind: source}}
spec: {topicName: T, partitions: 6, replicas: 1, config: {retention.ms: 5, preallocate: true}}
"""


def names_of(kind: TopicKind) -> list[str]:
    return [spec.name for spec in catalogue() if spec.kind is kind]


def configs_of(kind: TopicKind, config: str) -> set[int]:
    return {int(spec.configs[config]) for spec in catalogue() if spec.kind is kind}


def test_every_event_topic_of_the_contracts_is_in_the_file() -> None:
    events = names_of(TopicKind.SOURCE) + names_of(TopicKind.OUTPUT)

    assert sorted(events) == sorted(TOPIC_NAMES.values())


def test_every_topic_that_an_agent_reads_has_its_dead_letter_topic() -> None:
    expected = [dead_letter_topic(name) for name in names_of(TopicKind.SOURCE)]

    assert names_of(TopicKind.DEAD_LETTER) == expected


def test_all_topics_have_the_same_partition_count() -> None:
    assert {spec.partitions for spec in catalogue()} == {table_partitions(catalogue())} == {6}


def test_dead_letters_outlive_events() -> None:
    events = configs_of(TopicKind.SOURCE, "retention.ms")
    events |= configs_of(TopicKind.OUTPUT, "retention.ms")

    assert min(configs_of(TopicKind.DEAD_LETTER, "retention.ms")) >= max(events)


def test_changelogs_are_compacted_and_nothing_else_is() -> None:
    compacted = [s.name for s in catalogue() if s.configs["cleanup.policy"] == "compact"]

    assert compacted == names_of(TopicKind.CHANGELOG)


def test_largest_event_and_largest_dead_letter_fit_their_topics() -> None:
    caps = Settings.model_fields
    largest_event = caps["event_max_bytes"].default
    room_for_key_and_headers = 8_192

    assert min(configs_of(TopicKind.SOURCE, "max.message.bytes")) >= (
        largest_event + room_for_key_and_headers
    )
    assert configs_of(TopicKind.DEAD_LETTER, "max.message.bytes") == {524_288}


def test_changelogs_follow_the_app_id() -> None:
    mine = [spec.name for spec in catalogue("mine") if spec.kind is TopicKind.CHANGELOG]

    assert mine == [
        "mine-essays-changelog",
        "mine-batches-changelog",
        "mine-batch_members-changelog",
    ]
    assert not [s for s in catalogue(None) if s.kind is TopicKind.CHANGELOG]


def test_document_becomes_a_spec_with_text_values(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(DOCUMENT)

    configs = {"retention.ms": "5", "preallocate": "true"}
    assert catalogue(path=path) == [TopicSpec("T", 6, 1, configs, TopicKind.SOURCE)]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("partitions: 6", "partitions: 0", "document 1: spec.partitions"),
        ("partitions: 6", "partitions: '6'", "document 1: spec.partitions"),
        ("replicas: 1", "replicas: 1, colour: red", "document 1: spec.colour"),
        ("name: t", "name: T_t", "document 1: metadata.name"),
        ("kind: source", "kind: sauce", "label huleedu-streams/kind must be one of source"),
        ("huleedu-streams/kind", "kind", "label huleedu-streams/kind must be one of source"),
        ("strimzi.io/v1", "strimzi.io/v1alpha1", "document 1: apiVersion"),
        ("kind: KafkaTopic", "kind: [", "is no YAML"),
        ("kind: source", "kind: output", "must all have one partition count"),
    ],
)
def test_wrong_document_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(DOCUMENT.replace(old, new))

    with pytest.raises(SettingsError) as refused:
        catalogue(path=path)

    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (DOCUMENT, "names T twice"),
        (DOCUMENT.replace("T, partitions: 6", "U, partitions: 3"), r"found \[3, 6\]"),
    ],
    ids=["same name", "other partition count"],
)
def test_documents_that_contradict_each_other_are_refused(
    tmp_path: Path, second: str, reason: str
) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(f"{DOCUMENT}---{second}")

    with pytest.raises(SettingsError, match=reason):
        catalogue(path=path)


def test_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        catalogue(path=tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("brokers", "copies", "in_sync"), [(1, 1, "1"), (2, 2, "1"), (3, 3, "2"), (5, 3, "2")]
)
def test_copies_never_exceed_the_brokers(brokers: int, copies: int, in_sync: str) -> None:
    spec = TopicSpec("t", 6, 3, {"min.insync.replicas": "2"})

    fitted = fit(spec, brokers)

    assert fitted.replication_factor == copies
    assert fitted.configs["min.insync.replicas"] == in_sync
