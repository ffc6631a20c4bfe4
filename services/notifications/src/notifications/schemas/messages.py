"""The ledger."""

from uuid import UUID

from pydantic import Field

from notifications.domain.messages import Audience, Channel, Decision, Kind, Status
from slotstream_servicekit.http.models import InstantOut, ResponseModel


class CostOut(ResponseModel):
    amount: str = Field(examples=["0.0079"])
    currency: str = Field(examples=["USD"])


class DecisionOut(ResponseModel):
    decision: Decision
    user_id: str
    at: InstantOut


class MessageOut(ResponseModel):
    """One row of the ledger. `code` and `detail` say what went wrong, `reason` why it was not sent."""

    id: UUID
    appointment_id: UUID | None
    """Null for what is about no appointment: an agenda, an account that fails."""
    client_id: UUID | None
    resource_id: UUID | None
    user_id: str | None
    """Of an agenda: whose it is."""
    audience: Audience
    channel: Channel
    kind: Kind
    status: Status
    reason: str | None
    code: str | None
    detail: str | None
    recipient_name: str | None
    """To whom it went, as of the last attempt; null before the first and after an erase."""
    address: str | None
    due_at: InstantOut
    next_attempt_at: InstantOut | None
    attempts: int
    sent_at: InstantOut | None
    text: str | None
    """As it was handed over, last, with links that open nothing; null before that and after an erase."""
    segments: int | None
    """Of an SMS: how many parts it is sent in."""
    cost: CostOut | None
    """Where the provider has told it."""
    decision: DecisionOut | None
    """The last that somebody took while it was `unknown`, which they say with `confirm-sent`, `send-again` and
    `give-up`. A state on their word alone has the code `said_sent` or `said_not_sent`."""
    reminder_id: UUID | None
    order_id: UUID | None
    """The bulk order of booking's that it is one of."""
    created_at: InstantOut
    updated_at: InstantOut
    version: int


class MessageCountsOut(ResponseModel):
    """States without a message are left out."""

    total: int
    by_status: dict[Status, int]


class AppointmentMessageCountsOut(MessageCountsOut):
    appointment_id: UUID


class AppointmentMessagesOut(ResponseModel):
    items: list[AppointmentMessageCountsOut]
