"""How much an organization sends in a minute."""

from typing import Annotated

from pydantic import Field

from notifications.domain.messages import Channel
from slotstream_servicekit.http.models import RequestModel, ResponseModel


class SendLimitIn(RequestModel):
    per_minute: Annotated[int, Field(ge=1, le=1_000_000, strict=True)]


class SendLimitOut(ResponseModel):
    """`most` is the installation's; null: none. `is_default`: the organization has not set its own."""

    channel: Channel
    per_minute: int | None
    most: int | None
    is_default: bool
    version: int


class SendLimitsOut(ResponseModel):
    items: list[SendLimitOut]
