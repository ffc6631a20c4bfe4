"""Keeping what other services say: appointments, clients and the catalogue."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.appointments import Appointment, AppointmentChange, AppointmentTexts
from notifications.domain.contacts import CatalogueItem, Client
from notifications.publishers import preference_tombstone, records_of
from notifications.storage import (
    AppointmentStore,
    AppointmentTextStore,
    CatalogueStore,
    ClientStore,
    InboundStore,
    MailReplyStore,
    MessageStore,
    PreferenceStore,
    PushSubscriptionStore,
)
from slotstream_servicekit.outbox import enqueue

_Key = tuple[UUID, UUID]


def newest_states(
    changes: Sequence[AppointmentChange], known: Mapping[_Key, Appointment] | None = None
) -> dict[_Key, Appointment]:
    """The newest state of each appointment (organization, id) in `changes`, replacements included, and `known`."""
    newest = dict(known or {})
    for change in changes:
        for appointment in (change.appointment, change.subject):
            key = (appointment.organization_id, appointment.id)
            if key not in newest or newest[key].version < appointment.version:
                newest[key] = appointment
    return newest


async def apply_appointments(*, session: AsyncSession, changes: Sequence[AppointmentChange]) -> None:
    """Only keeps the newest states, for a rebuild of the projection: nobody is told again."""
    await AppointmentStore(session).put(list(newest_states(changes).values()))


async def apply_appointment_states(
    *, session: AsyncSession, texts: Sequence[AppointmentTexts], gone: Sequence[UUID], now: datetime
) -> bool:
    """Keeps what was typed for single appointments; whether messages were waiting for it."""
    store = AppointmentTextStore(session)
    stored = await store.put(texts)
    if gone:
        await store.forget(gone)
    organizations = {organization_id for organization_id, _ in stored}
    return bool(organizations) and await MessageStore(session).wake(organizations, now=now)


async def apply_clients(
    *, session: AsyncSession, states: Sequence[Client], erased: Sequence[UUID], now: datetime
) -> bool:
    """Keeps clients and forgets the erased; whether messages were waiting for one of them."""
    clients, messages = ClientStore(session), MessageStore(session)
    await clients.put(states)
    if erased:
        numbers = await clients.numbers_of(erased)
        keys = await clients.erase(erased)
        await InboundStore(session).forget_clients(keys, numbers)
        await MailReplyStore(session).forget_clients(keys)
        await AppointmentTextStore(session).forget_clients(keys)
        await PushSubscriptionStore(session).forget_clients(keys)
        forgotten = await PreferenceStore(session).forget(keys)
        await enqueue(session, [preference_tombstone(*key) for key in forgotten])
        await clients.forget_answers(keys)
        await enqueue(session, records_of(await messages.forget_clients(keys, now=now)))
    return bool(states) and await messages.wake({client.organization_id for client in states}, now=now)


async def read_clients(*, session: AsyncSession, states: Sequence[Client]) -> list[Client]:
    """Who these are now: not the erased, and by the newest state where an older one has come."""
    return await ClientStore(session).get_own({(client.organization_id, client.id) for client in states})


async def apply_catalogue(*, session: AsyncSession, states: Sequence[CatalogueItem], now: datetime) -> bool:
    """Keeps businesses, resources and services; whether messages were waiting for one of them."""
    await CatalogueStore(session).put(states)
    return await MessageStore(session).wake({item.organization_id for item in states}, now=now)
