"""Series that are told as one: what is known of them, and what a message tells."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from notifications.domain.appointments import ACTIVE_STATUSES, Appointment
from notifications.domain.messages import Kind

_HELD_STATUSES = ACTIVE_STATUSES | {"completed", "no_show"}
"""Those of a date that calendars show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesAppointment:
    """The appointment of one date. Its `calendar_uid` names the chain of its reschedulings."""

    id: UUID
    calendar_uid: str
    starts_at: datetime
    ends_at: datetime
    status: str
    staff_ids: tuple[UUID, ...]
    version: int

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE_STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesDate:
    """One date; `recurs_at` is when the rule has it, and calendars know it by (RECURRENCE-ID)."""

    recurs_at: datetime
    outcome: str
    result: str | None
    appointment: SeriesAppointment | None

    @property
    def is_active(self) -> bool:
        return self.appointment is not None and self.appointment.is_active

    def is_ahead(self, now: datetime) -> bool:
        return self.appointment is not None and self.appointment.is_active and self.appointment.ends_at > now

    @property
    def staff_ids(self) -> tuple[UUID, ...]:
        return self.appointment.staff_ids if self.appointment is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series as it was after `version`. `rrule` is RFC 5545's, without its end."""

    organization_id: UUID
    id: UUID
    business_id: UUID
    zone: str
    client_id: UUID
    calendar_uid: str
    rrule: str
    goes_on: bool
    dates: tuple[SeriesDate, ...]
    ends_at: datetime
    """When the last of these dates is over."""
    version: int

    @property
    def chains(self) -> Iterator[tuple[UUID, str]]:
        return (
            (self.organization_id, date.appointment.calendar_uid) for date in self.dates if date.appointment is not None
        )

    def recurs_at(self, calendar_uid: str) -> datetime | None:
        """By which start calendars know the date whose appointment is of this chain."""
        dates = (date for date in self.dates if date.appointment and date.appointment.calendar_uid == calendar_uid)
        return next((date.recurs_at for date in dates), None)

    def as_known(self, appointments: Collection[Appointment]) -> "Series":
        """With each date as its chain's newest appointment has it: events of those may be ahead of the series'."""
        by_id = {appointment.id: appointment for appointment in appointments}
        successors = {
            appointment.rescheduled_from: appointment for appointment in appointments if appointment.rescheduled_from
        }
        return replace(self, dates=tuple(_newest(date, by_id, successors) for date in self.dates))


def _newest(date: SeriesDate, by_id: Mapping[UUID, Appointment], successors: Mapping[UUID, Appointment]) -> SeriesDate:
    told = date.appointment
    if told is None:
        return date
    newest = by_id.get(told.id)
    if newest is not None and newest.version < told.version:
        newest = None
    while successor := successors.get(newest.id if newest is not None else told.id):
        newest = successor
    if newest is None:
        return date
    appointment = SeriesAppointment(
        id=newest.id,
        calendar_uid=newest.calendar_uid,
        starts_at=newest.starts_at,
        ends_at=newest.ends_at,
        status="cancelled" if newest.archived and newest.is_open else newest.status,
        staff_ids=tuple(member.id for member in newest.staff),
        version=newest.version,
    )
    return replace(date, appointment=appointment)


def active_ahead(series: Series, now: datetime) -> list[SeriesAppointment]:
    """Its appointments that are still to come, in the order of the rule."""
    return [date.appointment for date in series.dates if date.appointment is not None and date.is_ahead(now)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """How calendars know one date of a series: by the series' UID and when the rule has the date."""

    calendar_uid: str
    recurs_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldDate:
    recurs_at: datetime
    starts_at: datetime
    ends_at: datetime
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSeries:
    """A series as one recipient is told of it.

    `dates` are those that their calendar shows, past ones among them, and `goes_on` whether more come by the rule;
    `listed` are the ones that the text is about, and `without` the starts at which there is none.
    """

    calendar_uid: str
    zone: str
    rrule: str
    goes_on: bool
    dates: Sequence[ToldDate]
    listed: Sequence[ToldDate]
    without: Sequence[datetime]
    first: SeriesAppointment
    """The first of the listed ones."""


def told_series(kind: Kind, series: Series, *, resource_id: UUID | None, now: datetime) -> ToldSeries | None:
    """What a message of this kind tells now; None where it would not be true any more."""
    own = [date for date in series.dates if date.appointment and _is_for(date.appointment, resource_id)]
    ahead = [date for date in own if date.is_ahead(now)]
    if kind is Kind.SERIES_UNASSIGNED:
        listed = [] if ahead else [date for date in series.dates if date.is_ahead(now)]
    elif kind is Kind.SERIES_CANCELLED:
        gone = [date for date in own if date.appointment and date.appointment.status == "cancelled"]
        listed = [] if ahead else [date for date in gone if date.result == "cancelled"] or gone
    else:
        listed = ahead
    if kind is Kind.SERIES_REQUESTED:
        listed = [date for date in listed if date.appointment and date.appointment.status == "pending"]
    if not listed:
        return None
    shown = [date for date in own if date.appointment and date.appointment.status in _HELD_STATUSES]
    has_all = not any(date.is_active and resource_id not in (None, *date.staff_ids) for date in series.dates)
    return ToldSeries(
        calendar_uid=series.calendar_uid,
        zone=series.zone,
        rrule=series.rrule,
        goes_on=series.goes_on and has_all and bool(ahead),
        dates=_told(shown),
        listed=sorted(_told(listed), key=lambda date: date.starts_at),
        without=[date.recurs_at for date in series.dates if resource_id is None and _is_left_out(date, now)],
        first=min((date.appointment for date in listed if date.appointment), key=lambda one: one.starts_at),
    )


def _is_for(appointment: SeriesAppointment, resource_id: UUID | None) -> bool:
    return resource_id is None or resource_id in appointment.staff_ids


def _is_left_out(date: SeriesDate, now: datetime) -> bool:
    return date.recurs_at > now and (date.appointment is None or date.appointment.status == "cancelled")


def _told(dates: Sequence[SeriesDate]) -> list[ToldDate]:
    return [
        ToldDate(
            recurs_at=date.recurs_at,
            starts_at=date.appointment.starts_at,
            ends_at=date.appointment.ends_at,
            status=date.appointment.status,
        )
        for date in dates
        if date.appointment is not None
    ]
