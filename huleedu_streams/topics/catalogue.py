"""`kafka_topics.yaml` as `TopicSpec`s. Not here: what a broker has (`topics/bootstrap.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic import ValidationError as ShapeError

from huleedu_streams.errors import SettingsError

DEFAULT_APP_ID = "huleedu-streams"
FILE_NAME = "kafka_topics.yaml"
# In a wheel the file lies beside this module, in a checkout at the root.
_PLACES = (Path(__file__).with_name(FILE_NAME), Path(__file__).parents[2] / FILE_NAME)
_KIND_LABEL = "huleedu-streams/kind"


class TopicKind(StrEnum):
    """What a topic is to this system; the label `huleedu-streams/kind`."""

    SOURCE = "source"
    OUTPUT = "output"
    DEAD_LETTER = "dead-letter"
    CHANGELOG = "changelog"

    @property
    def feeds_table(self) -> bool:
        """Whether a table would break if the topic were repartitioned."""
        return self in (TopicKind.SOURCE, TopicKind.CHANGELOG)


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How one topic must be.

    Attributes:
        name: Its name on the broker.
        partitions: How many.
        replication_factor: Copies of each, where the cluster has as many brokers.
        configs: Topic configuration as Kafka writes it.
        kind: What it is to this system.
    """

    name: str
    partitions: int
    replication_factor: int
    configs: Mapping[str, str] = field(default_factory=dict)
    kind: TopicKind = TopicKind.OUTPUT


def catalogue(app_id: str | None = DEFAULT_APP_ID, path: Path | None = None) -> list[TopicSpec]:
    """Return every topic of the system, in the order of the file.

    Args:
        app_id: Whose changelog topics; the file names those of the default app id. None leaves
            changelogs out, for a worker without tables.
        path: Another file than the one that ships with the package.

    Raises:
        SettingsError: the file cannot be read, or is not what it should be.
    """
    specs = _read(path or next((place for place in _PLACES if place.exists()), _PLACES[0]))
    return [
        replace(spec, name=_owned_by(app_id, spec.name)) if app_id is not None else spec
        for spec in specs
        if app_id is not None or spec.kind is not TopicKind.CHANGELOG
    ]


def table_partitions(specs: Iterable[TopicSpec]) -> int:
    """Return the one partition count of all topics that feed a table."""
    return next(spec.partitions for spec in specs if spec.kind.feeds_table)


def fit(spec: TopicSpec, broker_count: int) -> TopicSpec:
    """Return `spec` with no more copies than the cluster has brokers."""
    copies = min(spec.replication_factor, max(1, broker_count))
    configs = dict(spec.configs)
    if "min.insync.replicas" in configs:
        # With as many in-sync copies required as there are, one broker down would stop writes.
        most = max(1, copies - 1) if copies < spec.replication_factor else copies
        configs["min.insync.replicas"] = str(min(int(configs["min.insync.replicas"]), most))
    return replace(spec, replication_factor=copies, configs=MappingProxyType(configs))


def _owned_by(app_id: str, name: str) -> str:
    prefix = f"{DEFAULT_APP_ID}-"
    return f"{app_id}-{name.removeprefix(prefix)}" if name.startswith(prefix) else name


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_DnsName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)
]
_TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]


class _Metadata(_Strict):
    name: _DnsName
    namespace: str | None = None
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)


class _Spec(_Strict):
    topic_name: _TopicName = Field(alias="topicName")
    partitions: int = Field(ge=1)
    replicas: int = Field(ge=1)
    config: dict[str, Annotated[str, BeforeValidator(_plain)]] = Field(default_factory=dict)


class _KafkaTopic(_Strict):
    """One document: what Strimzi's topic operator reads."""

    api_version: Literal["kafka.strimzi.io/v1", "kafka.strimzi.io/v1beta2"] = Field(
        alias="apiVersion"
    )
    kind: Literal["KafkaTopic"]
    metadata: _Metadata
    spec: _Spec

    def to_spec(self) -> TopicSpec:
        """Return what this system needs of the document."""
        return TopicSpec(
            name=self.spec.topic_name,
            partitions=self.spec.partitions,
            replication_factor=self.spec.replicas,
            configs=MappingProxyType(dict(self.spec.config)),
            kind=TopicKind(self.metadata.labels[_KIND_LABEL]),
        )


def _read(path: Path) -> Sequence[TopicSpec]:
    try:
        documents = [part for part in yaml.safe_load_all(path.read_text("utf-8")) if part]
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    specs = [_spec_of(path, place, document) for place, document in enumerate(documents, 1)]
    _check(path, specs)
    return specs


def _spec_of(path: Path, place: int, document: object) -> TopicSpec:
    where = f"{path}, document {place}"
    try:
        return _KafkaTopic.model_validate(document).to_spec()
    except ShapeError as error:
        first = error.errors(include_url=False)[0]
        field_name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{where}: {field_name}: {first['msg']}") from None
    except (KeyError, ValueError):
        kinds = ", ".join(TopicKind)
        raise SettingsError(f"{where}: label {_KIND_LABEL} must be one of {kinds}") from None


def _check(path: Path, specs: Sequence[TopicSpec]) -> None:
    names = [spec.name for spec in specs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"{path} names {twice[0]} twice; remove one document")
    feeding = {spec.partitions for spec in specs if spec.kind.feeds_table}
    if len(feeding) != 1:
        raise SettingsError(
            f"{path}: topics of kind source and changelog must all have one partition count, "
            f"found {sorted(feeding)}"
        )
