"""What notifications knows of appointments, and of what happened to one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

ACTIVE_STATUSES = frozenset({"pending", "scheduled", "confirmed"})
"""Those in which an appointment still lies ahead."""
AGREED_STATUSES = frozenset({"scheduled", "confirmed"})
"""Those in which it is going to take place: a request that nobody has approved is not."""

LocationKind = Literal["business", "client_address", "phone", "video", "other"]


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
    """Empty where it was typed for this appointment: see AppointmentTexts."""
    location_kind: LocationKind
    action_name: str | None
    starts_at: datetime
    ends_at: datetime
    status: str
    source: str
    notify_client: bool
    share_with_client: bool
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
    def has_texts(self) -> bool:
        """Whether AppointmentTexts are needed to tell of it."""
        return not self.service_name or self.location_kind in ("phone", "video", "other")

    @property
    def is_open(self) -> bool:
        return self.status in ACTIVE_STATUSES

    @property
    def is_active(self) -> bool:
        return self.is_open and not self.archived

    @property
    def chain(self) -> tuple[UUID, str]:
        return self.organization_id, self.calendar_uid

    @property
    def inactive_reason(self) -> str:
        return "appointment_archived" if self.status in ACTIVE_STATUSES else f"appointment_{self.status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentTexts:
    """What was typed for one appointment. It may be personal, so it is not in events but in the newest state alone."""

    organization_id: UUID
    id: UUID
    service_name: str | None
    location_text: str | None
    location_url: str | None
    version: int

    @property
    def location(self) -> str:
        return ", ".join(part for part in (self.location_text, self.location_url) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentChange:
    """One appointment event: the state after it, the verb, and who did it.

    `replacement` is the new appointment of a rescheduling.
    """

    appointment: Appointment
    verb: str
    actor_id: str
    actor_type: str = "user"
    time: datetime
    event_id: UUID
    correlation_id: str
    traceparent: str | None = None
    status_before: str | None = None
    former_client_id: UUID | None = None
    """Whom the appointment was for by mistake, where that was corrected."""
    replacement: Appointment | None = None
    series_id: UUID | None = None
    """Of one date of a series that is told as one."""
    with_series: bool = False
    """Whether it was done with the series as a whole, whose own event tells of it."""
    tell_client: bool | None = None
    """Whether the client is told of it, where that was said of this change alone."""

    @property
    def subject(self) -> Appointment:
        """The appointment that messages are about: the newer one of a rescheduling."""
        return self.replacement or self.appointment

    @property
    def tells_client(self) -> bool:
        return self.subject.notify_client if self.tell_client is None else self.tell_client
