"""The wrapper round every event, and the small types that all events share.

Shapes are HuleEdu's. Reading is strict (no string, float or bool for an int; aware timestamps
only) and tolerant of additions (unknown fields are ignored).
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID, uuid4, uuid5

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

SCHEMA_VERSION = 1
SUPPORTED_SCHEMA_VERSIONS = frozenset({1})
# All ids derived from an event live in this namespace, so a replay derives the same ones.
EVENT_NAMESPACE = UUID("7d0c2b1e-5d0a-5f0e-9d53-6c1e7a1f4a11")

# Members of `metadata`.
RESEND_OF = "resend_of"
RESEND_COUNT = "resend_count"

_SMALL_COUNT = re.compile(r"^[0-9]{1,4}\Z")
_ISO_START = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")


def _parse(value: object) -> object:
    """Read ISO 8601 alone: a bare number, also one in quotes, names no time zone."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and _ISO_START.match(value):
        # The parser's own message quotes what was sent.
        with suppress(ValueError):
            # RFC 3339 allows `z` for `Z`; Python reads only the latter.
            return datetime.fromisoformat(value.upper())
    raise ValueError("no ISO 8601 timestamp with a time zone")


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the timestamp lies outside the years 1 to 9999 in UTC") from None


ENTITY_ID = re.compile(r"^[A-Za-z0-9_-]{1,128}\Z")
EntityId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
# What stands in a batch's place in the routes of the HTTP surface.
RESERVED_BATCH_IDS = frozenset({"register", "trigger-spellcheck-test"})
UtcDatetime = Annotated[AwareDatetime, BeforeValidator(_parse), AfterValidator(_to_utc)]
# Rows and JSON readers hold 64-bit integers; nothing here counts further than 32 bits.
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]
# A sum over a batch: what every JSON reader holds exactly, far above 10,000 essays' largest counts.
Total = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]
LANGUAGE_TAG = re.compile(r"^[A-Za-z0-9-]{1,35}\Z")
LanguageTag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,35}$")]


class WireModel(BaseModel):
    """Base of everything on a topic: frozen, strict, tolerant of unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


DataT = TypeVar("DataT", bound=WireModel)


class EventEnvelope(WireModel, Generic[DataT]):
    """A fact and where it came from. The body is the authority; Kafka headers mirror it."""

    event_id: UUID = Field(
        default_factory=uuid4,
        description="unique per fact; repeats keep it; every event read must have one",
    )
    event_type: str = Field(
        min_length=1,
        max_length=255,
        description="the topic, e.g. huleedu.essay.spellcheck.requested.v1",
    )
    event_timestamp: UtcDatetime = Field(
        default_factory=lambda: datetime.now(UTC),
        description="when it happened, UTC; every event read must have one",
    )
    source_service: str = Field(max_length=128, description="who says so, e.g. batch-service")
    schema_version: int = Field(default=SCHEMA_VERSION, description="of `data`; 1 if absent")
    correlation_id: UUID | None = Field(default=None, description="the request's trace")
    data_schema_uri: str | None = Field(default=None, max_length=2048)
    metadata: dict[str, str] | None = Field(
        default=None, description="additive; `causation_id` names the event that caused this one"
    )
    data: DataT

    @property
    def causation_id(self) -> str | None:
        """The event that caused this one, as `str(UUID)`; `None` if absent or no UUID at all."""
        return self._named_event("causation_id")

    @property
    def resend_of(self) -> str | None:
        """The request that this one asks for again, as `causation_id`."""
        return self._named_event(RESEND_OF)

    @property
    def resend_count(self) -> int:
        """How often that request was asked again, this time included; 0 if this is none."""
        count = (self.metadata or {}).get(RESEND_COUNT, "")
        return int(count) if _SMALL_COUNT.match(count) else 0

    def _named_event(self, name: str) -> str | None:
        try:
            return str(UUID((self.metadata or {})[name]))
        except (KeyError, ValueError):
            return None


def derived_id(source: UUID | str, step: str) -> UUID:
    """Return the id of what `step` makes of an event or entity; the same for every replay."""
    return uuid5(EVENT_NAMESPACE, f"{source}/{step}")
