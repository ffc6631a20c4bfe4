"""What a calendar view is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from availability.domain.catalogue import Business, Resource
from slotstream_scheduling import Span, Spans


@dataclass(frozen=True, slots=True)
class CalendarAppointment:
    """An appointment as a calendar draws it."""

    id: UUID
    business_id: UUID
    service_id: UUID | None
    service_name: str
    status: str
    resource_ids: frozenset[str]
    starts_at: datetime
    ends_at: datetime
    blocked_from: datetime
    blocked_to: datetime
    occupies: bool


@dataclass(frozen=True, slots=True)
class CalendarBusy:
    """External busy time as a calendar draws it."""

    id: UUID
    resource_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class FreeBusy:
    """One resource in a window: when it is open, when it is taken, and what is left of the one by the other."""

    resource_id: str
    open: Spans
    busy: Spans
    free: Spans


@dataclass(frozen=True, slots=True)
class AbsentTime:
    """Time off, a closure or a holiday in the window. `id` is None for a holiday."""

    kind: str
    id: str | None
    span: Span
    reason: str | None


@dataclass(frozen=True, slots=True)
class CalendarLane:
    """One resource's column or row of a view."""

    resource: Resource
    working: Spans
    absences: Sequence[AbsentTime]
    appointments: Sequence[CalendarAppointment]
    external: Sequence[CalendarBusy]


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The lanes of one business; whoever works in several has a lane in each, by its hours there."""

    business: Business
    closures: Sequence[AbsentTime]
    lanes: Sequence[CalendarLane]
