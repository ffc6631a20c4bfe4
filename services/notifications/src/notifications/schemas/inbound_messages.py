"""What clients wrote back."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from notifications.domain.answers import InboundStatus, Meaning
from notifications.domain.messages import Channel
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel


class InboundMessageOut(ResponseModel):
    """What somebody wrote back. `reason` says why it is for staff, or is the code of booking's refusal."""

    id: UUID
    client_id: UUID | None
    """Null for a number that no client has, or that several have."""
    client_name: str | None
    """As the client is called now; null for nobody's, and after an erase."""
    appointment_id: UUID | None
    """Of the message that it follows."""
    message_id: UUID | None
    """The message of ours that it follows."""
    channel: Channel
    meaning: Meaning
    status: InboundStatus
    reason: str | None
    text: str | None
    """As it was written; null after an erase."""
    address: str | None
    """The number, or where the mail says that it came from."""
    received_at: InstantOut
    read_at: InstantOut | None
    """When a member of staff has first seen it."""
    updated_at: InstantOut
    version: int


class ReadIn(RequestModel):
    ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]


class UnreadOut(ResponseModel):
    unread: int
    """How many messages wait for somebody to read them, of those that the caller may see; 1000 stands for more."""
