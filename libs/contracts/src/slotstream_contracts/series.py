"""`slotstream.series.v1`: what happens to series as a whole.

Each event tells the whole series after the change, so that who tells people of it needs nothing else. Of an appointment
that was made or changed with its series, `Change.series_version` names the event here that tells of it.
"""

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from slotstream_contracts.base import Actor, AppointmentStatus, Instant, Message, Version, Zone
from slotstream_contracts.topics import SERIES, Topic

Weekday = Annotated[int, Field(ge=0, le=6)]
"""0 is Monday."""


class NthWeekday(Message):
    """`nth` 1 to 5 counts from the month's start, -1 is the last."""

    nth: int
    weekday: Weekday


class SeriesRule(Message):
    """A wall-clock rule in the series' zone. `until` is the last date, inclusive; None goes on.

    `short_months`: whether a month that lacks the day is left out, or has its last day instead.
    """

    freq: Literal["weekly", "monthly", "yearly"]
    interval: Annotated[int, Field(ge=1)] = 1
    weekdays: tuple[Weekday, ...] = ()
    month_day: int | None = None
    short_months: Literal["skip", "last"] = "skip"
    nth_weekday: NthWeekday | None = None
    until: date | None = None


class SeriesAppointment(Message):
    """The appointment of one date as it is after the change, wherever it was moved to."""

    id: UUID
    calendar_uid: str
    starts_at: Instant
    ends_at: Instant
    status: AppointmentStatus
    staff_ids: tuple[UUID, ...] = ()
    version: Version


class SeriesDate(Message):
    """One date of the rule. `starts_at` is when the rule has it: the RECURRENCE-ID of RFC 5545.

    `result` is what this change did to it; None where it did nothing.
    """

    occurs_on: date
    starts_at: Instant
    outcome: Literal["booked", "forced", "skipped"]
    result: Literal["kept", "edited", "moved", "booked", "forced", "cancelled", "skipped"] | None = None
    appointment: SeriesAppointment | None = None


class SeriesSnapshot(Message):
    """The series after the change, with its dates in order: the last thousand, of one that has gone on for longer."""

    id: UUID
    organization_id: UUID
    business_id: UUID
    zone: Zone
    client_id: UUID
    service_id: UUID | None = None
    status: Literal["active", "cancelled"]
    calendar_uid: str
    """The one RFC 5545 UID of the whole series."""
    rule: SeriesRule
    notify_client: bool = True
    dates: tuple[SeriesDate, ...]
    created_at: Instant
    updated_at: Instant
    version: Version


class SeriesChange(Message):
    """What was done. `scope` is None where a series was made or extended."""

    scope: Literal["this", "following", "all"] | None = None
    notify_client: bool = True
    former_staff_ids: tuple[UUID, ...] = ()
    """Who had dates that were still to come before the change."""
    resources_changed: bool = False
    """Whether other resources were asked for."""


class SeriesEvent(Message):
    topic: ClassVar[Topic] = SERIES

    series: SeriesSnapshot
    change: SeriesChange
    actor: Actor


class SeriesCreated(SeriesEvent):
    type: ClassVar[str] = "slotstream.series.created"


class SeriesExtended(SeriesEvent):
    """One without an end was brought to its horizon: the new dates have a `result`."""

    type: ClassVar[str] = "slotstream.series.extended"


class SeriesChanged(SeriesEvent):
    """With the scope `this`, one appointment was changed, and its own events tell of it."""

    type: ClassVar[str] = "slotstream.series.changed"


class SeriesCancelled(SeriesEvent):
    """Cancelled from a date on or as a whole; with the scope `this` as for a change."""

    type: ClassVar[str] = "slotstream.series.cancelled"
