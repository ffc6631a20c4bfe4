"""Planning reminders to staff: as their users have chosen, and anew whenever something changes that they depend on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.appointments import AGREED_STATUSES, Appointment
from notifications.domain.contacts import CatalogueItem
from notifications.domain.messages import Draft, Message
from notifications.domain.planning import ended_appointments
from notifications.domain.staff_choices import SWITCHED_OFF, UNASSIGNED
from notifications.domain.staff_reminders import StaffRecipient, staff_reminders
from notifications.domain.users import StaffPreferences, User
from notifications.storage import CatalogueStore, StaffPreferenceStore, StaffReminderStore, UserStore
from notifications.storage.staff_reminders import TOO_LATE
from slotstream_servicekit.context import Cause

_Key = tuple[UUID, UUID]


async def plan_staff_reminders(
    *,
    session: AsyncSession,
    chains: Sequence[Sequence[Appointment]],
    cause: Cause,
    now: datetime,
    asked_at: datetime | None = None,
) -> list[Message]:
    """Plans, moves and stops the reminders to staff of these chains, whose rows are locked; those that changed.

    `asked_at`: when something else than an appointment was changed; nothing whose time had come by then is planned.
    Where nobody of the organization wants any, it looks no further, unless something was changed.
    """
    appointments = [appointment for chain in chains for appointment in _remindable(chain, now)]
    if not appointments:
        return []
    preferences = await StaffPreferenceStore(session).reminded({item.organization_id for item in appointments})
    if not preferences and asked_at is None:
        return []
    recipients = await _recipients(session, appointments, preferences)
    wanted = [
        planned
        for appointment in appointments
        for planned in staff_reminders(
            appointment,
            recipients[appointment.organization_id, appointment.id],
            now=now,
            asked_at=asked_at,
            correlation_id=cause.correlation_id,
            traceparent=cause.traceparent,
        )
    ]
    stopped = await _stop_others(session, appointments, [draft for draft, _ in wanted], preferences, recipients, now)
    in_time = [draft for draft, is_in_time in wanted if is_in_time]
    return [*stopped, *await StaffReminderStore(session).plan(in_time, now=now)]


def _remindable(chain: Sequence[Appointment], now: datetime) -> list[Appointment]:
    ended = {appointment.id for appointment, _ in ended_appointments(chain)}
    return [
        appointment
        for appointment in chain
        if appointment.id not in ended and appointment.status in AGREED_STATUSES and appointment.starts_at > now
    ]


async def _recipients(
    session: AsyncSession, appointments: Sequence[Appointment], preferences: Sequence[StaffPreferences]
) -> Mapping[_Key, list[StaffRecipient]]:
    """By organization and appointment: the users who have it in their calendar, may see it, and want to be reminded."""
    chosen = {(each.organization_id, each.user_id): each for each in preferences}
    users = [user for user in (await UserStore(session).get_all(chosen)).values() if user.is_active]
    calendars = await _calendars(session, appointments) if users else {}
    found: dict[_Key, list[StaffRecipient]] = defaultdict(list)
    for appointment in appointments:
        for user in users:
            if user.organization_id != appointment.organization_id or not user.may_see(appointment):
                continue
            for member in appointment.staff:
                if has_calendar(user, calendars.get((appointment.organization_id, "resource", member.id))):
                    found[appointment.organization_id, appointment.id].append(
                        StaffRecipient(resource_id=member.id, preferences=chosen[user.organization_id, user.id])
                    )
                    break
    return found


def has_calendar(user: User, calendar: CatalogueItem | None) -> bool:
    """Whether a calendar names the user, or is the one that they are limited to."""
    return (
        calendar is not None
        and not calendar.archived
        and (calendar.user_id == user.id or calendar.id == user.resource_id)
    )


async def _calendars(
    session: AsyncSession, appointments: Sequence[Appointment]
) -> dict[tuple[UUID, str, UUID], CatalogueItem]:
    keys = {
        (appointment.organization_id, "resource", member.id)
        for appointment in appointments
        for member in appointment.staff
    }
    return await CatalogueStore(session).get_all(keys) if keys else {}


async def _stop_others(
    session: AsyncSession,
    appointments: Sequence[Appointment],
    wanted: Sequence[Draft],
    preferences: Sequence[StaffPreferences],
    recipients: Mapping[_Key, Sequence[StaffRecipient]],
    now: datetime,
) -> list[Message]:
    """Stops what nobody wants any more, and what is wanted at a time that has come already."""
    store = StaffReminderStore(session)
    due = {(draft.organization_id, draft.key): draft.due_at for draft in wanted}
    reminded = {(each.organization_id, each.user_id) for each in preferences}
    stopped: list[Message] = []
    for message in await store.unsent_of({(item.organization_id, item.id) for item in appointments}):
        due_at = due.get((message.organization_id, message.key))
        if due_at is None:
            theirs = recipients[message.organization_id, message.appointment_id]
            is_theirs = any(each.preferences.user_id == message.user_id for each in theirs)
            is_off = is_theirs or (message.organization_id, message.user_id) not in reminded
            stopped += await store.stop(message, SWITCHED_OFF if is_off else UNASSIGNED, now=now)
        elif due_at != message.due_at and due_at <= now:
            stopped += await store.stop(message, TOO_LATE, now=now)
    return stopped
