"""The types: what notifications knows of appointments, clients and the catalogue, and its own messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
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
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    REMINDER = "reminder"
    AD_HOC = "ad_hoc"
    """Written by hand; it has no template."""


class Status(StrEnum):
    """Where a message stands. Only `planned` and `claimed` lead on by themselves."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"


ACTIVE_STATUSES = frozenset({"pending", "scheduled", "confirmed"})
"""Of an appointment: those in which it still lies ahead."""


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff as the appointment names them."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """An appointment as it was after `version`. `calendar_uid` is shared by a chain of reschedulings."""

    id: UUID
    organization_id: UUID
    business_id: UUID
    zone: str
    client_id: UUID
    service_id: UUID | None
    service_name: str
    action_name: str | None
    starts_at: datetime
    ends_at: datetime
    status: str
    source: str
    notify_client: bool
    rescheduled_from: UUID | None
    rescheduled_to: UUID | None
    previous_starts_at: datetime | None
    calendar_uid: str
    calendar_sequence: int
    archived: bool
    staff: tuple[Staff, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE_STATUSES and not self.archived

    @property
    def chain(self) -> tuple[UUID, str]:
        return self.organization_id, self.calendar_uid

    @property
    def inactive_because(self) -> str:
        return "appointment_archived" if self.status in ACTIVE_STATUSES else f"appointment_{self.status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One appointment event: the state after, the verb, who did it, and where the message comes from."""

    appointment: Appointment
    verb: str
    actor_id: str
    actor_type: str = "user"
    time: datetime
    event_id: UUID
    correlation_id: str
    traceparent: str | None = None
    status_before: str | None = None
    replacement: Appointment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A message that somebody asks to be sent, about an appointment: to its client or to one of its staff."""

    organization_id: UUID
    message_id: UUID
    appointment_id: UUID
    client_id: UUID | None
    resource_id: UUID | None
    channel: Channel
    time: datetime
    correlation_id: str
    causation_id: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    organization_id: UUID
    id: UUID
    name: str
    email: str | None
    phone: str | None
    locale: str | None
    zone: str | None
    consent: frozenset[str]
    merged_into: UUID | None
    erased: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueItem:
    """A business, a resource or a service, as far as messages need it."""

    organization_id: UUID
    kind: str
    id: UUID
    name: str
    zone: str | None = None
    locale: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    user_id: str | None = None
    archived: bool = False
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRule:
    """A default reminder of the organization, of one business (`business_id`) or of one service."""

    organization_id: UUID
    id: UUID
    business_id: UUID | None
    service_id: UUID | None
    channel: Channel
    before: timedelta
    template_id: UUID | None
    enabled: bool
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A reminder of one chain of appointments; it moves with the chain. By a rule, or by hand."""

    organization_id: UUID
    id: UUID
    calendar_uid: str
    rule_id: UUID | None
    channel: Channel
    before: timedelta
    template_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message to be planned; with `why` it is planned as suppressed. `key` makes it happen once."""

    organization_id: UUID
    id: UUID | None = None
    """Chosen by who asks for the message; otherwise a new one."""
    key: str
    appointment_id: UUID
    appointment_version: int
    calendar_uid: str
    starts_at: datetime
    client_id: UUID
    resource_id: UUID | None = None
    audience: Audience
    channel: Channel = Channel.EMAIL
    kind: Kind
    due_at: datetime
    why: str | None = None
    reminder_id: UUID | None = None
    template_id: UUID | None = None
    previous_starts_at: datetime | None = None
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A row of the ledger."""

    organization_id: UUID
    id: UUID
    appointment_id: UUID
    appointment_version: int
    calendar_uid: str
    starts_at: datetime
    client_id: UUID
    resource_id: UUID | None
    audience: Audience
    channel: Channel
    kind: Kind
    status: Status
    why: str | None
    code: str | None
    detail: str | None
    due_at: datetime
    next_attempt_at: datetime
    tries: int
    """How often a mail server refused it for the time being."""
    attempts: int
    """How often its content was handed over."""
    attempted_at: datetime | None
    claim: UUID | None
    reminder_id: UUID | None
    template_id: UUID | None
    previous_starts_at: datetime | None
    address: str | None
    provider_id: str | None
    sent_at: datetime | None
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The three pieces of a message's wording; without `html` one is made of the text."""

    subject: str
    text: str
    html: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Wording for one kind, audience, channel and locale; of a business, or of the whole organization."""

    organization_id: UUID
    id: UUID
    business_id: UUID | None
    kind: Kind
    audience: Audience
    channel: Channel
    locale: str
    text: Text
    is_default: bool = True
    """Used wherever nothing else is named; otherwise only by the reminders that name it."""
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """The channels that a client does not want to be written to on, and since when."""

    organization_id: UUID
    client_id: UUID
    opted_out: Mapping[str, datetime] = field(default_factory=dict)
    version: int = 0
