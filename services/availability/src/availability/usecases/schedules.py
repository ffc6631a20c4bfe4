"""Changing when somebody is open: one aggregate per owner, read, changed, stored and published as a whole."""

from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from availability.domain import HolidayRule, Owner, OwnerSchedule, UnknownOwnerError
from availability.publishers import schedule_state
from availability.storage import ScheduleStore
from slotstream_scheduling import Absence, ClockInterval, DateOverride, Schedule, WeekdayHours
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import ForbiddenError
from slotstream_servicekit.outbox import enqueue

Change = Callable[[OwnerSchedule], OwnerSchedule]


async def get_schedule(*, session: AsyncSession, organization_id: UUID, owner: Owner, now: datetime) -> OwnerSchedule:
    """The owner's schedule, empty where nobody has written one. Raises UnknownOwnerError."""
    store = ScheduleStore(session, organization_id)
    zone = await _zone_of(store, owner)
    return await store.get(owner.id) or _empty(organization_id, owner, zone, now)


async def put_weekly_hours(
    *,
    session: AsyncSession,
    context: Context,
    owner: Owner,
    weekly: tuple[WeekdayHours, ...] | None,
    zone: str | None,
    expected_version: int | None,
) -> OwnerSchedule:
    """Replaces the weekly hours; None unsets them, so that a resource follows its business again.

    `zone` is the one the hours are kept in, None the catalogue's.
    """
    store = ScheduleStore(session, context.organization_id)
    catalogue_zone = await _zone_of(store, owner, for_update=True)

    def change(current: OwnerSchedule) -> OwnerSchedule:
        return current.with_weekly(weekly, zone=zone or catalogue_zone, now=context.now)

    return await _change(session, context, owner, catalogue_zone, expected_version, change)


async def add_date_override(
    *,
    session: AsyncSession,
    context: Context,
    owner: Owner,
    override_id: UUID,
    on: date,
    intervals: tuple[ClockInterval, ...],
    expected_version: int | None,
) -> OwnerSchedule:
    override = DateOverride(str(override_id), on, intervals)
    return await _change_known(
        session, context, owner, expected_version, lambda current: current.with_override(override, now=context.now)
    )


async def remove_date_override(
    *, session: AsyncSession, context: Context, owner: Owner, override_id: UUID, expected_version: int | None
) -> OwnerSchedule:
    return await _change_known(
        session,
        context,
        owner,
        expected_version,
        lambda current: current.without_override(str(override_id), now=context.now),
    )


async def add_absence(
    *, session: AsyncSession, context: Context, owner: Owner, absence: Absence, expected_version: int | None
) -> OwnerSchedule:
    """Time off of a resource, or a closure of a business."""
    return await _change_known(
        session, context, owner, expected_version, lambda current: current.with_absence(absence, now=context.now)
    )


async def remove_absence(
    *, session: AsyncSession, context: Context, owner: Owner, absence_id: UUID, expected_version: int | None
) -> OwnerSchedule:
    return await _change_known(
        session,
        context,
        owner,
        expected_version,
        lambda current: current.without_absence(str(absence_id), now=context.now),
    )


async def follow_holidays(
    *,
    session: AsyncSession,
    context: Context,
    owner: Owner,
    rule: HolidayRule | None,
    expected_version: int | None,
) -> OwnerSchedule:
    """Closes a business on the public holidays of a country, or on none."""
    return await _change_known(
        session, context, owner, expected_version, lambda current: current.with_holidays(rule, now=context.now)
    )


async def extend_holidays(*, session: AsyncSession, context: Context, owner_id: UUID) -> bool:
    """Brings the holidays of one schedule up to the years that lie ahead now; whether anything was missing."""
    current = await ScheduleStore(session, context.organization_id).get(owner_id, for_update=True)
    if current is None or current.holiday_rule is None:
        return False
    if current.holiday_rule.holidays(context.now.date()) == current.schedule.holidays:
        return False
    await _store(session, context, current.with_holidays(current.holiday_rule, now=context.now))
    return True


async def _zone_of(store: ScheduleStore, owner: Owner, *, for_update: bool = False) -> str:
    """The zone that the catalogue gives the owner. Raises UnknownOwnerError, ForbiddenError.

    `for_update`: whether the schedule is to be changed.
    """
    known = await store.owner(owner.kind, owner.id, for_update=for_update)
    if known is None or not owner.is_seen(known.business_ids):
        raise UnknownOwnerError(f"There is no such {owner.kind}")
    if owner.only_user is not None and known.user_id != owner.only_user:
        raise ForbiddenError("These are not your own hours")
    if for_update:
        owner.check_change(known.business_ids)
    return known.zone


async def _change_known(
    session: AsyncSession, context: Context, owner: Owner, expected_version: int | None, change: Change
) -> OwnerSchedule:
    zone = await _zone_of(ScheduleStore(session, context.organization_id), owner, for_update=True)
    return await _change(session, context, owner, zone, expected_version, change)


async def _change(
    session: AsyncSession,
    context: Context,
    owner: Owner,
    zone: str,
    expected_version: int | None,
    change: Change,
) -> OwnerSchedule:
    store = ScheduleStore(session, context.organization_id)
    stored = await store.get(owner.id, for_update=True)
    current = stored or _empty(context.organization_id, owner, zone, context.now)
    current.expect(expected_version)
    changed = change(current)
    await _store(session, context, changed)
    return changed


async def _store(session: AsyncSession, context: Context, changed: OwnerSchedule) -> None:
    await ScheduleStore(session, changed.organization_id).save(changed)
    await enqueue(session, [schedule_state(changed, cause=context.cause)])


def _empty(organization_id: UUID, owner: Owner, zone: str, now: datetime) -> OwnerSchedule:
    return OwnerSchedule(
        organization_id=organization_id,
        owner_kind=owner.kind,
        owner_id=owner.id,
        schedule=Schedule(zone),
        updated_at=now,
    )
