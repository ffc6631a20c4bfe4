"""`slotstream.messages.v1`: what became of every planned message. No addresses, no texts, no words of a provider:
`detail` is our own.

`slotstream.notifications.commands.v1`: what notifications is asked to send beside what it plans by itself.
"""

from typing import ClassVar, Literal
from uuid import UUID

from slotstream_contracts.base import Actor, Channel, Instant, Message
from slotstream_contracts.topics import MESSAGES, NOTIFICATION_COMMANDS, Topic


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
    actor: Actor | None = None
    """Who has said so: of a message whose outcome was unknown, and that somebody has decided about."""


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

    reason: str


class MessageUnknown(MessageEvent):
    """The provider may or may not have it; never sent again by itself."""

    type: ClassVar[str] = "slotstream.message.unknown"

    detail: str


class MessageAnswered(MessageEvent):
    type: ClassVar[str] = "slotstream.message.answered"

    answer: Literal["confirm", "cancel", "call_back", "stop"]


class MessageReceived(MessageEvent):
    """Somebody has written to us, or has pressed a key in a call. Not in their words; `kind` is `inbound`."""

    type: ClassVar[str] = "slotstream.message.received"


class MessageRead(MessageEvent):
    """What somebody wrote has been read by a member of staff."""

    type: ClassVar[str] = "slotstream.message.read"


class SendMessage(Message):
    """Send this text once, about an appointment, to its client or to a member of its staff.

    The envelope's `id` is the command's id and `message_id` the message's in the ledger: a command that arrives
    twice is one message. Whether the recipient may be written to (opt-out, quiet hours, limits) is decided by
    notifications, and told as a message event. Addresses are not sent along; the text may be personal, and goes
    with the command after two days.
    """

    topic: ClassVar[Topic] = NOTIFICATION_COMMANDS
    type: ClassVar[str] = "slotstream.command.send_message"

    actor: Actor
    message_id: UUID
    appointment_id: UUID
    client_id: UUID | None = None
    resource_id: UUID | None = None
    """One of the two: the recipient."""
    channel: Channel
    text: str
    with_variables: bool = False
    """The text is a template, filled in for its appointment; else it is sent as it is, braces among it."""
    order_id: UUID | None = None
    """The long bulk order that it is one of, by which all of them can be withdrawn; older producers name none."""


class WithdrawMessages(Message):
    """Send nothing more of this bulk order, whichever of its commands arrive before this one, and whichever after.

    What is being handed over or was sent stays as it is. A command that arrives twice says the same.
    """

    topic: ClassVar[Topic] = NOTIFICATION_COMMANDS
    type: ClassVar[str] = "slotstream.command.withdraw_messages"

    actor: Actor
    order_id: UUID
