"""Daily agendas: planned one ahead for each user, and written from what is known when they are due."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.agenda import (
    MOST_ENTRIES,
    Agenda,
    AgendaEntry,
    agenda_draft,
    agenda_key,
    day_of,
    next_agendas,
    span_of,
)
from notifications.domain.appointments import Appointment
from notifications.domain.channels import Channels, InvalidAddressError, NotificationChannel
from notifications.domain.contacts import CatalogueItem, Contact
from notifications.domain.messages import Message, Status
from notifications.domain.retries import RetryPolicy
from notifications.domain.users import USER_DEACTIVATED, USER_REMOVED, StaffPreferences, User
from notifications.publishers import records_of
from notifications.storage import (
    AgendaStore,
    AppointmentStore,
    AppointmentTextStore,
    CatalogueStore,
    ClientStore,
    Settlement,
    StaffPreferenceStore,
    UserStore,
)
from notifications.storage.agendas import EMPTY, MOVED, NO_CALENDAR, SWITCHED_OFF
from notifications.storage.users import UserKey
from notifications.usecases.eligibility import Sendable
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue

TOO_LATE: Final = "too_late"


async def plan_agendas(*, session: AsyncSession, users: Collection[UserKey], cause: Cause, now: datetime) -> bool:
    """Gives each of these users the next agenda that they want, and takes others away; whether anything changed.

    Users who are not known yet, or may not sign in, have none. Two that plan for one user take turns.
    """
    preferences = await StaffPreferenceStore(session).get_all(users, lock=True)
    known = await UserStore(session).get_all(preferences.keys())
    changed: list[Message] = []
    for key, chosen in sorted(preferences.items()):
        user = known.get(key)
        if user is not None and user.is_active:
            changed += await _plan_one(session, chosen, user, cause, now)
    await enqueue(session, records_of(changed))
    return bool(changed)


async def _plan_one(
    session: AsyncSession, chosen: StaffPreferences, user: User, cause: Cause, now: datetime
) -> list[Message]:
    store = AgendaStore(session)
    whose = (chosen.organization_id, chosen.user_id)
    if chosen.agenda_at is None:
        return await store.stop(*whose, SWITCHED_OFF, now=now)
    zone = zone_of(await calendars_of(session, user), user)
    if zone is None:
        return await store.stop(*whose, NO_CALENDAR, now=now)
    days = list(next_agendas(chosen, zone=zone, now=now))
    known = await store.known(chosen.organization_id, [agenda_key(chosen.user_id, day) for day, _ in days])
    for day, due_at in days:
        key = agenda_key(chosen.user_id, day)
        there = known.get(key)
        planned = None
        if there is None or there.status is not Status.PLANNED or there.due_at != due_at:
            draft = agenda_draft(chosen, day, due_at, message_id=new_id(), correlation_id=cause.correlation_id)
            planned = await store.plan(draft, now=now)
            if planned is None:
                # That day has been told.
                continue
        others = await store.stop(*whose, MOVED, now=now, but=key)
        return [*others, planned] if planned is not None else others
    return []


async def calendars_of(session: AsyncSession, user: User) -> list[CatalogueItem]:
    return await CatalogueStore(session).calendars_of(user.organization_id, user.id, user.resource_id)


def zone_of(calendars: Sequence[CatalogueItem], user: User) -> str | None:
    """Where the user is: the zone of their calendar; None for who has none."""
    own = [calendar for calendar in calendars if calendar.user_id == user.id] or calendars
    return next((calendar.zone for calendar in own if calendar.zone), None)


async def judge_agenda(
    *, session: AsyncSession, message: Message, channels: Channels, retries: RetryPolicy, now: datetime
) -> Sendable | Settlement:
    """Ready to be composed and sent; or what becomes of it: an empty day, and one that is over, are not told."""
    try:
        return await _sendable(session, message, channels, retries, now)
    except _NotSendable as end:
        return end.settlement


class _NotSendable(Exception):  # noqa: N818 - no error, but how a judgement ends early
    def __init__(self, settlement: Settlement) -> None:
        super().__init__(settlement.reason or settlement.code)
        self.settlement = settlement


async def _sendable(
    session: AsyncSession, message: Message, channels: Channels, retries: RetryPolicy, now: datetime
) -> Sendable:
    channels = channels.of(message.organization_id)
    channel = channels.get(message.channel)
    if channel is None:
        raise _suppressed("channel_unavailable")
    user = await _user(session, message, retries, now)
    calendars = await calendars_of(session, user)
    zone = zone_of(calendars, user)
    if zone is None:
        raise _suppressed(NO_CALENDAR)
    appointments = await _appointments(session, user, calendars, *span_of(day_of(message.key), zone))
    if not appointments:
        raise _suppressed(EMPTY)
    if all(appointment.ends_at <= now for appointment in appointments):
        raise _suppressed(TOO_LATE)
    first = appointments[0]
    businesses = await _businesses(session, appointments)
    if first.business_id not in businesses:
        raise _not_known_yet("business", message, retries, now)
    contact = user.contact(zone)
    return Sendable(
        message=message,
        channel=channel,
        account=channels.account_of(message.channel),
        appointment=first,
        business=businesses[first.business_id],
        client_id=first.client_id,
        client_name="",
        asks_confirmation=False,
        location="",
        recipient=contact,
        address=_address(channel, contact),
        zone=zone,
        templates=[],
        template=None,
        agenda=Agenda(
            day=day_of(message.key),
            zone=zone,
            entries=await _entries(session, appointments[:MOST_ENTRIES], businesses),
            left_out=max(0, len(appointments) - MOST_ENTRIES),
        ),
    )


async def _user(session: AsyncSession, message: Message, retries: RetryPolicy, now: datetime) -> User:
    key = (message.organization_id, message.user_id or "")
    users = UserStore(session)
    user = (await users.get_all([key])).get(key)
    if user is None and await users.removed([key]):
        raise _suppressed(USER_REMOVED)
    if user is None:
        raise _not_known_yet("user", message, retries, now)
    if not user.is_active:
        raise _suppressed(USER_DEACTIVATED)
    return user


def _address(channel: NotificationChannel, contact: Contact) -> str:
    try:
        address = channel.address_of(contact)
    except InvalidAddressError as error:
        detail = f"nothing can be sent by {channel.name} to the recipient's address"
        raise _NotSendable(Settlement(status=Status.FAILED, code="invalid_address", detail=detail)) from error
    if address is None:
        raise _suppressed("no_address")
    return address


async def _appointments(
    session: AsyncSession, user: User, calendars: Sequence[CatalogueItem], begins: datetime, ends: datetime
) -> list[Appointment]:
    """What is in the user's calendars on that day, as far as the user may see it."""
    known = await AppointmentStore(session).of_day(
        user.organization_id, [calendar.id for calendar in calendars], begins=begins, ends=ends
    )
    return [appointment for appointment in known if user.may_see(appointment)]


async def _businesses(session: AsyncSession, appointments: Sequence[Appointment]) -> dict[UUID, CatalogueItem]:
    keys = {(appointment.organization_id, "business", appointment.business_id) for appointment in appointments}
    return {key[2]: item for key, item in (await CatalogueStore(session).get_all(keys)).items()}


async def _entries(
    session: AsyncSession, appointments: Sequence[Appointment], businesses: Mapping[UUID, CatalogueItem]
) -> tuple[AgendaEntry, ...]:
    clients = await ClientStore(session).get_all({(each.organization_id, each.client_id) for each in appointments})
    texts = await AppointmentTextStore(session).get_all((each.organization_id, each.id) for each in appointments)
    several = len({each.business_id for each in appointments}) > 1

    def entry(appointment: Appointment) -> AgendaEntry:
        client = clients.get((appointment.organization_id, appointment.client_id))
        typed = texts.get((appointment.organization_id, appointment.id))
        business = businesses.get(appointment.business_id)
        name = (typed.service_name if typed is not None else None) or appointment.service_name
        return AgendaEntry(
            appointment=replace(appointment, service_name=name or appointment.action_name or ""),
            client_name=client.name if client is not None else "",
            business_name=business.name if several and business is not None else "",
        )

    return tuple(entry(appointment) for appointment in appointments)


def _not_known_yet(what: str, message: Message, retries: RetryPolicy, now: datetime) -> _NotSendable:
    code, planned_at = f"{what}_unknown", max(message.created_at, message.due_at)
    next_attempt_at = retries.look_again(planned_at=planned_at, now=now)
    if next_attempt_at is None:
        detail = f"the {what} did not become known in time"
        return _NotSendable(Settlement(status=Status.FAILED, code=code, detail=detail))
    return _NotSendable(Settlement(status=Status.PLANNED, code=code, next_attempt_at=next_attempt_at, waits=True))


def _suppressed(reason: str) -> _NotSendable:
    return _NotSendable(Settlement(status=Status.SUPPRESSED, reason=reason))
