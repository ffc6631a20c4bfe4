"""Changing when somebody is open: one aggregate per owner, read, changed, stored and published as a whole."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from availability.domain import HolidayRule, OwnerKind, OwnerSchedule, UnknownOwnerError
from availability.publishers import schedule_state
from availability.storage import ScheduleStore
from slotstream_scheduling import Absence, ClockInterval, DateOverride, Schedule, WeekdayHours
from slotstream_servicekit.errors import ForbiddenError
from slotstream_servicekit.outbox import enqueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose schedule, for whom. `only_user` is the one user whose own resource may be changed, None any."""

    organization_id: UUID
    kind: OwnerKind
    id: UUID
    only_user: str | None = None


async def get_schedule(*, session: AsyncSession, owner: Owner, now: datetime) -> OwnerSchedule:
    """The owner's schedule, empty where nobody has written one. Raises UnknownOwnerError."""
    zone = await _zone_of(session, owner)
    found = await ScheduleStore(session, owner.organization_id).get(owner.id)
    return found or _empty(owner, zone, now)


async def put_weekly_hours(
    *,
    session: AsyncSession,
    owner: Owner,
    weekly: tuple[WeekdayHours, ...] | None,
    zone: str | None,
    expected_version: int | None,
    now: datetime,
) -> OwnerSchedule:
    """Replaces the weekly hours; None unsets them, so that a resource follows its business again."""
    catalogue_zone = await _zone_of(session, owner, for_update=True)
    return await _change(
        session,
        owner,
        catalogue_zone,
        expected_version,
        now,
        lambda current: current.with_weekly(weekly, zone=zone or catalogue_zone, now=now),
    )


async def add_date_override(
    *,
    session: AsyncSession,
    owner: Owner,
    override_id: UUID,
    on: date,
    intervals: tuple[ClockInterval, ...],
    expected_version: int | None,
    now: datetime,
) -> OwnerSchedule:
    override = DateOverride(str(override_id), on, intervals)
    zone = await _zone_of(session, owner, for_update=True)
    return await _change(
        session,
        owner,
        zone,
        expected_version,
        now,
        lambda current: current.with_override(override, now=now),
    )


async def remove_date_override(
    *, session: AsyncSession, owner: Owner, override_id: UUID, expected_version: int | None, now: datetime
) -> OwnerSchedule:
    zone = await _zone_of(session, owner, for_update=True)
    return await _change(
        session,
        owner,
        zone,
        expected_version,
        now,
        lambda current: current.without_override(str(override_id), now=now),
    )


async def add_absence(
    *, session: AsyncSession, owner: Owner, absence: Absence, expected_version: int | None, now: datetime
) -> OwnerSchedule:
    """Time off of a resource, or a closure of a business."""
    zone = await _zone_of(session, owner, for_update=True)
    return await _change(
        session,
        owner,
        zone,
        expected_version,
        now,
        lambda current: current.with_absence(absence, now=now),
    )


async def remove_absence(
    *, session: AsyncSession, owner: Owner, absence_id: UUID, expected_version: int | None, now: datetime
) -> OwnerSchedule:
    zone = await _zone_of(session, owner, for_update=True)
    return await _change(
        session,
        owner,
        zone,
        expected_version,
        now,
        lambda current: current.without_absence(str(absence_id), now=now),
    )


async def follow_holidays(
    *,
    session: AsyncSession,
    owner: Owner,
    rule: HolidayRule | None,
    expected_version: int | None,
    now: datetime,
) -> OwnerSchedule:
    """Closes a business on the public holidays of a country, or on none."""
    zone = await _zone_of(session, owner, for_update=True)
    return await _change(
        session,
        owner,
        zone,
        expected_version,
        now,
        lambda current: current.with_holidays(rule, now=now),
    )


async def extend_holidays(*, session: AsyncSession, organization_id: UUID, owner_id: UUID, now: datetime) -> bool:
    """Brings the holidays of one schedule up to the years that lie ahead now; whether anything was missing."""
    store = ScheduleStore(session, organization_id)
    current = await store.get(owner_id, for_update=True)
    if current is None or current.holiday_rule is None:
        return False
    if current.holiday_rule.holidays(now.date()) == current.schedule.holidays:
        return False
    await _store(session, current.with_holidays(current.holiday_rule, now=now))
    return True


async def _zone_of(session: AsyncSession, owner: Owner, *, for_update: bool = False) -> str:
    """The zone that the catalogue gives the owner. Raises UnknownOwnerError, ForbiddenError."""
    store = ScheduleStore(session, owner.organization_id)
    known = await store.owner(owner.kind, owner.id, for_update=for_update)
    if known is None:
        raise UnknownOwnerError(f"There is no such {owner.kind}")
    zone, user_id = known
    if owner.only_user is not None and user_id != owner.only_user:
        raise ForbiddenError("These are not your own hours")
    return zone


async def _change(
    session: AsyncSession,
    owner: Owner,
    zone: str,
    expected_version: int | None,
    now: datetime,
    change: Callable[[OwnerSchedule], OwnerSchedule],
) -> OwnerSchedule:
    store = ScheduleStore(session, owner.organization_id)
    current = await store.get(owner.id, for_update=True) or _empty(owner, zone, now)
    current.expect(expected_version)
    changed = change(current)
    await _store(session, changed)
    return changed


async def _store(session: AsyncSession, changed: OwnerSchedule) -> None:
    await ScheduleStore(session, changed.organization_id).save(changed)
    await enqueue(session, [schedule_state(changed)])


def _empty(owner: Owner, zone: str, now: datetime) -> OwnerSchedule:
    return OwnerSchedule(
        organization_id=owner.organization_id,
        owner_kind=owner.kind,
        owner_id=owner.id,
        schedule=Schedule(zone),
        updated_at=now,
    )
