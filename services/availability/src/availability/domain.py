"""What is true here: whose hours are whose, what a service asks for, what a query may ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from slotstream_scheduling import (
    Absence,
    DateOverride,
    Holiday,
    Performer,
    Roster,
    Schedule,
    ServiceRules,
    Staffing,
    WeekdayHours,
    holidays_for,
)
from slotstream_scheduling.places import Requirements
from slotstream_servicekit.errors import ErrorKind, NotFoundError, SlotstreamError, VersionConflictError

MAX_WINDOW = timedelta(days=31, hours=2)
MAX_LOOK_AHEAD = timedelta(days=366)
MAX_RESOURCES = 100
MAX_BUSINESSES = 50
MAX_ENTRIES = 2_000
HOLIDAY_YEARS_AHEAD = 3


class OwnerKind(StrEnum):
    RESOURCE = "resource"
    BUSINESS = "business"


class UnknownOwnerError(NotFoundError):
    """A business, resource or service that this organization does not have, or not yet."""


class OverrideExistsError(SlotstreamError):
    code = "date_override_exists"
    kind = ErrorKind.conflict


class IdTakenError(SlotstreamError):
    code = "id_taken"
    kind = ErrorKind.conflict


class TooManyEntriesError(SlotstreamError):
    code = "too_many_entries"
    kind = ErrorKind.conflict


class UnknownCountryError(SlotstreamError):
    code = "unknown_country"
    kind = ErrorKind.invalid


class InvalidWindowError(SlotstreamError):
    """The period asked for ends before it starts or is longer than a query may ask."""

    code = "invalid_window"
    kind = ErrorKind.invalid


class InvalidQueryError(SlotstreamError):
    code = "invalid_query"
    kind = ErrorKind.invalid


@dataclass(frozen=True, slots=True)
class Business:
    id: str
    name: str
    zone: str
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    id: str
    name: str
    kind: str
    zone: str
    business_ids: tuple[str, ...]
    priority: int = 0
    user_id: str | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    id: str
    name: str
    business_id: str
    rules: ServiceRules
    requires: tuple[tuple[str, ...], ...] = ()
    archived: bool = False


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
            found = holidays_for(self.country, self.subdivision, years)
        except ValueError:
            place = f"{self.country}-{self.subdivision}" if self.subdivision else self.country
            raise UnknownCountryError(f"No public holidays are known for {place}") from None
        return tuple(holiday for holiday in found if holiday.on not in self.except_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerSchedule:
    """The whole schedule of one resource or business: the aggregate that is versioned and published.

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


@dataclass(frozen=True, slots=True)
class Directory:
    """An organization's catalogue and schedules, as known here. Everything but what is taken."""

    businesses: Mapping[str, Business] = field(default_factory=dict)
    resources: Mapping[str, Resource] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    _rosters: dict[str, Roster] = field(default_factory=dict, init=False, repr=False, compare=False)

    def business(self, business_id: str) -> Business:
        found = self.businesses.get(business_id)
        if found is None:
            raise UnknownOwnerError("There is no such business")
        return found

    def resource(self, resource_id: str) -> Resource:
        found = self.resources.get(resource_id)
        if found is None:
            raise UnknownOwnerError("There is no such resource")
        return found

    def service(self, service_id: str) -> Service:
        found = self.services.get(service_id)
        if found is None or found.archived:
            raise UnknownOwnerError("There is no such service")
        return found

    def schedule_of_business(self, business_id: str) -> Schedule:
        return self.schedules.get(business_id) or Schedule(self.business(business_id).zone)

    def resources_of(self, business_id: str) -> list[Resource]:
        return [
            resource
            for resource in self.resources.values()
            if business_id in resource.business_ids and not resource.archived
        ]

    def roster(self, business_id: str) -> Roster:
        roster = self._rosters.get(business_id)
        if roster is None:
            performers = self.resources_of(business_id)
            roster = Roster(Performer(resource.id, resource.kind, resource.priority) for resource in performers)
            self._rosters[business_id] = roster
        return roster


@dataclass(frozen=True, slots=True)
class Terms:
    """What a query asks for, settled against the directory: whose business, which rules, who may fill which place."""

    business: Business
    business_schedule: Schedule
    rules: ServiceRules
    staffing: Staffing
    service_id: str | None

    @property
    def zone(self) -> str:
        """Whose wall clock the grid and the booking window go by: that of the business's hours, as in booking."""
        return self.business_schedule.zone


def settle_terms(
    directory: Directory,
    *,
    service_id: str | None,
    business_id: str | None,
    resource_ids: Sequence[str] = (),
    duration: timedelta | None = None,
    or_choice: bool = False,
) -> Terms:
    """The terms of a query: of a service, or of a custom one of some length at a business.

    With `or_choice`, resources beyond what the service takes at once are those to choose from. Raises
    UnknownOwnerError, InvalidQueryError.
    """
    requires: Requirements | None = None
    if service_id is not None:
        service = directory.service(service_id)
        if business_id is not None and business_id != service.business_id:
            raise InvalidQueryError("The service belongs to another business", extra={"field": "business_id"})
        business_id, requires = service.business_id, service.requires
        rules = service.rules if duration is None else replace(service.rules, duration=duration)
    elif business_id is None or duration is None:
        raise InvalidQueryError("Name a service_id, or a business_id and duration_minutes")
    else:
        rules = ServiceRules(duration=duration)
    business = directory.business(business_id)
    if business.archived:
        raise UnknownOwnerError("There is no such business")
    for resource_id in resource_ids:
        directory.resource(resource_id)
    return Terms(
        business=business,
        business_schedule=directory.schedule_of_business(business.id),
        rules=rules,
        staffing=directory.roster(business.id).staffing(requires, resource_ids, or_choice=or_choice),
        service_id=service_id,
    )


def checked_window(starts_at: datetime, ends_at: datetime, *, longest: timedelta = MAX_WINDOW) -> None:
    """Raises InvalidWindowError."""
    if ends_at <= starts_at:
        raise InvalidWindowError("`to` must come after `from`", extra={"field": "to"})
    if ends_at - starts_at > longest:
        raise InvalidWindowError(f"A query spans at most {longest.days} days", extra={"field": "to"})
