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
    freshness_seconds: float = Field(default=0.02, ge=0, le=1)
    """How long an organization's change counters are taken as read before the database is asked again."""
    answer_cache_bytes: int = Field(default=64 * 1_048_576, ge=0)
    """How many bytes of finished slot answers each process keeps."""
    occupancy_cache_entries: int = Field(default=500_000, ge=0)
    """How many taken times (about 400 bytes each) each process keeps by resource."""
