"""Every way in which a broker can differ from the catalogue."""

from __future__ import annotations

import pytest

from huleedu_streams.topics.catalogue import TopicKind, TopicSpec
from huleedu_streams.topics.comparison import (
    ConfigChange,
    FoundTopic,
    PartitionChange,
    Plan,
    compare,
)


def a_spec(kind: TopicKind = TopicKind.OUTPUT, partitions: int = 6, copies: int = 1) -> TopicSpec:
    return TopicSpec("t", partitions, copies, {"retention.ms": "7"}, kind)


def a_topic(partitions: int = 6, copies: int = 1, retention: str = "7") -> FoundTopic:
    return FoundTopic(partitions, copies, {"retention.ms": retention, "preallocate": "false"})


def test_topic_as_the_catalogue_has_it_needs_nothing() -> None:
    assert compare([a_spec()], {"t": a_topic(), "other": a_topic(1)}, 1) == Plan()


def test_missing_topic_is_created() -> None:
    assert compare([a_spec()], {}, 1) == Plan(create=(a_spec(),))


def test_only_configuration_that_differs_is_altered() -> None:
    plan = compare([a_spec()], {"t": a_topic(retention="8")}, 1)

    assert plan == Plan(alter=(ConfigChange("t", "retention.ms", "8", "7"),))


@pytest.mark.parametrize("kind", list(TopicKind))
def test_only_topics_that_feed_no_table_may_grow(kind: TopicKind) -> None:
    plan = compare([a_spec(kind)], {"t": a_topic(2)}, 1)

    if kind.feeds_table:
        assert plan.grow == ()
        assert "it feeds a table" in plan.refused[0]
    else:
        assert plan == Plan(grow=(PartitionChange("t", 2, 6),))


@pytest.mark.parametrize("kind", list(TopicKind))
def test_no_topic_may_shrink(kind: TopicKind) -> None:
    plan = compare([a_spec(kind)], {"t": a_topic(12)}, 1)

    assert plan.grow == ()
    assert "cannot shrink" in plan.refused[0]
    assert "write 12 into the file" in plan.refused[0]


def test_copies_are_lowered_to_the_brokers_with_one_note() -> None:
    specs = [a_spec(copies=3), TopicSpec("u", 6, 3)]

    plan = compare(specs, {}, 1)

    assert [spec.replication_factor for spec in plan.create] == [1, 1]
    assert plan.notes == ("the cluster has 1 broker: replication factor 1 instead of 3",)


def test_topic_with_too_few_copies_is_noted_and_no_drift() -> None:
    plan = compare([a_spec(copies=3)], {"t": a_topic(copies=1)}, 3)

    assert plan.is_empty
    assert "kafka-reassign-partitions" in plan.notes[0]
