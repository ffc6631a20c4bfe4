"""What clients want to be written to about."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from notifications.domain.messages import Channel
from notifications.domain.opt_outs import Unsubscriber
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel


class PreferencesIn(RequestModel):
    """All channels that the client does not want to be written to on."""

    opted_out: Annotated[list[Channel], Field(max_length=4)]
    reminders: bool | None = None
    """Whether reminders and follow-ups are mailed; left as it is where nothing is said."""


class PreferencesOut(ResponseModel):
    client_id: UUID
    opted_out: dict[Channel, InstantOut]
    """Since when, by channel."""
    unsubscribed_at: InstantOut | None
    """Since when no reminders and follow-ups are mailed; all else is."""
    unsubscribed_by: Unsubscriber | None
    stopped: dict[Channel, InstantOut]
    """Since when the client's own phone has stopped a channel (STOP). Only the client opens it again (START)."""
    version: int
