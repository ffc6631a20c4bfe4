"""What every service can be told, from the environment.

A service's subclass sets `env_prefix="BOOKING_"`; a field that is absent there falls back to
`SLOTSTREAM_<FIELD>`, so that what all services share is said once.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from slotstream_servicekit.kafka.settings import KafkaSettings

SHARED_PREFIX = "SLOTSTREAM_"

Port = Annotated[int, Field(ge=0, le=65_535)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def checked_database_url(url: str) -> str:
    """The URL of a database as it is. Raises ValueError, which does not repeat it: it holds a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername != "postgresql+asyncpg" or not parsed.database:
        raise ValueError("a database's URL is postgresql+asyncpg://role:password@host:port/database")
    return url


def settings_faults(error: ValidationError | SettingsError) -> list[tuple[str, str]]:
    """What is wrong with settings: each field's name, as in the environment, and why; never the value."""
    if isinstance(error, ValidationError):
        return [
            (".".join(str(part) for part in fault["loc"]).upper(), fault["msg"].removeprefix("Value error, "))
            for fault in error.errors(include_input=False, include_url=False)
        ]
    # Lists and the like are read as JSON before anything is validated.
    field = re.search(r'field "(\w+)"', str(error))
    return [(field[1].upper() if field else "A setting", "is not JSON")]


class IssuerSettings(BaseModel):
    """An OpenID Connect issuer whose tokens are accepted; `jwks_url` is https://, http:// or file://."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    audience: str
    jwks_url: str

    @field_validator("jwks_url")
    @classmethod
    def _scheme_is_known(cls, value: str) -> str:
        if not value.startswith(("https://", "http://", "file://")):
            raise ValueError("a JWKS URL begins with https://, http:// or file://")
        return value


class DatabaseLimits(BaseModel):
    """How long PostgreSQL lets one statement run, wait for a lock, and a transaction do nothing. 0 means for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement_seconds: float = Field(ge=0)
    lock_seconds: float = Field(ge=0)
    idle_in_transaction_seconds: float = Field(ge=0)


class Rate(BaseModel):
    """So many requests a minute in the long run, and so many at once. 0 a minute means no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_minute: int = Field(ge=0)
    burst: int = Field(ge=1)
    open: int | None = Field(default=None, ge=0)
    """How many answers may be under way at one time; 0 means no limit, None what the endpoint says."""


class ServiceSettings(KafkaSettings):
    """Settings that all services have. Passwords inside URLs never show in `repr` or logs."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: str = Field(repr=False)
    """`postgresql+asyncpg://booking_app:…@host/booking`: the role that row-level security binds."""
    database_direct_url: str | None = Field(default=None, repr=False)
    """The same database past PgBouncer, where `database_url` leads to one: for the few sessions that are needed whole,
    the relay's locks and whoever listens. None means that `database_url` is direct."""
    owner_database_url: str | None = Field(default=None, repr=False)
    """The owner's URL, for migrations only."""
    database_pool_size: int = Field(default=10, ge=1, le=200)
    schema_wait_seconds: float = Field(default=600.0, ge=0)
    """How long a process stays, unready, whose database nobody has migrated; then it ends and says so. 0: for ever."""
    api_database_limits: DatabaseLimits = DatabaseLimits(
        statement_seconds=15, lock_seconds=5, idle_in_transaction_seconds=30
    )
    """What the server lets a request do; what takes longer is ended and answered with 503."""
    worker_database_limits: DatabaseLimits = DatabaseLimits(
        statement_seconds=120, lock_seconds=30, idle_in_transaction_seconds=120
    )
    maintenance_database_limits: DatabaseLimits = DatabaseLimits(
        statement_seconds=3_600, lock_seconds=5, idle_in_transaction_seconds=120
    )
    """For `slotstream migrate` and `slotstream rebuild`, whose statements may take long but keep nobody waiting."""

    relay_lanes: int = Field(default=8, ge=1, le=256)
    relay_idle_seconds: float = Field(default=0.1, gt=0, le=5)
    """How often an idle relay looks for what other processes committed."""
    consumer_batch_size: int = Field(default=500, ge=1, le=10_000)

    http_host: str = "127.0.0.1"
    http_port: Port
    worker_http_port: Port | None = None
    """Where a pure worker answers /livez, /readyz and /metrics; None means `http_port`."""
    public_url: str
    max_body_bytes: int = Field(default=1_048_576, ge=1_024)
    shutdown_grace_seconds: float = Field(default=20.0, ge=0)
    """How long requests and handlers in flight may take to finish after SIGTERM."""
    shutdown_delay_seconds: float = Field(default=0.0, ge=0)
    """How long to go on serving, unready, after SIGTERM until load balancers have noticed."""

    rate_limits: dict[str, Rate] = Field(default_factory=dict)
    """Other limits per organization than the endpoints' own, by kind: `{"slots": {"per_minute": 600, "burst": 50}}`."""

    issuers: tuple[IssuerSettings, ...] = ()

    log_level: LogLevel = "INFO"
    otlp_endpoint: str | None = None
    trace_file: Path | None = None
    """Spans as JSON lines into this file, for tests and the local stack."""
    trace_sample_ratio: float = Field(default=1.0, ge=0, le=1)

    @field_validator("database_url", "database_direct_url", "owner_database_url")
    @classmethod
    def _is_a_database_url(cls, value: str | None) -> str | None:
        return value if value is None else checked_database_url(value)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        shared = EnvSettingsSource(settings_cls, env_prefix=SHARED_PREFIX)
        return init_settings, env_settings, shared, dotenv_settings, file_secret_settings
