"""Planning messages: what appointment events call for, and reminders that move and stop with their appointments."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.appointments import Appointment, AppointmentChange
from notifications.domain.channels import LANDLINE, NO_ADDRESS, Channels, InvalidAddressError, LandlineError
from notifications.domain.contacts import CatalogueItem, Client
from notifications.domain.follow_ups import due_follow_ups, undone_no_shows
from notifications.domain.messages import Channel, Draft, Kind, Message
from notifications.domain.planning import due_reminders, ended_appointments, immediate_messages
from notifications.domain.quiet_hours import QuietHours, reminder_due
from notifications.domain.rules import rules_for
from notifications.domain.users import StaffPreferences
from notifications.publishers import records_of
from notifications.storage import (
    AppointmentStore,
    CatalogueStore,
    ClientStore,
    Devices,
    FollowUpRuleStore,
    MessageStore,
    PushSubscriptionStore,
    QuietHoursStore,
    ReminderRuleStore,
    ReminderStore,
    SeriesStore,
    StaffPreferenceStore,
    Stop,
    UnaddressedStore,
)
from notifications.usecases.channel_accounts import read_channels
from notifications.usecases.projections import newest_states
from notifications.usecases.staff_reminders import plan_staff_reminders
from slotstream_servicekit.context import Cause
from slotstream_servicekit.outbox import enqueue

Chain = tuple[UUID, str]
"""Organization and calendar UID: an appointment and its reschedulings."""


async def plan_messages(
    *,
    session: AsyncSession,
    changes: Sequence[AppointmentChange],
    channels: Channels,
    now: datetime,
    news_lifetime: timedelta,
    passed_over_after: timedelta,
    notify_staff: bool,
) -> bool:
    """Plans what the events call for; whether anything was planned. Safe to run twice on the same events.

    Events older than `passed_over_after` are no news: their states are kept, and move and stop reminders.
    """
    store = AppointmentStore(session)
    known = await store.get_all(newest_states(changes).keys())
    snapshots = [appointment for change in changes for appointment in (change.appointment, change.subject)]
    contacts = await _contacts(session, [*snapshots, *known.values()])
    people = {(appointment.organization_id, appointment.client_id) for appointment in snapshots}
    subscribed = await subscribed_since(session, people, contacts) if channels.subscribed else {}
    is_answered = any(change.verb == "confirm" and change.actor_type == "client" for change in changes)
    chosen = await chosen_by(session, contacts) if is_answered else {}
    drafts = [
        draft
        for draft in _immediate_drafts(
            changes, known, contacts, subscribed, chosen, channels, now, news_lifetime, notify_staff=notify_staff
        )
        if draft.due_at >= now - passed_over_after
    ]
    await store.put(list(newest_states(changes).values()))
    await _apply_rules(session, changes, now)
    messages = MessageStore(session)
    newest = newest_states(changes, known)
    reopened = set(undone_no_shows(changes, newest=newest))
    undone = await messages.stop_kind(Kind.FOLLOW_UP, reopened, "superseded", now=now)
    recent = [change for change in changes if change.time >= now - passed_over_after]
    drafts += await _follow_ups(session, recent, newest, now, news_lifetime)
    planned = await messages.plan(await SeriesStore(session).numbered(drafts), now=now)
    # What tells of a series may wait for one of its appointments.
    waited_for = {change.appointment.organization_id for change in changes if change.with_series}
    woken = bool(waited_for) and await messages.wake(waited_for, now=now)
    last = changes[-1]
    moved = await plan_reminders(
        session=session,
        channels=channels,
        chains={appointment.chain for appointment in snapshots},
        cause=Cause(correlation_id=last.correlation_id, traceparent=last.traceparent),
        now=now,
    )
    await enqueue(session, records_of([*undone, *planned, *moved]))
    return bool(planned or moved) or woken


async def _follow_ups(
    session: AsyncSession,
    changes: Sequence[AppointmentChange],
    newest: Mapping[tuple[UUID, UUID], Appointment],
    now: datetime,
    news_lifetime: timedelta,
) -> list[Draft]:
    organizations = {change.appointment.organization_id for change in changes if change.verb == "no_show"}
    rules = await FollowUpRuleStore(session).of_organizations(organizations) if organizations else []
    return due_follow_ups(changes, newest=newest, rules=rules, now=now, news_lifetime=news_lifetime) if rules else []


def _immediate_drafts(
    changes: Sequence[AppointmentChange],
    known: Mapping[tuple[UUID, UUID], Appointment],
    contacts: Mapping[UUID, CatalogueItem],
    subscribed: Mapping[UUID, datetime],
    chosen: Mapping[UUID, StaffPreferences],
    channels: Channels,
    now: datetime,
    news_lifetime: timedelta,
    *,
    notify_staff: bool,
) -> list[Draft]:
    """Goes through the events in order, each judged by the newest state known up to it."""
    newest = dict(known)
    drafts: list[Draft] = []
    for change in changes:
        before = newest.get((change.appointment.organization_id, change.appointment.id))
        newest = newest_states([change], newest)
        drafts += immediate_messages(
            change,
            newest=newest[change.subject.organization_id, change.subject.id],
            before=before,
            contacts=contacts,
            channels=channels.immediate,
            now=now,
            news_lifetime=news_lifetime,
            notify_staff=notify_staff,
            by_subscription=channels.subscribed,
            subscribed=subscribed,
            chosen=chosen,
        )
    return drafts


async def chosen_by(session: AsyncSession, contacts: Mapping[UUID, CatalogueItem]) -> dict[UUID, StaffPreferences]:
    """What the users of these resources have chosen, by resource."""
    users = {(item.organization_id, item.user_id) for item in contacts.values() if item.user_id}
    known = await StaffPreferenceStore(session).get_all(users)
    return {
        resource_id: known[item.organization_id, item.user_id]
        for resource_id, item in contacts.items()
        if item.user_id and (item.organization_id, item.user_id) in known
    }


async def subscribed_since(
    session: AsyncSession, clients: Collection[tuple[UUID, UUID]], contacts: Mapping[UUID, CatalogueItem]
) -> dict[UUID, datetime]:
    """Those of `clients` (organization, id) and of the resources who have a browser that takes push messages, and since
    when they have had the first.
    """
    store = PushSubscriptionStore(session)
    known = await ClientStore(session).get_all(clients)
    of_clients = await store.of_clients({(client.organization_id, client.id) for client in known.values()})
    of_users = await store.of_users(
        {(item.organization_id, item.user_id) for item in contacts.values() if item.user_id}
    )
    found: dict[UUID, Devices] = {
        client_id: of_clients.get((client.organization_id, client.id), ()) for (_, client_id), client in known.items()
    }
    for resource_id, item in contacts.items():
        found[resource_id] = of_users.get((item.organization_id, item.user_id or ""), ())
    return {person: min(device.created_at for device in devices) for person, devices in found.items() if devices}


async def _contacts(session: AsyncSession, appointments: Collection[Appointment]) -> dict[UUID, CatalogueItem]:
    keys = {
        (appointment.organization_id, "resource", member.id)
        for appointment in appointments
        for member in appointment.staff
    }
    if not keys:
        return {}
    return {resource_id: item for (_, _, resource_id), item in (await CatalogueStore(session).get_all(keys)).items()}


async def _apply_rules(session: AsyncSession, changes: Sequence[AppointmentChange], now: datetime) -> None:
    """Gives each newly made appointment its default reminders; a replacement keeps those of its chain."""
    made = [
        change.appointment
        for change in changes
        if change.verb == "create" and change.appointment.rescheduled_from is None
    ]
    if not made:
        return
    rules = await ReminderRuleStore(session).of_organizations({appointment.organization_id for appointment in made})
    applied = [(appointment.calendar_uid, rule) for appointment in made for rule in rules_for(appointment, rules)]
    if applied:
        await ReminderStore(session).apply_rules(applied, now=now)


async def plan_reminders(
    *,
    session: AsyncSession,
    channels: Channels,
    chains: Collection[Chain],
    cause: Cause,
    now: datetime,
    asked_at: datetime | None = None,
) -> list[Message]:
    """Moves and stops the messages of these chains; returns those that changed.

    The chains' rows are locked, so that two that plan for one chain at once do not plan side by side. `asked_at`: when
    something else was changed that reminders to staff depend on.
    """
    by_chain: dict[Chain, list[Appointment]] = defaultdict(list)
    for appointment in await AppointmentStore(session).lock_chains(chains):
        by_chain[appointment.chain].append(appointment)
    reminders = defaultdict(list)
    for reminder in await ReminderStore(session).of_chains(chains):
        reminders[reminder.organization_id, reminder.calendar_uid].append(reminder)
    messages = MessageStore(session)
    stops = [stop for chain in by_chain.values() for stop in _stops(chain)]
    stopped = await messages.stop(stops, now=now)
    drafts = [
        draft
        for chain, appointments in by_chain.items()
        for draft in due_reminders(
            appointments,
            reminders[chain],
            correlation_id=cause.correlation_id,
            traceparent=cause.traceparent,
        )
    ]
    zones = {appointment.id: appointment.zone for chain in by_chain.values() for appointment in chain}
    drafts = await _before_quiet_hours(session, drafts, zones, now)
    planned = await messages.plan(await addressed(session, drafts, channels), now=now)
    to_staff = await plan_staff_reminders(
        session=session, chains=[*by_chain.values()], cause=cause, now=now, asked_at=asked_at
    )
    return [*stopped, *planned, *to_staff]


async def _before_quiet_hours(
    session: AsyncSession, drafts: Sequence[Draft], zones: Mapping[UUID, str], now: datetime
) -> list[Draft]:
    """The drafts; a reminder that the client's quiet hours would hold back until it is too late comes before them.

    A call does not: what is said in it is of the moment. `zones`: of appointments, where the client's is not known.
    """
    own = await QuietHoursStore(session).of_organizations({draft.organization_id for draft in drafts})
    if not own:
        return list(drafts)
    keys = {(draft.organization_id, draft.client_id) for draft in drafts if draft.client_id is not None}
    clients = await ClientStore(session).get_all(keys)
    return [_before(draft, own, clients, zones, now) for draft in drafts]


def _before(
    draft: Draft,
    own: Mapping[tuple[UUID, Channel], QuietHours],
    clients: Mapping[tuple[UUID, UUID], Client],
    zones: Mapping[UUID, str],
    now: datetime,
) -> Draft:
    quiet = own.get((draft.organization_id, draft.channel))
    is_moved = draft.kind is Kind.REMINDER and draft.channel is not Channel.VOICE and draft.reason is None
    if quiet is None or not is_moved:
        return draft
    client = clients.get((draft.organization_id, draft.client_id)) if draft.client_id is not None else None
    zone = (client.zone if client is not None else None) or zones.get(draft.appointment_id)
    if zone is None:
        return draft
    due_at = reminder_due(draft.due_at, starts_at=draft.starts_at, quiet=quiet, zone=zone, now=now)
    return replace(draft, due_at=due_at)


async def plan_for_clients(
    *, session: AsyncSession, clients: Collection[tuple[UUID, UUID]], channels: Channels, cause: Cause, now: datetime
) -> bool:
    """Plans what waited for an address which these clients have now: reminders, and what they were written a moment
    ago; whether there was anything.
    """
    if not clients or not channels.names:
        return False
    everybody, store = await ClientStore(session).with_merged(clients), UnaddressedStore(session)
    planned = await store.plan_again(clients=everybody, now=now)
    if chains := await store.chains(everybody, now=now):
        planned += await plan_reminders(session=session, channels=channels, chains=chains, cause=cause, now=now)
    await enqueue(session, records_of(planned))
    return bool(planned)


async def plan_for_staff(*, session: AsyncSession, staff: Collection[tuple[UUID, UUID]], now: datetime) -> bool:
    """Plans what these members of staff (organization, resource) were written a moment ago and have an address for
    now; whether there was anything.
    """
    planned = await UnaddressedStore(session).plan_again(staff=staff, now=now)
    await enqueue(session, records_of(planned))
    return bool(planned)


async def addressed(session: AsyncSession, drafts: Sequence[Draft], channels: Channels) -> list[Draft]:
    """The drafts; one to a client whom its channel does not reach is suppressed at once, so that it is seen."""
    keys = {(draft.organization_id, draft.client_id) for draft in drafts if draft.client_id is not None}
    clients = await ClientStore(session).get_all(keys) if keys else {}
    pushed = {
        (client.organization_id, client.id)
        for draft in drafts
        if draft.channel is Channel.PUSH and draft.client_id is not None
        if (client := clients.get((draft.organization_id, draft.client_id))) is not None
    }
    browsers = await PushSubscriptionStore(session).of_clients(pushed)
    channels = await read_channels(
        session=session, channels=channels, organization_ids={draft.organization_id for draft in drafts}
    )
    return [replace(draft, reason=draft.reason or _unreachable(draft, clients, browsers, channels)) for draft in drafts]


def _unreachable(
    draft: Draft,
    clients: Mapping[tuple[UUID, UUID], Client],
    browsers: Mapping[tuple[UUID, UUID], Devices],
    channels: Channels,
) -> str | None:
    """Why the client is not reached; None as well where that is not known yet: it is judged again when it is due."""
    client = clients.get((draft.organization_id, draft.client_id)) if draft.client_id is not None else None
    channel = channels.of(draft.organization_id).get(draft.channel)
    if client is None or channel is None:
        return None
    try:
        devices = browsers.get((client.organization_id, client.id), ())
        return NO_ADDRESS if channel.address_of(replace(client.contact, devices=devices)) is None else None
    except LandlineError:
        return LANDLINE
    except InvalidAddressError:
        return None


def _stops(chain: Collection[Appointment]) -> list[Stop]:
    """Whatever has ended, reminders of a start that an appointment no longer has, and what is for a former client."""
    ended = {appointment.id: reason for appointment, reason in ended_appointments(chain)}
    stops = []
    for appointment in chain:
        key = appointment.organization_id, appointment.id
        reason = ended.get(appointment.id)
        if reason is not None:
            stops.append(Stop(*key, reason))
        elif appointment.version > 1:
            stops.append(Stop(*key, "moved", keep_starts_at=appointment.starts_at))
            stops.append(Stop(*key, "client_changed", keep_client_id=appointment.client_id))
    return stops
