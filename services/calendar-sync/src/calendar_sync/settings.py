"""What calendar-sync can be told."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from slotstream_servicekit.settings import Port, ServiceSettings


class CalendarSyncSettings(ServiceSettings):
    """Settings of calendar-sync; each is `CALENDAR_SYNC_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="CALENDAR_SYNC_", extra="ignore", frozen=True)

    http_port: Port = 8005
    public_url: str = "http://127.0.0.1:8005"

    secret_keys: tuple[SecretStr, ...] = ()
    """Fernet keys, as a JSON list: the first seals, all open. Needed by both roles; there is no default key."""

    poll_interval: timedelta = timedelta(minutes=15)
    poll_every: timedelta = timedelta(seconds=30)
    """How often the worker looks for connections that are due although nothing has told it of any."""
    poll_lease: timedelta = timedelta(minutes=2)
    """After this a crashed worker's claims are taken over; longer than one reading can take."""
    poll_concurrency: int = Field(default=8, ge=1, le=100)
    poll_tenant_concurrency: int = Field(default=4, ge=1, le=100)
    """So many calendars of one organization are read at once, over all workers."""
    window_refresh: timedelta = timedelta(days=1)
    """How far the rolling window may lag before even an unchanged calendar is read in full."""

    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that user-supplied addresses may lead to, at any port, though not public; for local stacks and tests."""
    allowed_ports: tuple[Port, ...] = ()
    """Ports of the public internet that calendars may be read at, beside 80 and 443."""
    fetch_seconds: float = Field(default=20.0, gt=0)
    fetch_max_bytes: int = Field(default=10_000_000, ge=1_024)
    expansion_seconds: float = Field(default=15.0, gt=0)

    resource_wait: timedelta = timedelta(seconds=2)
    """How long a request waits for a resource that was created a moment ago to arrive over Kafka."""

    @field_validator("secret_keys")
    @classmethod
    def _each_is_a_fernet_key(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in keys:
            Fernet(key.get_secret_value())
        return keys
