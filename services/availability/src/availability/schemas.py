"""The shapes of requests and answers."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from availability.domain import MAX_RESOURCES, StateVersion
from slotstream_scheduling import ClockInterval, WeekdayHours, is_zone
from slotstream_servicekit.http import DurationMinutes, InstantIn, InstantOut, RequestModel, ResponseModel


def _known_zone(value: str) -> str:
    if not is_zone(value):
        raise PydanticCustomError("unknown_zone", "There is no such IANA time zone; one is Europe/Berlin")
    return value


Zone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_known_zone),
    Field(examples=["Europe/Berlin"]),
]
"""Checked against the very zone rules that hours are expanded with."""
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$"), Field(examples=["09:00"])]
EndTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"), Field(examples=["17:00"])]


def _checked_token(value: str) -> str:
    try:
        StateVersion.parse(value)
    except ValueError:
        message = "A token is `appointment:<id>:<version>` or `hold:<id>:<version>`, as booking gives it"
        raise PydanticCustomError("malformed_token", message) from None
    return value


StateToken = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(_checked_token),
    Field(examples=["appointment:0190a000-0000-7000-8000-000000000005:3"]),
]


class IntervalIn(RequestModel):
    """Wall-clock, half-open. `to` at or before `from` runs over midnight."""

    starts: ClockTime = Field(alias="from")
    ends: EndTime = Field(alias="to")

    def interval(self) -> ClockInterval:
        return ClockInterval.parse(self.starts, self.ends)


def _apart(intervals: tuple[IntervalIn, ...]) -> tuple[IntervalIn, ...]:
    ordered = sorted((interval.interval() for interval in intervals), key=lambda interval: interval.starts)
    if any(earlier.closing > later.starts for earlier, later in pairwise(ordered)):
        raise PydanticCustomError("overlapping_intervals", "The intervals of a day may not overlap")
    return intervals


Intervals = Annotated[tuple[IntervalIn, ...], Field(max_length=24), AfterValidator(_apart)]


class WeekdayIn(RequestModel):
    """One weekday's hours; breaks are the gaps. `weekday` 0 is Monday."""

    weekday: Annotated[int, Field(ge=0, le=6, strict=True)]
    intervals: Intervals


def _one_each(weekly: tuple[WeekdayIn, ...]) -> tuple[WeekdayIn, ...]:
    if len({day.weekday for day in weekly}) != len(weekly):
        raise PydanticCustomError("repeated_weekday", "A weekday may be named once")
    return weekly


class ScheduleIn(RequestModel):
    """The whole week. null unsets it: a resource then follows its business; an empty list is never open."""

    weekly: Annotated[tuple[WeekdayIn, ...], Field(max_length=7), AfterValidator(_one_each)] | None
    zone: Zone | None = None
    """The zone the hours are kept in; the catalogue's where it is absent."""

    def hours(self) -> tuple[WeekdayHours, ...] | None:
        if self.weekly is None:
            return None
        days = sorted(self.weekly, key=lambda day: day.weekday)
        return tuple(WeekdayHours(day.weekday, tuple(span.interval() for span in day.intervals)) for day in days)


class DateOverrideIn(RequestModel):
    """Replaces the weekly hours on one date; no intervals means closed."""

    id: UUID | None = None
    on: Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]
    intervals: Intervals = ()


class AbsenceIn(RequestModel):
    """Time off or a closure: an exact, half-open interval."""

    id: UUID | None = None
    starts_at: InstantIn
    ends_at: InstantIn
    reason: Annotated[str, StringConstraints(max_length=500)] | None = None


class HolidaysIn(RequestModel):
    """`country` is ISO 3166-1 alpha-2, `subdivision` as in ISO 3166-2 without the country (`BY`)."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    subdivision: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,12}$")] | None = None
    except_on: Annotated[tuple[date, ...], Field(max_length=100)] = ()
    """Holidays on which the business works as on any other day."""


class BookabilityIn(RequestModel):
    """Would this be bookable? A service, or a business and a duration; with these resources, or any."""

    service_id: UUID | None = None
    business_id: UUID | None = None
    starts_at: InstantIn
    duration_minutes: DurationMinutes | None = None
    resource_ids: Annotated[tuple[UUID, ...], Field(max_length=MAX_RESOURCES)] = ()
    ignore_appointment_ids: Annotated[tuple[UUID, ...], Field(max_length=100)] = ()
    """Appointments or holds that give their time up in the same change, such as the one being rescheduled."""
    not_before: Annotated[tuple[StateToken, ...], Field(max_length=10)] = ()
    """What the answer has to know: tokens of booking's answers; waited for a while."""


class IntervalOut(ResponseModel):
    starts: str = Field(alias="from")
    ends: str = Field(alias="to")


class WeekdayOut(ResponseModel):
    weekday: int
    intervals: list[IntervalOut]


class DateOverrideOut(ResponseModel):
    id: UUID
    on: date
    intervals: list[IntervalOut]


class AbsenceOut(ResponseModel):
    id: UUID
    starts_at: InstantOut
    ends_at: InstantOut
    reason: str | None


class HolidayOut(ResponseModel):
    on: date
    name: str


class HolidaysOut(ResponseModel):
    country: str | None
    subdivision: str | None
    except_on: list[date]
    days: list[HolidayOut]
    version: int


class ScheduleOut(ResponseModel):
    """The whole schedule of one resource or business; `version` 0 where nobody has written one."""

    owner_kind: Literal["resource", "business"]
    owner_id: UUID
    zone: str
    weekly: list[WeekdayOut] | None
    date_overrides: list[DateOverrideOut]
    absences: list[AbsenceOut]
    holidays: list[HolidayOut]
    version: int
    updated_at: InstantOut


class DateOverridesOut(ResponseModel):
    items: list[DateOverrideOut]


class AbsencesOut(ResponseModel):
    items: list[AbsenceOut]


class SlotOut(ResponseModel):
    """An offered start. `local_time` is what the wall reads then in the answer's zone.

    In a repeated hour `utc_offset` (`+02:00`) tells which pass it is.

    `resource_ids` holds everyone who is free for some place; `places` says who for which, where the service
    takes several resources at once. `free` is their number, `seats` the clients that can still share it.
    """

    starts_at: InstantOut
    ends_at: InstantOut
    local_time: str
    utc_offset: str
    free: int
    seats: int
    resource_ids: list[UUID] | None = None
    places: list[list[UUID]] | None = None


class DayOut(ResponseModel):
    date: date
    slots: list[SlotOut]


class SlotsOut(ResponseModel):
    """Days of `zone` that have slots."""

    business_id: UUID
    service_id: UUID | None
    zone: str
    duration_minutes: int
    days: list[DayOut]


class FirstSlotOut(ResponseModel):
    business_id: UUID
    service_id: UUID | None
    zone: str
    duration_minutes: int
    slot: SlotOut | None


class SpanOut(ResponseModel):
    starts_at: InstantOut
    ends_at: InstantOut


class ResourceFreeBusyOut(ResponseModel):
    """`open` is when the resource can be booked at all, `free` what `busy` leaves of it."""

    resource_id: UUID
    open: list[SpanOut]
    busy: list[SpanOut]
    free: list[SpanOut]


class FreeBusyOut(ResponseModel):
    starts_at: InstantOut
    ends_at: InstantOut
    resources: list[ResourceFreeBusyOut]


class AbsentOut(ResponseModel):
    kind: Literal["time_off", "closure", "holiday"]
    id: UUID | None
    starts_at: InstantOut
    ends_at: InstantOut
    reason: str | None


class CalendarAppointmentOut(ResponseModel):
    """`occupies` is false where it takes no time: a request whose service books over it, a client who did not come."""

    id: UUID
    business_id: UUID
    service_id: UUID | None
    service_name: str
    status: str
    starts_at: InstantOut
    ends_at: InstantOut
    blocked_from: InstantOut
    blocked_to: InstantOut
    occupies: bool


class ExternalOut(ResponseModel):
    id: UUID
    starts_at: InstantOut
    ends_at: InstantOut


class CalendarLaneOut(ResponseModel):
    resource_id: UUID
    name: str
    kind: str
    working: list[SpanOut]
    absences: list[AbsentOut]
    appointments: list[CalendarAppointmentOut]
    external: list[ExternalOut]


class BusinessCalendarOut(ResponseModel):
    """`closures` go across all lanes; whoever works in several businesses has a lane in each."""

    business_id: UUID
    name: str
    zone: str
    closures: list[AbsentOut]
    resources: list[CalendarLaneOut]


class CalendarOut(ResponseModel):
    """What a day or week view draws; `dates` are those of `zone`."""

    zone: str
    starts_at: InstantOut
    ends_at: InstantOut
    dates: list[date]
    businesses: list[BusinessCalendarOut]


class ReasonOut(ResponseModel):
    code: str
    detail: str
    conflicts_with: list[str]


class BookabilityOut(ResponseModel):
    """All reasons, not the first. `resource_ids` are those free at the start where it is bookable."""

    bookable: bool
    reasons: list[ReasonOut]
    resource_ids: list[UUID]
