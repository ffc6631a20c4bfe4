"""Messages: what is planned for whom, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    VOICE = "voice"
    PUSH = "push"


class Audience(StrEnum):
    CLIENT = "client"
    STAFF = "staff"


class Kind(StrEnum):
    """What a message tells."""

    REQUESTED = "requested"
    """Asked for, awaiting approval."""
    CREATED = "created"
    CONFIRMED = "confirmed"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    """To whom it was booked for by mistake: it is not theirs."""
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    REMINDER = "reminder"
    FOLLOW_UP = "follow_up"
    """To who did not come."""
    SLOT_OFFERED = "slot_offered"
    """To who waits: a slot is held for them. Its appointment's id is the offer's, whether it is taken or not."""
    ANSWER_REFUSED = "answer_refused"
    """What the client answered was not possible."""
    SERIES_REQUESTED = "series_requested"
    SERIES_CREATED = "series_created"
    SERIES_CHANGED = "series_changed"
    SERIES_CANCELLED = "series_cancelled"
    SERIES_ASSIGNED = "series_assigned"
    SERIES_UNASSIGNED = "series_unassigned"
    AGENDA = "agenda"
    """What a user has on one day."""
    STAFF_REMINDER = "staff_reminder"
    """To a member of staff, as they have chosen for themselves."""
    CLIENT_CONFIRMED = "client_confirmed"
    """To staff: the client comes."""
    CLIENT_WROTE = "client_wrote"
    """To staff: the client has written what somebody has to read."""
    ACCOUNT_FAILING = "account_failing"
    """To administrators: an account of the organization's own does not work."""
    AD_HOC = "ad_hoc"
    """Written by hand: it carries its own text."""


OF_SERIES = frozenset(kind for kind in Kind if kind.startswith("series_"))
"""Kinds of messages about a series as a whole."""
OF_NO_APPOINTMENT = frozenset({Kind.AGENDA, Kind.ACCOUNT_FAILING})


class Status(StrEnum):
    """Where a message stands. Only `planned` and `claimed` lead on by themselves."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"


class Decision(StrEnum):
    """What a person decides about a message of which nobody knows whether it went out."""

    CONFIRM_SENT = "confirm_sent"
    SEND_AGAIN = "send_again"
    GIVE_UP = "give_up"
    """It was not sent, and it is not to be sent any more."""


ORDER_CANCELLED: Final = "order_cancelled"
"""Why a message is suppressed whose bulk order was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequest:
    """A message that somebody asks for, about an appointment: to its client or to one of its staff."""

    organization_id: UUID
    message_id: UUID
    appointment_id: UUID
    client_id: UUID | None
    resource_id: UUID | None
    channel: Channel
    text: str
    with_variables: bool = False
    order_id: UUID | None = None
    """The bulk order that it is one of."""
    time: datetime
    correlation_id: str
    causation_id: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Nothing more of a bulk order is to be sent."""

    organization_id: UUID
    order_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message to be planned; with `reason` it is planned as suppressed. `key` makes it happen once."""

    organization_id: UUID
    id: UUID | None = None
    """Chosen by who asks for the message; otherwise a new one."""
    key: str
    appointment_id: UUID
    appointment_version: int
    calendar_uid: str
    starts_at: datetime
    client_id: UUID | None
    resource_id: UUID | None = None
    user_id: str | None = None
    audience: Audience
    channel: Channel
    kind: Kind
    due_at: datetime
    reason: str | None = None
    reminder_id: UUID | None = None
    template_id: UUID | None = None
    previous_starts_at: datetime | None = None
    previous_ends_at: datetime | None = None
    text: str | None = None
    with_variables: bool = False
    series_id: UUID | None = None
    series_version: int | None = None
    calendar_sequence: int | None = None
    order_id: UUID | None = None
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


def draft_to_user(
    *,
    organization_id: UUID,
    user_id: str,
    message_id: UUID,
    key: str,
    kind: Kind,
    due_at: datetime,
    correlation_id: str,
) -> Draft:
    """An e-mail to a user about no single appointment: its own id, which nothing else has, is in that place."""
    return Draft(
        organization_id=organization_id,
        id=message_id,
        key=key,
        appointment_id=message_id,
        appointment_version=0,
        calendar_uid="",
        starts_at=due_at,
        client_id=None,
        user_id=user_id,
        audience=Audience.STAFF,
        channel=Channel.EMAIL,
        kind=kind,
        due_at=due_at,
        correlation_id=correlation_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A row of the ledger."""

    organization_id: UUID
    id: UUID
    appointment_id: UUID
    """Of an agenda, and of an account that fails, its own id: they are about no single appointment."""
    appointment_version: int
    """0 where the appointment had not arrived when the message was asked for."""
    calendar_uid: str
    starts_at: datetime
    client_id: UUID | None
    """None where a message to staff is about an appointment that has not arrived yet."""
    resource_id: UUID | None
    audience: Audience
    channel: Channel
    kind: Kind
    status: Status
    reason: str | None
    """Why it is suppressed."""
    code: str | None
    detail: str | None
    due_at: datetime
    next_attempt_at: datetime
    tries: int
    """How often it was refused for the time being."""
    attempts: int
    """How often its content was handed over."""
    attempted_at: datetime | None
    claim: UUID | None
    reminder_id: UUID | None
    template_id: UUID | None
    previous_starts_at: datetime | None
    """The time before a rescheduling; for a member of staff who is no longer assigned, the time that they lose."""
    previous_ends_at: datetime | None
    text: str | None
    """Of a message written by hand."""
    recipient_name: str | None
    address: str | None
    provider_id: str | None
    sent_at: datetime | None
    with_variables: bool = False
    """Its text is a template."""
    key: str = ""
    """What makes it happen once."""
    user_id: str | None = None
    """To whom an agenda, a reminder of staff or the news of a failing account goes."""
    mail_line: str | None = None
    """Where it waits, or waited, for its recipient's mail domain."""
    asks: bool = False
    """Whether it asked to be answered, when it was handed over."""
    series_id: UUID | None = None
    """Of the series that is told as one, whether the message is about all of it or about one date."""
    series_version: int | None = None
    """Of a message about a series as a whole."""
    calendar_sequence: int | None = None
    """The RFC 5545 SEQUENCE that calendars are told: with a series, where it rises with each message about it, from
    when it is planned on; else from when it is handed over."""
    sent_text: str | None = None
    """As it was handed over, last; links without what opens them."""
    segments: int | None = None
    """Of an SMS: how many parts it is sent in."""
    cost_amount: Decimal | None = None
    cost_currency: str | None = None
    """Where the provider has told it."""
    decision: Decision | None = None
    """The last that somebody took while it was unknown; what became of it since then is in its status."""
    decided_by: str | None = None
    """The user's id."""
    decided_at: datetime | None = None
    order_id: UUID | None = None
    """The bulk order that it is one of."""
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def about(self) -> UUID | None:
        """The appointment that it tells of; None where it is about none."""
        return None if self.kind in OF_NO_APPOINTMENT else self.appointment_id
