"""What the service can be told."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from slotstream_servicekit.settings import ServiceSettings


class AvailabilitySettings(ServiceSettings):
    """From `AVAILABILITY_*`, or `SLOTSTREAM_*` for what all services share."""

    model_config = SettingsConfigDict(env_prefix="AVAILABILITY_")

    http_port: int = Field(default=8102, ge=0, le=65_535)
    public_url: str = "http://127.0.0.1:8102"
    catalogue_wait_seconds: float = Field(default=2.0, ge=0, le=10)
    """How long a request may wait for a business, resource or service that was created a moment ago."""
    state_wait_seconds: float = Field(default=2.0, ge=0, le=10)
    """How long a request with `not_before` may wait for a state that booking has answered with."""
    freshness_seconds: float = Field(default=0.02, ge=0, le=1)
    """How long an organization's change counters are taken as read before the database is asked again."""
    past_days: int = Field(default=1_100, ge=31)
    """How long past appointments and external events are kept for calendar views; the book itself is booking's."""
    answer_cache_bytes: int = Field(default=64 * 1_048_576, ge=0)
    """How many bytes of finished slot answers each process keeps."""
    occupancy_cache_entries: int = Field(default=500_000, ge=0)
    """How many taken times (about 400 bytes each) each process keeps by resource."""
