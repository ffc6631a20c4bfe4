"""Moving reminders that are planned where quiet hours, or the zone that they are kept in, have changed.

Each is moved from the time that it is wanted at, not from where it was moved to before: so twice is as good as once.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.contacts import Client
from notifications.domain.messages import Channel, Message
from notifications.domain.quiet_hours import QuietHours, reminder_due
from notifications.publishers import records_of
from notifications.storage import AppointmentStore, ClientStore, QuietHoursStore
from notifications.storage.quiet_hours import PlannedReminder
from slotstream_servicekit.outbox import enqueue

Chain = tuple[UUID, str]
ClientKey = tuple[UUID, UUID]

RELEASE_EVERY: Final = timedelta(milliseconds=100)
"""What waited for the end of quiet hours goes one by one where these are over sooner, and not all at once."""


async def move_reminders(
    *, session: AsyncSession, chains: Collection[Chain], channel: Channel | None, now: datetime
) -> list[Message]:
    """Moves what is planned for clients about these chains, by `channel` or by all; those that were moved.

    What is due already, is being sent, or is tried again, stays: it is judged by the new hours when it is sent.
    """
    appointments = await AppointmentStore(session).lock_chains(chains)
    zones = {(appointment.organization_id, appointment.id): appointment.zone for appointment in appointments}
    store = QuietHoursStore(session)
    planned = await store.planned_reminders(zones.keys(), channel, now=now)
    quiet = await store.of_organizations({organization_id for organization_id, _ in zones})
    clients = await ClientStore(session).get_all(
        {(each.organization_id, each.client_id) for each in planned if each.client_id is not None}
    )
    due = {each: _due(each, quiet, clients, zones, now) for each in planned}
    return await store.move({each: due_at for each, due_at in due.items() if due_at != each.due_at}, now=now)


def _due(
    reminder: PlannedReminder,
    quiet: Mapping[tuple[UUID, Channel], QuietHours],
    clients: Mapping[ClientKey, Client],
    zones: Mapping[tuple[UUID, UUID], str],
    now: datetime,
) -> datetime:
    client = clients.get((reminder.organization_id, reminder.client_id)) if reminder.client_id is not None else None
    booked_in = zones[reminder.organization_id, reminder.appointment_id]
    return reminder_due(
        reminder.lead.due_at(reminder.starts_at, booked_in),
        starts_at=reminder.starts_at,
        quiet=quiet.get((reminder.organization_id, reminder.channel)),
        zone=(client.zone if client is not None else None) or booked_in,
        now=now,
    )


async def release_held(
    *, session: AsyncSession, organization_id: UUID, channel: Channel, after: UUID | None, now: datetime, most: int
) -> Sequence[UUID]:
    """Has the next that wait for the end of quiet hours judged anew, one after the other; their ids."""
    store = QuietHoursStore(session)
    held = await store.held(organization_id, channel, after=after, now=now, limit=most)
    await store.release(
        organization_id, {message_id: now + place * RELEASE_EVERY for place, message_id in enumerate(held)}
    )
    return held


async def zones_of(*, session: AsyncSession, clients: Collection[ClientKey]) -> dict[ClientKey, str | None]:
    """Where the clients are, who was merged where they are now; None for those who are not known, or do not say."""
    known = await ClientStore(session).get_all(clients)
    return {key: known[key].zone if key in known else None for key in clients}


async def move_for_zones(*, session: AsyncSession, before: Mapping[ClientKey, str | None], now: datetime) -> bool:
    """Moves the reminders of clients who are in another zone now; whether any may be due by that."""
    after = await zones_of(session=session, clients=before.keys())
    elsewhere = {key for key, zone in after.items() if zone != before[key]}
    store = QuietHoursStore(session)
    if not elsewhere or not await store.of_organizations({organization_id for organization_id, _ in elsewhere}):
        return False
    everybody = await ClientStore(session).with_merged(elsewhere)
    chains = await store.chains_of_clients(everybody)
    moved = await move_reminders(session=session, chains=chains, channel=None, now=now) if chains else []
    await enqueue(session, records_of(moved))
    return await store.release_clients(everybody, now=now) or bool(moved)
