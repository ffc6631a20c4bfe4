"""What booking can be told."""

from pydantic_settings import SettingsConfigDict

from slotstream_servicekit.settings import Port, ServiceSettings


class BookingSettings(ServiceSettings):
    """Environment variables begin with BOOKING_, or with SLOTSTREAM_ for what services share."""

    model_config = SettingsConfigDict(env_prefix="BOOKING_")

    http_port: Port = 8101
    public_url: str = "http://localhost:8101"
