"""`slotstream.schedules.v1` and `slotstream.external-busy.v1` (both compacted): when resources are open and taken."""

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from slotstream_contracts.base import ClockTime, Instant, Message, Version, Zone
from slotstream_contracts.topics import EXTERNAL_BUSY, SCHEDULES, Topic


class ClockInterval(Message):
    """Wall-clock, half-open. `to` at or before `from` runs over midnight into the next day."""

    starts: ClockTime = Field(alias="from")
    ends: ClockTime = Field(alias="to")


class WeekdayHours(Message):
    """`weekday` 0 is Monday, as in ISO 8601 minus one; breaks are the gaps between intervals."""

    weekday: Annotated[int, Field(ge=0, le=6)]
    intervals: tuple[ClockInterval, ...]


class DateOverride(Message):
    """Replaces the weekly hours on one date; no intervals means closed."""

    id: UUID
    on: date
    intervals: tuple[ClockInterval, ...] = ()


class Absence(Message):
    """Time off of a resource, or a closure of a business: an exact, half-open interval."""

    id: UUID
    starts_at: Instant
    ends_at: Instant
    reason: str | None = None


class Holiday(Message):
    on: date
    name: str


class ScheduleState(Message):
    """The whole schedule of one owner.

    A resource without `weekly` rules follows its business's; both are cut by the business's closures and
    holidays. `weekly` None says "not set", an empty tuple "never open".
    """

    type: ClassVar[str] = "slotstream.schedule.state"
    topic: ClassVar[Topic] = SCHEDULES

    owner_kind: Literal["resource", "business"]
    owner_id: UUID
    organization_id: UUID
    zone: Zone
    weekly: tuple[WeekdayHours, ...] | None = None
    date_overrides: tuple[DateOverride, ...] = ()
    absences: tuple[Absence, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    updated_at: Instant
    version: Version


class ExternalBusyState(Message):
    """One instance of an external event that takes a resource's time. Gone: a tombstone."""

    type: ClassVar[str] = "slotstream.external_busy.state"
    topic: ClassVar[Topic] = EXTERNAL_BUSY

    id: UUID
    organization_id: UUID
    resource_id: UUID
    connection_id: UUID
    starts_at: Instant
    ends_at: Instant
    updated_at: Instant
    version: Version
