"""Keeping who the dashboard's users are, and what they choose for themselves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.contacts import CatalogueItem
from notifications.domain.errors import PeopleOnlyError
from notifications.domain.leads import Lead
from notifications.domain.messages import Channel
from notifications.domain.staff_choices import StaffEvent
from notifications.domain.users import USER_DEACTIVATED, USER_REMOVED, StaffPreferences, User
from notifications.publishers import records_of
from notifications.storage import (
    AgendaStore,
    MessageStore,
    PushSubscriptionStore,
    ReplanStore,
    StaffPreferenceStore,
    StaffReminderStore,
    UserStore,
)
from notifications.storage.users import UserKey
from notifications.usecases.agendas import calendars_of, plan_agendas, zone_of
from notifications.usecases.replanning import ask_for_calendars, ask_for_users
from slotstream_servicekit.context import Cause, Context
from slotstream_servicekit.errors import NotFoundError, VersionConflictError
from slotstream_servicekit.outbox import enqueue


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPreferences:
    """`zone` is that of the hour; None while no calendar is the user's, and so no agenda is sent."""

    preferences: StaffPreferences
    zone: str | None
    next_at: datetime | None


async def keep_users(
    *, session: AsyncSession, states: Sequence[User], removed: Mapping[UserKey, int | None], now: datetime
) -> None:
    """Only the states, for a rebuild of the projection."""
    store = UserStore(session)
    await store.put(states)
    if removed:
        await store.remove(removed, now=now)


async def apply_users(
    *, session: AsyncSession, states: Sequence[User], removed: Mapping[UserKey, int | None], cause: Cause, now: datetime
) -> bool:
    """Keeps users and forgets the removed, who are sent nothing more; whether anything may be due by that."""
    store, agendas = UserStore(session), AgendaStore(session)
    await keep_users(session=session, states=states, removed=removed, now=now)
    if removed:
        await StaffPreferenceStore(session).forget(removed)
        await PushSubscriptionStore(session).forget_users(removed)
        await enqueue(session, records_of(await agendas.stop_users(removed, USER_REMOVED, now=now)))
        await agendas.forget_users(removed)
        await ReplanStore(session).forget_users(removed)
    known = await store.get_all({(user.organization_id, user.id) for user in states})
    shut_out = {key for key, user in known.items() if not user.is_active}
    if shut_out:
        await enqueue(session, records_of(await agendas.stop_users(shut_out, USER_DEACTIVATED, now=now)))
    planned = await plan_agendas(session=session, users=known.keys() - shut_out, cause=cause, now=now)
    await ask_for_users(session=session, users=await _reminded(session, known.keys()), now=now)
    organizations = {organization_id for organization_id, _ in known}
    return (bool(organizations) and await MessageStore(session).wake(organizations, now=now)) or planned


async def plan_for_calendars(
    *, session: AsyncSession, resources: Sequence[CatalogueItem], cause: Cause, now: datetime
) -> bool:
    """Whose calendars these are may have no agenda yet, or be somewhere else now; whether anything was planned."""
    users = {(item.organization_id, item.user_id) for item in resources if item.user_id}
    limited = await UserStore(session).limited_to({(item.organization_id, item.id) for item in resources})
    await _replan_calendars(session, resources, users | limited, now)
    users |= limited
    return bool(users) and await plan_agendas(session=session, users=users, cause=cause, now=now)


async def _replan_calendars(
    session: AsyncSession, resources: Sequence[CatalogueItem], users: Collection[UserKey], now: datetime
) -> None:
    """Has reminders planned anew where somebody of a calendar wants them, or somebody had them until now."""
    store = StaffReminderStore(session)
    planned = await store.calendars_of({(item.organization_id, item.id) for item in resources})
    organizations = {organization_id for organization_id, _ in await _reminded(session, users)}
    changed = [
        item
        for item in resources
        if item.organization_id in organizations or (item.organization_id, item.id) in planned
    ]
    await ask_for_calendars(session=session, calendars=changed, now=now)


async def _reminded(session: AsyncSession, users: Collection[UserKey]) -> set[UserKey]:
    """Those of the users who want to be reminded of their appointments."""
    chosen = await StaffPreferenceStore(session).get_all(users)
    return {key for key, preferences in chosen.items() if preferences.reminders}


async def read_staff_preferences(*, session: AsyncSession, context: Context) -> ShownPreferences:
    """The caller's own. Raises PeopleOnlyError for a program."""
    return await _shown(session, await _own(session, context))


async def change_staff_preferences(
    *,
    session: AsyncSession,
    context: Context,
    agenda_at: time | None,
    agenda_ahead: bool,
    told_by: Mapping[StaffEvent, frozenset[Channel]] | None,
    reminders: Mapping[Channel, Lead] | None,
    expected_version: int | None,
) -> ShownPreferences:
    """What the caller wants for themselves from now on; None leaves what they have chosen as it is."""
    old = await _own(session, context)
    if expected_version is not None and expected_version != old.version:
        raise VersionConflictError(old.version)
    new = StaffPreferences(
        organization_id=old.organization_id,
        user_id=old.user_id,
        agenda_at=agenda_at,
        agenda_ahead=agenda_ahead,
        told_by=old.told_by if told_by is None else told_by,
        reminders=old.reminders if reminders is None else reminders,
        changed_at=context.now,
        version=old.version + 1,
    )
    key = (old.organization_id, old.user_id)
    if await UserStore(session).removed([key]):
        raise NotFoundError("There is no such user.")
    store = StaffPreferenceStore(session)
    if not await store.put(new, replaces=old.version):
        raise VersionConflictError((await store.get(*key)).version)
    if new.reminders != old.reminders:
        await ask_for_users(session=session, users=[key], now=context.now)
    if await plan_agendas(session=session, users=[key], cause=context.cause, now=context.now):
        await MessageStore(session).announce_planned()
    return await _shown(session, new)


async def _own(session: AsyncSession, context: Context) -> StaffPreferences:
    if context.actor.type != "user":
        raise PeopleOnlyError("Only people choose what they are sent: a program reads messages by the API.")
    return await StaffPreferenceStore(session).get(context.organization_id, context.actor.id)


async def _shown(session: AsyncSession, preferences: StaffPreferences) -> ShownPreferences:
    key = (preferences.organization_id, preferences.user_id)
    user = (await UserStore(session).get_all([key])).get(key)
    zone = zone_of(await calendars_of(session, user), user) if user is not None else None
    if zone is None:
        return ShownPreferences(preferences=preferences, zone=None, next_at=None)
    planned = await AgendaStore(session).next_of(*key)
    return ShownPreferences(preferences=preferences, zone=zone, next_at=planned)
