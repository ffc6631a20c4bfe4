"""Messages to who did not come."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from notifications.domain.messages import Channel
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel

MinutesAfter = Annotated[int, Field(ge=1, le=30 * 24 * 60, strict=True)]


class CreateFollowUpRuleIn(RequestModel):
    """A message to who did not come: of the organization, or of one business or one service."""

    id: UUID | None = None
    business_id: UUID | None = None
    service_id: UUID | None = None
    channel: Channel = Channel.EMAIL
    minutes_after: MinutesAfter
    template_id: UUID | None = None
    enabled: bool = True


class ChangeFollowUpRuleIn(RequestModel):
    """`template_id: null` goes back to the usual text."""

    minutes_after: MinutesAfter | None = None
    template_id: UUID | None = None
    enabled: bool | None = None


class FollowUpRuleOut(ResponseModel):
    id: UUID
    business_id: UUID | None
    service_id: UUID | None
    channel: Channel
    minutes_after: int
    """From the time at which it was noted that the client did not come."""
    template_id: UUID | None
    enabled: bool
    created_at: InstantOut
    updated_at: InstantOut
    version: int
