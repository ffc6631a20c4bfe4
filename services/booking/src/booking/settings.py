"""What booking can be told."""

from datetime import timedelta
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from slotstream_servicekit.settings import Port, ServiceSettings


class BookingSettings(ServiceSettings):
    """Environment variables begin with BOOKING_, or with SLOTSTREAM_ for what services share."""

    model_config = SettingsConfigDict(env_prefix="BOOKING_")

    http_port: Port = 8101
    public_url: str = "http://localhost:8101"
    message_channels: frozenset[Literal["email", "sms", "voice", "push"]] = frozenset({"email"})
    """The channels that notifications has been given: a message that needs another one is refused."""
    public_hold: timedelta = Field(default=timedelta(minutes=10), ge=timedelta(minutes=1), le=timedelta(hours=1))
    """How long a slot is kept while a visitor of the public page fills in the form."""
    public_holds_per_visitor: int = Field(default=20, ge=0)
    """How many slots are kept at once for one network address: several people may be behind it. Whoever comes after
    that books as well, but their slot is not kept meanwhile."""
    public_holds_per_business: int = Field(default=100, ge=0)
    waiting_list_hold: timedelta = Field(default=timedelta(minutes=15), ge=timedelta(minutes=1), le=timedelta(days=1))
    """How long a slot that was freed is kept for each client on the waiting list, in turn."""
    waiting_list_per_client: int = Field(default=10, ge=0)
    waiting_list_per_organization: int = Field(default=5_000, ge=0)
    """How many may wait at once; 0 for nobody."""
