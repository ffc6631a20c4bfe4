"""Hearing of appointments, clients and the catalogue: remember, plan, move, stop."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import (
    Appointment,
    Asked,
    CatalogueItem,
    Client,
    Draft,
    Heard,
    asked_message,
    immediate_messages,
    rules_for,
)
from notifications.publishers import records_of
from notifications.storage import (
    AppointmentStore,
    CatalogueStore,
    ClientStore,
    MessageStore,
    ReminderRuleStore,
    ReminderStore,
)
from notifications.usecases.planning import plan_reminders
from slotstream_servicekit.errors import NotFoundError, TransientError
from slotstream_servicekit.outbox import enqueue

_Key = tuple[UUID, UUID]
_LONGEST_AHEAD = timedelta(minutes=10)


async def hear_appointments(
    session: AsyncSession, *, heard: Sequence[Heard], now: datetime, newest_only: timedelta, notify_staff: bool
) -> bool:
    """Plans what the events call for; whether anything was planned. Safe to run twice on the same events."""
    snapshots = [each for one in heard for each in (one.appointment, one.replacement) if each is not None]
    store = AppointmentStore(session)
    known = await store.get_all({(each.organization_id, each.id) for each in snapshots})
    contacts = await _contacts(session, snapshots, known.values())
    drafts: list[Draft] = []
    newest = dict(known)
    for one in heard:
        key = (one.appointment.organization_id, one.appointment.id)
        before = newest.get(key)
        _learn(newest, one)
        subject = one.replacement or one.appointment
        drafts += immediate_messages(
            one,
            newest=newest[subject.organization_id, subject.id],
            before=before,
            contacts=contacts,
            now=now,
            newest_only=newest_only,
            notify_staff=notify_staff,
        )
    await store.remember([each for key, each in newest.items() if each is not known.get(key)])
    await _apply_rules(session, heard, now)
    planned = await MessageStore(session).plan(drafts, now=now)
    last = heard[-1]
    moved = await plan_reminders(
        session,
        chains={each.chain for each in snapshots},
        now=now,
        correlation_id=last.correlation_id,
        traceparent=last.traceparent,
    )
    await enqueue(session, records_of([*planned, *moved]))
    return bool(planned or moved)


def _learn(newest: dict[_Key, Appointment], heard: Heard) -> None:
    for each in (heard.appointment, heard.replacement):
        if each is not None:
            key = (each.organization_id, each.id)
            if key not in newest or newest[key].version < each.version:
                newest[key] = each


async def _contacts(
    session: AsyncSession, snapshots: Sequence[Appointment], known: Collection[Appointment]
) -> dict[UUID, CatalogueItem]:
    staff = {(one.organization_id, "resource", each.id) for one in (*snapshots, *known) for each in one.staff}
    return {key[2]: each for key, each in (await CatalogueStore(session).get_all(staff)).items()} if staff else {}


async def _apply_rules(session: AsyncSession, heard: Sequence[Heard], now: datetime) -> None:
    """Gives each newly made appointment its default reminders; a replacement keeps those of its chain."""
    made = [one.appointment for one in heard if one.verb == "create" and one.appointment.rescheduled_from is None]
    if not made:
        return
    rules = await ReminderRuleStore(session).of_organizations({each.organization_id for each in made})
    applied = [
        (each.calendar_uid, rule)
        for each in made
        for rule in rules_for(each, [rule for rule in rules if rule.organization_id == each.organization_id])
    ]
    if applied:
        await ReminderStore(session).apply_rules(applied, now=now)


async def hear_requests(session: AsyncSession, *, asked: Sequence[Asked], now: datetime) -> None:
    """Puts each message that somebody asks for into the ledger, once by its id, and says what became of it.

    The appointment may travel on another topic still: a request that is ahead of it waits; one that has waited
    for ten minutes is about nothing.
    """
    known = await AppointmentStore(session).get_all({(one.organization_id, one.appointment_id) for one in asked})
    drafts = []
    for one in asked:
        about = known.get((one.organization_id, one.appointment_id))
        if about is None and one.time > now - _LONGEST_AHEAD:
            raise TransientError(f"Appointment {one.appointment_id} has not been heard of yet.")
        if about is None:
            raise NotFoundError(f"There is no appointment {one.appointment_id}.")
        drafts.append(asked_message(one, about))
    await enqueue(session, records_of(await MessageStore(session).plan(drafts, now=now)))


async def remember_appointments(session: AsyncSession, *, heard: Sequence[Heard]) -> None:
    """Only remembers the newest states, for a rebuild of the projection."""
    newest: dict[_Key, Appointment] = {}
    for one in heard:
        _learn(newest, one)
    await AppointmentStore(session).remember(list(newest.values()))


async def hear_clients(
    session: AsyncSession, *, states: Sequence[Client], erased: Sequence[UUID], now: datetime
) -> bool:
    """Remembers clients, forgets the erased; whether messages were waiting for one of them.

    Nobody is both in `states` and `erased`: the caller keeps what came last.
    """
    clients, messages = ClientStore(session), MessageStore(session)
    newest: dict[_Key, Client] = {}
    for each in states:
        newest[each.organization_id, each.id] = max(
            each, newest.get((each.organization_id, each.id), each), key=lambda state: state.version
        )
    await clients.remember(list(newest.values()))
    if erased:
        gone = await clients.erase(erased)
        await enqueue(session, records_of(await messages.forget_addresses(gone, now=now)))
    return bool(newest) and await messages.wake({each.organization_id for each in newest.values()}, now=now)


async def hear_catalogue(session: AsyncSession, *, states: Sequence[CatalogueItem], now: datetime) -> bool:
    """Remembers businesses, resources and services; whether messages were waiting for one of them."""
    newest: dict[tuple[UUID, str, UUID], CatalogueItem] = {}
    for each in states:
        key = (each.organization_id, each.kind, each.id)
        newest[key] = max(each, newest.get(key, each), key=lambda state: state.version)
    await CatalogueStore(session).remember(list(newest.values()))
    return await MessageStore(session).wake({each.organization_id for each in newest.values()}, now=now)
