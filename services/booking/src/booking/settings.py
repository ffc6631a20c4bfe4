"""What booking can be told."""

from typing import Literal

from pydantic_settings import SettingsConfigDict

from slotstream_servicekit.settings import Port, ServiceSettings


class BookingSettings(ServiceSettings):
    """Environment variables begin with BOOKING_, or with SLOTSTREAM_ for what services share."""

    model_config = SettingsConfigDict(env_prefix="BOOKING_")

    http_port: Port = 8101
    public_url: str = "http://localhost:8101"
    message_channels: frozenset[Literal["email", "sms", "voice", "push"]] = frozenset({"email"})
    """The channels that notifications has been given: a message that needs another one is refused."""
