"""When nobody is to be disturbed, by channel."""

from typing import Annotated

from pydantic import Field, StringConstraints

from notifications.domain.messages import Channel, Kind
from slotstream_servicekit.http.models import RequestModel, ResponseModel

_ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["21:00"])]


class QuietHoursIn(RequestModel):
    """Wall-clock times, from `begins` up to and without `ends`; over midnight where it ends earlier. The same: none."""

    begins: _ClockTime
    ends: _ClockTime


class ChannelQuietHoursOut(ResponseModel):
    """`is_default`: the installation's, since the organization has not set its own."""

    channel: Channel
    begins: str
    ends: str
    is_default: bool
    version: int


class QuietHoursOut(ResponseModel):
    items: list[ChannelQuietHoursOut]
    exempt: list[Kind]
    """What goes out by text, mail and push at any hour, as all does that is for staff. Of calls nothing does."""
