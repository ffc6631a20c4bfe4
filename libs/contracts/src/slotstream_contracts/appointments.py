"""`slotstream.appointments.v1` and its compacted state: what happens to appointments.

No names, phones, e-mail addresses or free-text notes: those stay in booking, on the client topic and
behind the API.
"""

from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from slotstream_contracts.base import (
    Actor,
    AppointmentStatus,
    Instant,
    Location,
    Message,
    Minutes,
    Money,
    Origin,
    Source,
    Version,
    Zone,
)
from slotstream_contracts.topics import APPOINTMENT_STATES, APPOINTMENTS, Topic

Verb = Literal[
    "create",
    "approve",
    "decline",
    "confirm",
    "cancel",
    "reschedule",
    "complete",
    "no_show",
    "dismiss",
    "reopen",
    "update",
    "assign",
    "archive",
    "unarchive",
]


class AssignedResource(Message):
    """A resource that the appointment takes; `seat` counts from 0 in a group service."""

    id: UUID
    kind: Literal["staff", "room", "equipment", "business"]
    name: str
    seat: int = 0


class AppointmentSnapshot(Message):
    """The whole appointment after the change. `starts_at`/`ends_at` are half-open and without buffers."""

    id: UUID
    organization_id: UUID
    business_id: UUID
    zone: Zone
    client_id: UUID
    service_id: UUID | None = None
    service_name: str | None = None
    """A custom service's name was typed for this appointment: the newest state tells it, no event does."""
    action_id: UUID | None = None
    action_name: str | None = None
    starts_at: Instant
    ends_at: Instant
    buffer_before_minutes: Minutes = 0
    buffer_after_minutes: Minutes = 0
    resources: tuple[AssignedResource, ...]
    status: AppointmentStatus
    source: Source
    origin: Origin = Origin()
    location: Location | None = None
    """None: at the business. An event tells the kind alone; text and url are in the state."""
    share_with_client: bool = True
    notify_client: bool = True
    series_id: UUID | None = None
    rescheduled_from: UUID | None = None
    rescheduled_to: UUID | None = None
    previous_starts_at: Instant | None = None
    """Of an appointment that replaced another: where that one started."""
    calendar_uid: str
    """The RFC 5545 UID; kept by every appointment of one chain of reschedulings."""
    calendar_sequence: Annotated[int, Field(ge=0)] = 0
    """The RFC 5545 SEQUENCE; rises each time the chain's time or status changes."""
    series_calendar_uid: str | None = None
    """The UID of its series, which calendars know it by; None where it is an entry of its own, as in old series."""
    quoted_price: Money | None = None
    actual_price: Money | None = None
    external_id: str | None = None
    batch_id: UUID | None = None
    archived: bool = False
    occupies: bool
    """Whether it takes its resources' time now."""
    created_at: Instant
    updated_at: Instant
    version: Version


class FieldChange(Message):
    old: Any = None
    new: Any = None


class Override(Message):
    """A constraint that a member of staff set aside, on purpose and on the record: booking's API tells why."""

    rules: tuple[str, ...]
    conflicts_with: tuple[str, ...] = ()


class Change(Message):
    """What the verb did. Of free text, `fields` names what changed and not what it says.

    `has_reason`: a reason was given. It is free text, so booking's API tells it and no topic does.
    """

    verb: Verb
    fields: dict[str, FieldChange] = Field(default_factory=dict)
    has_reason: bool = False
    override: Override | None = None
    series_version: Version | None = None
    """Done with its series as a whole: the version of the series that it led to, whose event tells of it."""
    tell_client: bool | None = None
    """Whether the client is told of this change alone. None: as `notify_client` of the appointment says."""


class AppointmentEvent(Message):
    """What every appointment event carries: the state after, what changed and who did it."""

    topic: ClassVar[Topic] = APPOINTMENTS

    appointment: AppointmentSnapshot
    change: Change
    actor: Actor


class AppointmentCreated(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.created"


class AppointmentApproved(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.approved"


class AppointmentDeclined(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.declined"


class AppointmentConfirmed(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.confirmed"


class AppointmentCancelled(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.cancelled"


class AppointmentRescheduled(AppointmentEvent):
    """On the old appointment: `rescheduled_to` names the new one, which has its own `created` event."""

    type: ClassVar[str] = "slotstream.appointment.rescheduled"

    replacement: AppointmentSnapshot


class AppointmentCompleted(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.completed"


class AppointmentNoShow(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.no_show"


class AppointmentDismissed(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.dismissed"


class AppointmentReopened(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.reopened"


class AppointmentUpdated(AppointmentEvent):
    """Also where the client, the service or the end was wrong: `change.fields` names what is right from now on."""

    type: ClassVar[str] = "slotstream.appointment.updated"


class AppointmentAssigned(AppointmentEvent):
    """Other resources; what else was put right with them, `change.fields` names."""

    type: ClassVar[str] = "slotstream.appointment.assigned"


class AppointmentArchived(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.archived"


class AppointmentUnarchived(AppointmentEvent):
    type: ClassVar[str] = "slotstream.appointment.unarchived"


class AppointmentState(Message):
    """The newest state of one appointment, on the compacted topic."""

    type: ClassVar[str] = "slotstream.appointment.state"
    topic: ClassVar[Topic] = APPOINTMENT_STATES

    appointment: AppointmentSnapshot
