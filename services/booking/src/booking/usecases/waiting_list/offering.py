"""What the worker does with the list: it offers freed time in order, takes back what nobody answered, ends windows."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.errors import WorkFailedError, WorkFailure
from booking.domain.holds import Hold, HoldRequest
from booking.domain.policy import Policy
from booking.domain.waiting_list import EntryStatus, FreedTime, Offer, WaitingListEntry, possible_starts
from booking.publishers import (
    WaitingListEntryExpired,
    WaitingListEntryLapsed,
    WaitingListEntryOffered,
    waiting_list_record,
)
from booking.storage.bookings import BookingStore
from booking.storage.connections import connection_of
from booking.storage.outbox import enqueue_records
from booking.storage.policies import PolicyCache
from booking.storage.waiting_list import WaitingListStore, next_freed, next_lapsed, next_over
from booking.usecases.holds import hold_slot
from booking.usecases.waiting_list.freeing import end_offer
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.database import Connection, unavailable_as_transient
from slotstream_servicekit.errors import RETRYABLE_KINDS, SlotstreamError
from slotstream_servicekit.ids import new_id

_SYSTEM: Final = Actor(type="system", id="waiting_list")
_AT_ONCE: Final = 100
_PUT_OFF: Final = timedelta(minutes=5)

_Refused = set[tuple[UUID, UUID | None, datetime]]
"""Service, resource and start of what cannot be had."""


async def offer_next(*, session: AsyncSession, policies: PolicyCache, now: datetime, hold: timedelta) -> bool:
    """Offers one slot of freed time to whoever has waited longest for it; whether there was any freed time.

    Time of which nothing can be offered to anybody is let go of. Raises WorkFailedError, which names an entry or a
    freed time.
    """
    connection = await connection_of(session)
    freed = await next_freed(connection, now=now)
    if freed is None:
        return False
    try:
        with unavailable_as_transient():
            if not await _offer(connection, policies, freed, now=now, hold=hold):
                await WaitingListStore(connection, freed.organization_id).forget_freed(freed)
    except WorkFailedError:
        raise
    except Exception as error:
        raise WorkFailedError(freed.organization_id, freed.id) from error
    return True


async def _offer(
    connection: Connection, policies: PolicyCache, freed: FreedTime, *, now: datetime, hold: timedelta
) -> bool:
    """Whether a slot was offered: then there may be more of the freed time, for somebody else."""
    store = WaitingListStore(connection, freed.organization_id)
    await store.take_turns()
    policy = await policies.current(connection, freed.organization_id)
    context = _context(freed.organization_id, freed.id, now)
    refused: _Refused = set()
    after: WaitingListEntry | None = None
    while entries := await store.waiting_for(freed, after=after, now=now, limit=_AT_ONCE):
        for entry in entries:
            try:
                if await _offer_to(entry, freed, connection, policies, policy, context, hold=hold, refused=refused):
                    return True
            except SlotstreamError:
                raise
            except Exception as error:
                raise WorkFailedError(entry.organization_id, entry.id) from error
        after = entries[-1]
    return False


async def _offer_to(
    entry: WaitingListEntry,
    freed: FreedTime,
    connection: Connection,
    policies: PolicyCache,
    policy: Policy,
    context: Context,
    *,
    hold: timedelta,
    refused: _Refused,
) -> bool:
    """Holds the first slot of the freed time that suits, judged as any hold is, and says so; whether there was one."""
    service = policy.services.get(entry.service_id)
    if service is None or service.archived:
        return False
    for start in possible_starts(entry, freed, service, now=context.now, hold=hold):
        wanted = (entry.service_id, entry.resource_id, start)
        if wanted in refused:
            continue
        request = HoldRequest(
            id=new_id(),
            business_id=entry.business_id,
            service_id=entry.service_id,
            starts_at=start,
            duration=None,
            resource_ids=(entry.resource_id,) if entry.resource_id is not None else None,
            lasts=hold,
        )
        try:
            async with connection.transaction():
                kept = await hold_slot(connection=connection, policies=policies, context=context, request=request)
                await _tell(connection, context, entry, kept)
        except _GoneError:
            return False
        except SlotstreamError as error:
            if error.kind in RETRYABLE_KINDS:
                raise
            refused.add(wanted)
        else:
            return True
    return False


class _GoneError(Exception):
    """Whom a slot was held for does not wait any more."""


async def _tell(connection: Connection, context: Context, entry: WaitingListEntry, hold: Hold) -> None:
    """Offers what is held. Raises _GoneError where the client has left the list meanwhile, or is nobody any more."""
    store = WaitingListStore(connection, entry.organization_id)
    waiting = await store.get(entry.id, lock=True)
    if waiting is None or waiting.status is not EntryStatus.WAITING:
        raise _GoneError
    if await BookingStore(connection, entry.organization_id).current_client(entry.client_id) is None:
        raise _GoneError
    offer = Offer(id=hold.id, starts_at=hold.starts_at, ends_at=hold.ends_at, expires_at=hold.expires_at)
    offered = waiting.offered(offer, now=context.now)
    await store.save(offered)
    await enqueue_records(connection, [waiting_list_record(WaitingListEntryOffered, offered, context)])


async def lapse_next(*, session: AsyncSession, now: datetime) -> bool:
    """Takes back one offer that nobody has answered in time; whether there was one. Raises WorkFailedError."""
    entry = await next_lapsed(await connection_of(session), now=now)
    if entry is None:
        return False
    context = _context(entry.organization_id, entry.id, now)
    try:
        with unavailable_as_transient():
            await end_offer(session, entry, EntryStatus.WAITING, WaitingListEntryLapsed, context=context)
    except Exception as error:
        raise WorkFailedError(entry.organization_id, entry.id) from error
    return True


async def expire_entries(*, session: AsyncSession, now: datetime) -> bool:
    """Ends what was waited for in windows that are over; whether there was any."""
    connection = await connection_of(session)
    entries = await next_over(connection, now=now, limit=_AT_ONCE)
    for entry in entries:
        expired = entry.ended(EntryStatus.EXPIRED, now=now)
        await WaitingListStore(connection, entry.organization_id).save(expired)
        context = _context(entry.organization_id, entry.id, now)
        await enqueue_records(connection, [waiting_list_record(WaitingListEntryExpired, expired, context)])
    return bool(entries)


async def put_off(*, session: AsyncSession, error: WorkFailedError, now: datetime) -> None:
    """What failed leaves its turn to the others, and tells why."""
    store = WaitingListStore(await connection_of(session), error.organization_id)
    await store.put_off(error.id, until=now + _PUT_OFF, failure=WorkFailure(code=error.code, failed_at=now))


def _context(organization_id: UUID, cause: UUID, now: datetime) -> Context:
    return Context(
        organization_id=organization_id,
        actor=_SYSTEM,
        cause=Cause(correlation_id=str(new_id()), causation_id=str(cause)),
        now=now,
    )
