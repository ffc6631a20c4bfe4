"""What was freed is noted for those who wait: by a cancellation or a move, or by an offer that came to nothing."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment
from booking.domain.changes import Change
from booking.domain.lifecycle import Verb
from booking.domain.waiting_list import EntryStatus, FreedTime, WaitingListEntry
from booking.publishers import WaitingListEntryWithdrawn, hold_tombstone, waiting_list_record
from booking.storage.connections import connection_of
from booking.storage.holds import HoldStore
from booking.storage.outbox import enqueue_records
from booking.storage.waiting_list import FREED_CHANNEL, WaitingListStore
from slotstream_contracts.waiting_list import WaitingListEvent
from slotstream_servicekit.context import Context
from slotstream_servicekit.limits import beyond_limits
from slotstream_servicekit.notify import notify

_FREEING: Final = frozenset({Verb.CANCEL, Verb.RESCHEDULE})


async def note_freed(session: AsyncSession, changes: Sequence[tuple[Appointment, Change]], *, context: Context) -> None:
    """Of these changes, the time that cancellations and moves have set free. Nothing else is offered to who waits."""
    times = [
        FreedTime(
            organization_id=appointment.organization_id,
            id=appointment.id,
            business_id=appointment.business_id,
            begins=appointment.starts_at,
            ends=appointment.ends_at,
        )
        for appointment, change in changes
        if change.verb in _FREEING and appointment.starts_at > context.now
    ]
    await _note(session, times, context=context)


async def _note(session: AsyncSession, times: Sequence[FreedTime], *, context: Context) -> None:
    if not times:
        return
    connection = await connection_of(session)
    # Who waits is none of a limited caller's business, but whom the time goes to is not theirs to decide either.
    async with beyond_limits(connection, context.limits):
        kept = await WaitingListStore(connection, context.organization_id).note_freed(times, now=context.now)
    if kept:
        await notify(session, FREED_CHANNEL)


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
        freed = FreedTime(
            organization_id=entry.organization_id,
            id=offer.id,
            business_id=entry.business_id,
            begins=offer.starts_at,
            ends=offer.ends_at,
        )
        await _note(session, [freed], context=context)
    await enqueue_records(connection, records)
    return ended


async def withdraw(session: AsyncSession, entry: WaitingListEntry, *, context: Context) -> WaitingListEntry:
    """Takes somebody off the list who waits or has an offer. `entry` is locked."""
    return await end_offer(session, entry, EntryStatus.WITHDRAWN, WaitingListEntryWithdrawn, context=context)
