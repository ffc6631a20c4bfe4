"""What the worker does with the list: it offers freed time in order, takes back what nobody answered, ends windows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from booking.storage.freed_times import FreedTimeStore, forget_unwanted, next_freed
from booking.storage.outbox import enqueue_records
from booking.storage.policies import PolicyCache
from booking.storage.waiting_list import WaitingListStore, next_lapsed, next_over
from booking.usecases.holds import hold_slot
from booking.usecases.waiting_list.freeing import end_offer
from slotstream_scheduling.reasons import Code
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.database import Connection, unavailable_as_transient
from slotstream_servicekit.errors import RETRYABLE_KINDS, SlotstreamError
from slotstream_servicekit.ids import new_id

_SYSTEM: Final = Actor(type="system", id="waiting_list")
_AT_ONCE: Final = 100
_MOST_FORGOTTEN: Final = 1_000
_PUT_OFF: Final = timedelta(minutes=5)
_MOST_REFUSED: Final = 100
"""So many starts that cannot be had are tried in one transaction, which others wait for."""
_KEPT: Final = timedelta(minutes=5)
"""How long freed time that somebody may still take is left alone, unless an offer ends before."""

_Entries = Sequence[tuple[WaitingListEntry, bool]]
"""Each with whether it waits for an offer now."""


async def offer_next(*, session: AsyncSession, policies: PolicyCache, now: datetime, hold: timedelta) -> bool:
    """Offers one slot of freed time to whoever has waited longest for it; whether there was any to be tried.

    One time is tried with a portion of those who may take it. Once it was tried with all, it is kept while one of them
    may take it later, and else let go of. Raises WorkFailedError, which names an entry or a freed time.
    """
    connection = await connection_of(session)
    freed = await next_freed(connection, now=now)
    if freed is None:
        return False
    try:
        with unavailable_as_transient():
            await _try(connection, policies, freed, now=now, hold=hold)
    except WorkFailedError:
        raise
    except Exception as error:
        raise WorkFailedError(freed.organization_id, freed.id) from error
    return True


async def _try(
    connection: Connection, policies: PolicyCache, freed: FreedTime, *, now: datetime, hold: timedelta
) -> None:
    store = WaitingListStore(connection, freed.organization_id)
    await store.take_turns()
    trial = _Trial(
        connection=connection,
        policies=policies,
        policy=await policies.current(connection, freed.organization_id),
        freed=freed,
        context=_context(freed.organization_id, freed.freed_by, now),
        hold=hold,
        is_wanted=freed.is_wanted,
    )
    entries = await store.next_for(freed, now=now, limit=_AT_ONCE)
    reached = await trial.offer_to_one_of(entries)
    times = FreedTimeStore(connection, freed.organization_id)
    is_wanted = trial.is_wanted or bool(trial.in_the_way and await times.may_come_free(trial.in_the_way))
    if reached is not None:
        await times.go_on(freed, reached=(reached.created_at, reached.id), is_wanted=is_wanted, now=now)
    elif is_wanted:
        await times.keep(freed, until=now + _KEPT)
    else:
        await times.forget(freed)
        # Where nobody takes one, many behind it may be wanted by nobody: a quiet day has mostly such.
        await forget_unwanted(connection, now=now, limit=_MOST_FORGOTTEN)


@dataclass(slots=True, kw_only=True)
class _Trial:
    """Freed time that is tried with some of those who may take it, and what comes of that."""

    connection: Connection
    policies: PolicyCache
    policy: Policy
    freed: FreedTime
    context: Context
    hold: timedelta
    is_wanted: bool
    refused: set[tuple[UUID, UUID | None, datetime]] = field(default_factory=set)
    """Service, resource and start of what cannot be had."""
    in_the_way: set[UUID] = field(default_factory=set)

    async def offer_to_one_of(self, entries: _Entries) -> WaitingListEntry | None:
        """The entry behind which there may be more: it was offered a slot, or is the last that was tried."""
        for entry, waits in entries:
            starts = self._starts(entry)
            offered = False
            if waits:
                try:
                    offered = await self._offer_to(entry, starts)
                except SlotstreamError:
                    raise
                except Exception as error:
                    raise WorkFailedError(entry.organization_id, entry.id) from error
            if offered or not waits:
                self.is_wanted |= next(starts, None) is not None
            if offered or len(self.refused) >= _MOST_REFUSED:
                return entry
        return entries[-1][0] if len(entries) == _AT_ONCE else None

    def _starts(self, entry: WaitingListEntry) -> Iterator[datetime]:
        service = self.policy.services.get(entry.service_id)
        if service is None or service.archived:
            return iter(())
        return possible_starts(entry, self.freed, service, now=self.context.now, hold=self.hold)

    async def _offer_to(self, entry: WaitingListEntry, starts: Iterator[datetime]) -> bool:
        """Holds the first start that can be had, judged as any hold is, and says so; whether there was one."""
        for start in starts:
            wanted = (entry.service_id, entry.resource_id, start)
            if wanted in self.refused:
                continue
            try:
                async with self.connection.transaction():
                    kept = await self._hold(entry, start)
                    await _tell(self.connection, self.context, entry, kept)
            except _GoneError:
                return False
            except SlotstreamError as error:
                if error.kind in RETRYABLE_KINDS:
                    raise
                self.refused.add(wanted)
                self.in_the_way |= _holders_in_the_way(error)
            else:
                return True
        return False

    async def _hold(self, entry: WaitingListEntry, start: datetime) -> Hold:
        request = HoldRequest(
            id=new_id(),
            business_id=entry.business_id,
            service_id=entry.service_id,
            starts_at=start,
            duration=None,
            resource_ids=(entry.resource_id,) if entry.resource_id is not None else None,
            lasts=self.hold,
        )
        return await hold_slot(
            connection=self.connection, policies=self.policies, context=self.context, request=request
        )


def _holders_in_the_way(error: SlotstreamError) -> set[UUID]:
    return {
        UUID(holder_id)
        for reason in error.reasons
        if reason.code in {Code.SLOT_TAKEN, Code.CLASS_FULL}
        for holder_id in reason.conflicts_with
    }


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
    connection = await connection_of(session)
    until, failure = now + _PUT_OFF, WorkFailure(code=error.code, failed_at=now)
    await WaitingListStore(connection, error.organization_id).put_off(error.id, until=until, failure=failure)
    await FreedTimeStore(connection, error.organization_id).put_off(error.id, until=until, failure=failure)


def _context(organization_id: UUID, cause: UUID, now: datetime) -> Context:
    return Context(
        organization_id=organization_id,
        actor=_SYSTEM,
        cause=Cause(correlation_id=str(new_id()), causation_id=str(cause)),
        now=now,
    )
