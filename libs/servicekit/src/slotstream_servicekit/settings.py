"""What every service can be told, from the environment.

A service's subclass sets `env_prefix="BOOKING_"`; a field that is absent there falls back to
`SLOTSTREAM_<FIELD>`, so that what all services share is said once.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

SHARED_PREFIX = "SLOTSTREAM_"

Port = Annotated[int, Field(ge=0, le=65_535)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


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


class ServiceSettings(BaseSettings):
    """Settings that all services have. Passwords inside URLs never show in `repr` or logs."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: str = Field(repr=False)
    """`postgresql+asyncpg://booking_app:…@host/booking`: the role that row-level security binds."""
    owner_database_url: str | None = Field(default=None, repr=False)
    """The owner's URL, for migrations only."""
    database_pool_size: int = Field(default=10, ge=1, le=200)

    kafka_bootstrap_servers: str = "localhost:9092"
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

    issuers: tuple[IssuerSettings, ...] = ()

    log_level: LogLevel = "INFO"
    otlp_endpoint: str | None = None
    trace_file: Path | None = None
    """Spans as JSON lines into this file, for tests and the local stack."""
    trace_sample_ratio: float = Field(default=1.0, ge=0, le=1)

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
