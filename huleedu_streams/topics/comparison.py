"""What a broker's topics lack against the catalogue: pure, so that every case is a unit test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from huleedu_streams.topics.catalogue import FILE_NAME, TopicSpec, fit


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as a broker has it.

    Attributes:
        partitions: How many.
        replication_factor: Copies of its first partition.
        configs: Effective configuration, defaults included.
        overrides: Those entries of `configs` that were set on the topic itself.
    """

    partitions: int
    replication_factor: int
    configs: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One configuration entry that differs."""

    topic: str
    config: str
    found: str | None
    wanted: str


@dataclass(frozen=True, slots=True)
class PartitionChange:
    """A topic that has fewer partitions than it must, and may get more."""

    topic: str
    found: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What `apply` would do.

    Attributes:
        create: Topics that are missing, as they will be made.
        alter: Configuration that differs.
        grow: Topics that may safely get more partitions.
        refused: What must not be done, one line each that says what to do.
        notes: What to know; nothing to do.
    """

    create: tuple[TopicSpec, ...] = ()
    alter: tuple[ConfigChange, ...] = ()
    grow: tuple[PartitionChange, ...] = ()
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the broker agrees with the catalogue."""
        return not (self.create or self.alter or self.grow or self.refused)


def compare(specs: Sequence[TopicSpec], found: Mapping[str, FoundTopic], broker_count: int) -> Plan:
    """Return what separates the broker from `specs`; topics beyond the catalogue are ignored."""
    fitted = [fit(spec, broker_count) for spec in specs]
    present = [(spec, found[spec.name]) for spec in fitted if spec.name in found]
    short = [(spec, topic) for spec, topic in present if spec.partitions != topic.partitions]
    return Plan(
        create=tuple(spec for spec in fitted if spec.name not in found),
        alter=tuple(change for spec, topic in present for change in _config_changes(spec, topic)),
        grow=tuple(
            PartitionChange(spec.name, topic.partitions, spec.partitions)
            for spec, topic in short
            if _refusal(spec, topic) is None
        ),
        refused=tuple(line for spec, topic in short if (line := _refusal(spec, topic))),
        notes=(*_copies_notes(specs, fitted, broker_count), *_replication_notes(present)),
    )


def _config_changes(spec: TopicSpec, topic: FoundTopic) -> list[ConfigChange]:
    return [
        ConfigChange(spec.name, name, topic.configs.get(name), wanted)
        for name, wanted in spec.configs.items()
        if topic.configs.get(name) != wanted
    ]


def _refusal(spec: TopicSpec, topic: FoundTopic) -> str | None:
    """Return why the partition count must stay, and what to do instead; None = it may grow."""
    counts = f"{spec.name} has {topic.partitions} partitions, {FILE_NAME} says {spec.partitions}"
    if spec.partitions < topic.partitions:
        return (
            f"{counts}: Kafka cannot shrink a topic; write {topic.partitions} into the file, "
            "or delete the topic (its records are lost) and apply again"
        )
    if spec.kind.feeds_table:
        return (
            f"{counts}: it feeds a table, whose keys would move to other partitions; write "
            f"{topic.partitions} for every source and changelog topic into the file, or stop the "
            "workers, delete the topic (its records are lost) and apply again"
        )
    return None


def _copies_notes(
    specs: Sequence[TopicSpec], fitted: Sequence[TopicSpec], broker_count: int
) -> tuple[str, ...]:
    lowered = [
        spec.replication_factor
        for spec, fits in zip(specs, fitted, strict=True)
        if fits.replication_factor < spec.replication_factor
    ]
    if not lowered:
        return ()
    brokers = f"{broker_count} broker" + ("s" if broker_count != 1 else "")
    note = f"the cluster has {brokers}: replication factor {broker_count} instead of {max(lowered)}"
    return (note,)


def _replication_notes(present: Sequence[tuple[TopicSpec, FoundTopic]]) -> list[str]:
    return [
        f"{spec.name} has replication factor {topic.replication_factor} instead of "
        f"{spec.replication_factor}; kafka-reassign-partitions changes it"
        for spec, topic in present
        if topic.replication_factor < spec.replication_factor
    ]
