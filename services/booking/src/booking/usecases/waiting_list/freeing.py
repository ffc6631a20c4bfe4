"""What was freed is noted for those who wait: by appointments, or by an offer that came to nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment
from booking.domain.changes import Change
from booking.domain.waiting_list import EntryStatus, FreedTime, Offer, WaitingListEntry
from booking.publishers import WaitingListEntryWithdrawn, hold_tombstone, waiting_list_record
from booking.storage.connections import connection_of
from booking.storage.freed_times import FREED_CHANNEL, FreedTimeStore
from booking.storage.holds import HoldStore
from booking.storage.outbox import enqueue_records
from booking.storage.waiting_list import WaitingListStore
from slotstream_contracts.waiting_list import WaitingListEvent
from slotstream_servicekit.context import Context
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.limits import UNLIMITED, Limits, beyond_limits
from slotstream_servicekit.notify import notify

_JOINING: Final = timedelta(minutes=5)
"""How long freed time that nobody on the list wants is kept for whoever has seen that all is taken, and is joining."""


async def note_freed(session: AsyncSession, changes: Sequence[tuple[Appointment, Change]], *, context: Context) -> None:
    """Of these changes, the time to come that they have given back, by whatever verb."""
    times = [
        FreedTime(
            organization_id=appointment.organization_id,
            id=new_id(),
            freed_by=appointment.id,
            business_id=appointment.business_id,
            begins=change.gives_back[0],
            ends=change.gives_back[1],
        )
        for appointment, change in changes
        if change.gives_back is not None and change.gives_back[1] > context.now
    ]
    await note_times(session, context.organization_id, times, now=context.now, limits=context.limits)


async def note_times(
    session: AsyncSession,
    organization_id: UUID,
    times: Sequence[FreedTime],
    *,
    now: datetime,
    limits: Limits = UNLIMITED,
) -> None:
    """Has the worker offer them to those who wait, or join in the next minutes."""
    if not times:
        return
    connection = await connection_of(session)
    # Who waits is none of a limited caller's business, but whom the time goes to is not theirs to decide either.
    async with beyond_limits(connection, limits):
        store = FreedTimeStore(connection, organization_id)
        is_wanted = await store.note(times, now=now, joining_until=now + _JOINING)
    if is_wanted:
        await notify(session, FREED_CHANNEL)


async def _pass_on(session: AsyncSession, entry: WaitingListEntry, offer: Offer, *, context: Context) -> None:
    """What the offer held is for the next; and where the client waits on, they may have what was kept meanwhile.

    Where what was kept begins with the offer, and so leads to all starts that the offer's own time would, it is enough.
    """
    waits = entry.status is EntryStatus.WAITING
    times = await FreedTimeStore(await connection_of(session), entry.organization_id).wake(
        entry.business_id,
        entry.window_from if waits else offer.starts_at,
        entry.window_to if waits else offer.ends_at,
        now=context.now,
    )
    if times:
        await notify(session, FREED_CHANNEL)
    if any(begins == offer.starts_at and offer.ends_at <= ends for begins, ends in times):
        return
    freed = FreedTime(
        organization_id=entry.organization_id,
        id=new_id(),
        freed_by=offer.id,
        business_id=entry.business_id,
        begins=offer.starts_at,
        ends=offer.ends_at,
    )
    await note_times(session, context.organization_id, [freed], now=context.now, limits=context.limits)


async def end_offer(
    session: AsyncSession,
    entry: WaitingListEntry,
    status: EntryStatus,
    event: type[WaitingListEvent],
    *,
    context: Context,
) -> WaitingListEntry:
    """Takes the offer back, if there is one, and what it held is for the next. `entry` is locked."""
    connection = await connection_of(session)
    ended = entry.ended(status, now=context.now)
    await WaitingListStore(connection, entry.organization_id).save(ended)
    records = [waiting_list_record(event, ended, context)]
    offer = entry.offer
    if offer is not None:
        if await HoldStore(connection, entry.organization_id).remove(offer.id):
            records.append(hold_tombstone(offer.id, organization_id=entry.organization_id))
        await _pass_on(session, ended, offer, context=context)
    await enqueue_records(connection, records)
    return ended


async def withdraw(session: AsyncSession, entry: WaitingListEntry, *, context: Context) -> WaitingListEntry:
    """Takes somebody off the list who waits or has an offer. `entry` is locked."""
    return await end_offer(session, entry, EntryStatus.WITHDRAWN, WaitingListEntryWithdrawn, context=context)
