"""Every knob, read once from `HULEEDU_…` variables and an optional `huleedu.env`.

Nothing else in the package reads the environment. Units stand in the names.
"""

from __future__ import annotations

import difflib
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic import model_validator as check_model
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from huleedu_streams.errors import SettingsError

ENV_PREFIX = "HULEEDU_"
ENV_FILE = "huleedu.env"
DEFAULT_WEB_PORT = 6066
# Variables of this prefix that other parts of the project read: Faust's own, tests, benches.
_FOREIGN_PREFIXES = ("HULEEDU_FAUST_", "HULEEDU_TEST_", "HULEEDU_SPELLING_", "HULEEDU_BENCH_")
_SERVICE_LINK = re.compile(
    r"_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_[A-Z]+)?)?)\Z"
)


class Role(StrEnum):
    """What a worker runs; each is one HuleEdu service."""

    CONTENT = "content"
    BATCH = "batch"
    SPELLCHECK = "spellcheck"
    LIFECYCLE = "lifecycle"


class SpellEngine(StrEnum):
    """How the speller chooses among candidates."""

    RANKED = "ranked"
    EXACT = "exact"


class LogFormat(StrEnum):
    """How log lines look; `auto` is `console` on a terminal and `json` elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _not_empty(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("name at least one")
    return value


def _unless_service_link(value: object) -> object:
    """Take a Service called `huleedu-web` for what it is: no word of ours about a port."""
    is_link = isinstance(value, str) and value.startswith(("tcp://", "udp://"))
    return DEFAULT_WEB_PORT if is_link else value


Port = Annotated[int, BeforeValidator(_unless_service_link)]
CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Roles = Annotated[frozenset[Role], NoDecode, BeforeValidator(_split)]
Languages = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_not_empty)
]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """The configuration of one process; frozen."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )

    # Who this process is
    roles: Roles = Field(
        default=frozenset(Role), description="content, batch, spellcheck, lifecycle"
    )
    app_id: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$",
        description="Kafka consumer group and prefix of changelog topics; follows from the roles",
    )
    data_dir: Path = Field(default=Path("var"), description="RocksDB and locks; one per worker")
    log_format: LogFormat = Field(default=LogFormat.AUTO, description="auto, json or console")
    log_level: str = Field(
        default="INFO",
        pattern=r"^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$",
        description="lowest level written",
    )

    # Kafka
    broker_url: str = Field(
        default="kafka://127.0.0.1:9092",
        pattern=r"^kafka://[^\s/]+$",
        description="bootstrap servers, kafka://host:port[;host:port]",
    )
    broker_wait_seconds: float = Field(
        default=60, ge=0, description="how long a start waits for an absent broker, 0 = for ever"
    )
    instance_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,249}$",
        description="static group member: a name for this worker, unique, kept over restarts",
    )
    session_timeout_seconds: float = Field(
        default=10, gt=0, description="silence after which Kafka gives a worker's partitions away"
    )
    event_max_bytes: int = Field(default=262_144, gt=0, description="largest event read")
    producer_max_request_bytes: int = Field(
        default=335_544_320, gt=0, description="largest record produced, before compression"
    )
    window_events: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="essays checked side by side; 16 times as many may wait behind a slow one",
    )
    publish_timeout_seconds: float = Field(
        default=10, gt=0, description="how long an HTTP request waits for the broker's ack"
    )

    # HTTP
    web_bind: str = Field(default="127.0.0.1", description="address the web server listens on")
    web_host: str | None = Field(
        default=None, description="address at which peers reach this worker; WEB_BIND"
    )
    web_port: Port = Field(
        default=DEFAULT_WEB_PORT, ge=1, le=65_535, description="port of the web server"
    )
    api_tokens: Secrets = Field(
        default=(), description="bearer tokens that requests under /v1 must carry one of; none"
    )
    api_tokens_file: Path | None = Field(default=None, description="file of tokens, one a line")
    route_timeout_seconds: float = Field(
        default=2, gt=0, description="how long the owning worker may take to begin its answer"
    )

    # Content store
    content_store_url: str = Field(
        default="file:var/content",
        pattern=r"^(file:.+|https?://.+|s3://[a-z0-9][a-z0-9.-]+(/.*)?)$",
        description="file:path, http://host:port/v1/content or s3://bucket/prefix",
    )
    content_store_token: SecretStr | None = Field(
        default=None, description="bearer token for an http content store"
    )
    content_store_token_file: Path | None = Field(
        default=None, description="file that holds that token"
    )
    s3_endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="address of a store that speaks S3 and is not Amazon's",
    )
    s3_credentials_file: Path | None = Field(
        default=None,
        description="access key id and its secret, a line each; else AWS_ACCESS_KEY_ID and so on",
    )
    content_timeout_seconds: float = Field(
        default=10, gt=0, description="bound on one request to the content store"
    )
    text_max_bytes: int = Field(default=1_048_576, gt=0, description="largest text stored")
    batch_max_essays: int = Field(
        default=5_000,
        ge=1,
        le=10_000,
        description="most essays of one batch; registration fits an event",
    )

    # Spelling
    languages: Languages = Field(default=("en",), description="languages served")
    l2_dictionary: Path | None = Field(
        default=None, description="learners' errors to correct first, wrong:right a line"
    )
    spell_engine: SpellEngine = Field(default=SpellEngine.RANKED, description="ranked or exact")
    spell_processes: int = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 2) - 1),
        ge=0,
        le=256,
        description="processes that check texts, as many again for large ones; 0 = none, in slices",
    )
    spell_timeout_seconds: float = Field(
        default=60, gt=0, description="bound on the check of one text"
    )

    # Failures
    dependency_poll_seconds: float = Field(
        default=2, gt=0, description="how often a waiting agent asks whether it is back"
    )
    text_tries: int = Field(
        default=5, ge=1, description="tries of one text while the store is healthy"
    )
    unexpected_tries: int = Field(
        default=3, ge=1, description="tries after an unexpected error, before the dead letter"
    )
    wedged_after_seconds: float = Field(
        default=300,
        ge=0,
        description="lag without progress after which /livez fails; above SPELL_TIMEOUT, 0 = off",
    )
    stuck_after_seconds: float = Field(
        default=600,
        ge=0,
        description="silence about a request that the speller has read, before it is asked again,"
        " 0 = never",
    )
    spellcheck_group: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,249}$",
        description="consumer group of the speller, to know what it has read; follows from the"
        " roles",
    )
    batch_deadline_seconds: float = Field(
        default=0,
        ge=0,
        description="age at which a batch gets an outcome that lists what is missing, 0 = never",
    )
    scrub_interval_seconds: float = Field(
        default=3600, ge=0, description="pause between two readings-through of all tables, 0 = off"
    )
    disk_free_min_bytes: int = Field(
        default=67_108_864,
        ge=0,
        description="free space that a start with tables waits for in `HULEEDU_DATA_DIR`",
    )
    stop_timeout_seconds: float = Field(
        default=8,
        gt=0,
        description="how long a stop may take; then the process ends, and loses nothing by it",
    )
    fault_points: CommaSeparated = Field(
        default=(),
        description="tests only: where the process kills or stalls itself, e.g. before-ack@3:stall",
    )

    @property
    def faust_app_id(self) -> str:
        """The Faust app id: the group of all processes with these roles."""
        if self.app_id is not None:
            return self.app_id
        if Role.LIFECYCLE in self.roles:
            return "huleedu-streams"
        return "-".join(["huleedu-streams", *sorted(self.roles)])

    @property
    def speller_group(self) -> str:
        """The consumer group that answers requests."""
        if self.spellcheck_group is not None:
            return self.spellcheck_group
        return self.faust_app_id if Role.SPELLCHECK in self.roles else "huleedu-streams-spellcheck"

    @property
    def has_agents(self) -> bool:
        """Whether any role here consumes."""
        return bool(self.roles & {Role.SPELLCHECK, Role.LIFECYCLE})

    @property
    def needs_kafka(self) -> bool:
        """Whether any role here speaks to Kafka; a pure content role does not."""
        return self.roles != frozenset({Role.CONTENT})

    @property
    def bootstrap_servers(self) -> str:
        """The broker addresses as Kafka clients want them, comma separated."""
        return self.broker_url.removeprefix("kafka://").replace(";", ",")

    def tokens(self) -> tuple[str, ...]:
        """Return the accepted bearer tokens, those of the file included.

        Raises:
            SettingsError: tokens are asked for and none is named; that must not let everyone in.
        """
        given = tuple(token.get_secret_value() for token in self.api_tokens)
        tokens = given + tuple(_lines(self.api_tokens_file))
        if not tokens and self.model_fields_set & {"api_tokens", "api_tokens_file"}:
            raise SettingsError(
                "HULEEDU_API_TOKENS and its file name no token; name one or unset both"
            )
        return tokens

    def content_token(self) -> str | None:
        """Return the bearer token for an http content store, if there is one."""
        if self.content_store_token is not None:
            return self.content_store_token.get_secret_value()
        return next(iter(_lines(self.content_store_token_file)), None)

    def s3_credentials(self) -> tuple[str, str] | None:
        """Return the access key id and its secret, if a file holds them.

        Raises:
            SettingsError: the file cannot be read, or is not of two lines.
        """
        if self.s3_credentials_file is None:
            return None
        match _lines(self.s3_credentials_file):
            case [key_id, secret]:
                return key_id, secret
        raise SettingsError(
            f"{self.s3_credentials_file}: an access key id and its secret are two lines"
        )

    @check_model(mode="after")
    def _check(self) -> Self:
        if not self.roles:
            raise ValueError("roles: name at least one of content, batch, spellcheck, lifecycle")
        if self.producer_max_request_bytes <= self.event_max_bytes:
            raise ValueError("producer_max_request_bytes must be above event_max_bytes")
        if 0 < self.wedged_after_seconds <= self.spell_timeout_seconds:
            raise ValueError("wedged_after_seconds must be 0 or above spell_timeout_seconds")
        return self


def _lines(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from None
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error


def _not_utf8(path: Path, error: UnicodeDecodeError) -> SettingsError:
    return SettingsError(f"cannot read {path}: no UTF-8 at byte {error.start}")


def load_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        SettingsError: a value is wrong, a `HULEEDU_` variable is unknown or the file cannot be
            read; one line says which.
    """
    _refuse_unknown_variables()
    file = Path(ENV_FILE)
    if os.path.lexists(file) and not (file.is_file() or file.is_fifo()):
        raise SettingsError(f"cannot read {file}: it is no file")
    try:
        return Settings()
    except UnicodeDecodeError as error:
        raise _not_utf8(file, error) from None
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "extra_forbidden":  # of the file, its name as it stands there
            raise _unknown_setting(str(first["loc"][0]).upper()) from None
        name = ENV_PREFIX + "_".join(str(part) for part in first["loc"][:1]).upper()
        name = name.removesuffix("_")
        raise SettingsError(f"wrong setting {name}: {first['msg']}") from None


def _refuse_unknown_variables() -> None:
    known = _known_variables()
    for name in os.environ:
        if not name.startswith(ENV_PREFIX) or name in known or name.startswith(_FOREIGN_PREFIXES):
            continue
        # Kubernetes tells each pod where a Service called huleedu-… is.
        if _SERVICE_LINK.search(name) is not None:
            continue
        raise _unknown_setting(name)


def _unknown_setting(name: str) -> SettingsError:
    close = difflib.get_close_matches(name, _known_variables(), n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return SettingsError(f"unknown setting {name}{hint}")


def _known_variables() -> set[str]:
    return {ENV_PREFIX + name.upper() for name in Settings.model_fields}
