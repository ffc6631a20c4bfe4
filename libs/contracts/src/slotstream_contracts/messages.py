"""`slotstream.messages.v1`: what became of every planned message. No addresses and no texts."""

from typing import ClassVar, Literal
from uuid import UUID

from slotstream_contracts.base import Channel, Instant, Message
from slotstream_contracts.topics import MESSAGES, Topic


class MessageEvent(Message):
    topic: ClassVar[Topic] = MESSAGES

    message_id: UUID
    organization_id: UUID
    appointment_id: UUID | None = None
    client_id: UUID | None = None
    resource_id: UUID | None = None
    channel: Channel
    kind: str
    """`created`, `confirmed`, `cancelled`, `rescheduled`, `assigned`, `reminder`, `ad_hoc` …"""
    due_at: Instant
    occurred_at: Instant


class MessagePlanned(MessageEvent):
    type: ClassVar[str] = "slotstream.message.planned"


class MessageSent(MessageEvent):
    type: ClassVar[str] = "slotstream.message.sent"

    provider_id: str | None = None


class MessageDelivered(MessageEvent):
    type: ClassVar[str] = "slotstream.message.delivered"


class MessageFailed(MessageEvent):
    type: ClassVar[str] = "slotstream.message.failed"

    code: str
    detail: str


class MessageSuppressed(MessageEvent):
    type: ClassVar[str] = "slotstream.message.suppressed"

    why: str


class MessageUnknown(MessageEvent):
    """The provider may or may not have it; never sent again by itself."""

    type: ClassVar[str] = "slotstream.message.unknown"

    detail: str


class MessageAnswered(MessageEvent):
    type: ClassVar[str] = "slotstream.message.answered"

    answer: Literal["confirm", "cancel", "call_back", "stop"]
