"""The schedule of one resource or business: the aggregate that is versioned and published."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from availability.domain.errors import (
    IdTakenError,
    OverrideExistsError,
    TooManyEntriesError,
    UnknownCountryError,
)
from slotstream_scheduling import Absence, DateOverride, Holiday, Schedule, WeekdayHours, holidays_for
from slotstream_servicekit.errors import NotFoundError, VersionConflictError
from slotstream_servicekit.limits import Limits

MAX_ENTRIES = 2_000
HOLIDAY_YEARS_AHEAD = 3


class OwnerKind(StrEnum):
    RESOURCE = "resource"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose schedule, and the caller's limits. `only_user`: the one whose own resource may be changed, None any."""

    kind: OwnerKind
    id: UUID
    limits: Limits
    only_user: str | None = None

    def is_seen(self, business_ids: Collection[UUID]) -> bool:
        """Whether the caller sees this schedule. `business_ids`: where the resource works, or the business itself."""
        if self.kind is OwnerKind.RESOURCE and not self.limits.has_resource(self.id):
            return False
        return self.limits.has_any_business(business_ids)

    def check_change(self, business_ids: Collection[UUID]) -> None:
        """Raises OutsideLimitsError: hours that several businesses go by are changed by who has all of them."""
        if self.kind is OwnerKind.BUSINESS:
            self.limits.check_no_calendar()
        self.limits.check_businesses(business_ids)


@dataclass(frozen=True, slots=True)
class HolidayRule:
    """Which public holidays close a business: those of a country, without the ones it works on."""

    country: str
    subdivision: str | None = None
    except_on: tuple[date, ...] = ()

    def holidays(self, today: date) -> tuple[Holiday, ...]:
        """Last year's to those of some years ahead. Raises UnknownCountryError."""
        years = tuple(range(today.year - 1, today.year + HOLIDAY_YEARS_AHEAD + 1))
        try:
            holidays = holidays_for(self.country, self.subdivision, years)
        except ValueError:
            place = f"{self.country}-{self.subdivision}" if self.subdivision else self.country
            raise UnknownCountryError(f"No public holidays are known for {place}") from None
        return tuple(holiday for holiday in holidays if holiday.on not in self.except_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerSchedule:
    """The whole schedule of one resource or business.

    Version 0 is one that nobody has written yet.
    """

    organization_id: UUID
    owner_kind: OwnerKind
    owner_id: UUID
    schedule: Schedule
    holiday_rule: HolidayRule | None = None
    updated_at: datetime
    version: int = 0

    def expect(self, version: int | None) -> None:
        """Raises VersionConflictError where the caller has seen another version."""
        if version is not None and version != self.version:
            raise VersionConflictError(self.version)

    def with_weekly(self, weekly: tuple[WeekdayHours, ...] | None, *, zone: str, now: datetime) -> "OwnerSchedule":
        return self._changed(replace(self.schedule, weekly=weekly, zone=zone), now)

    def with_override(self, override: DateOverride, *, now: datetime) -> "OwnerSchedule":
        """Raises OverrideExistsError where the date has one already."""
        existing = self.schedule.overrides
        if taken := [item.id for item in existing if item.on == override.on]:
            raise OverrideExistsError(
                f"{override.on} has an override already: delete it first", extra={"existing_id": taken[0]}
            )
        _refuse_more(override.id, existing)
        overrides = sorted((*existing, override), key=lambda item: item.on)
        return self._changed(replace(self.schedule, overrides=tuple(overrides)), now)

    def without_override(self, override_id: str, *, now: datetime) -> "OwnerSchedule":
        left = tuple(item for item in self.schedule.overrides if item.id != override_id)
        if len(left) == len(self.schedule.overrides):
            raise NotFoundError("There is no such date override")
        return self._changed(replace(self.schedule, overrides=left), now)

    def with_absence(self, absence: Absence, *, now: datetime) -> "OwnerSchedule":
        existing = self.schedule.absences
        _refuse_more(absence.id, existing)
        absences = sorted((*existing, absence), key=lambda item: item.starts_at)
        return self._changed(replace(self.schedule, absences=tuple(absences)), now)

    def without_absence(self, absence_id: str, *, now: datetime) -> "OwnerSchedule":
        left = tuple(item for item in self.schedule.absences if item.id != absence_id)
        if len(left) == len(self.schedule.absences):
            raise NotFoundError("There is no such absence")
        return self._changed(replace(self.schedule, absences=left), now)

    def with_holidays(self, rule: HolidayRule | None, *, now: datetime) -> "OwnerSchedule":
        """Follows a country's holidays from now on, or none. Raises UnknownCountryError."""
        holidays = rule.holidays(now.date()) if rule else ()
        return replace(self, holiday_rule=rule)._changed(replace(self.schedule, holidays=holidays), now)  # noqa: SLF001

    def _changed(self, schedule: Schedule, now: datetime) -> "OwnerSchedule":
        return replace(self, schedule=schedule, version=self.version + 1, updated_at=now)


def _refuse_more(new_id: str, existing: Sequence[DateOverride | Absence]) -> None:
    if any(item.id == new_id for item in existing):
        raise IdTakenError("There is one with this id already")
    if len(existing) >= MAX_ENTRIES:
        raise TooManyEntriesError(f"A schedule holds at most {MAX_ENTRIES} of these: delete old ones")
