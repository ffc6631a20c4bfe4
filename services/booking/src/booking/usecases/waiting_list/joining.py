"""Joining the waiting list, and leaving it."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.errors import (
    AlreadyExistsError,
    AlreadyWaitingError,
    IdTakenError,
    InvalidBookingError,
    InvalidTransitionError,
    TooManyWaitingError,
)
from booking.domain.policy import Policy
from booking.domain.waiting_list import EntryStatus, WaitingListEntry, WaitingListLimits, check_window
from booking.publishers import WaitingListEntryAdded, waiting_list_record
from booking.storage.connections import connection_of
from booking.storage.freed_times import FREED_CHANNEL, FreedTimeStore
from booking.storage.outbox import enqueue_records
from booking.storage.policies import Policies
from booking.storage.waiting_list import WaitingListStore
from booking.usecases.limits import check_booking
from booking.usecases.resolving import hold_client
from booking.usecases.waiting_list.freeing import withdraw
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError, VersionConflictError
from slotstream_servicekit.limits import beyond_limits
from slotstream_servicekit.notify import notify


async def join_waiting_list(
    *, session: AsyncSession, policies: Policies, context: Context, entry: WaitingListEntry, limits: WaitingListLimits
) -> WaitingListEntry:
    """From now on the client is offered what is freed, and what just was. `entry` names a client, or one who was merged
    into another.
    """
    connection = await connection_of(session)
    policy = await policies.current(connection, context.organization_id)
    resources = check_booking(
        context.limits,
        policy,
        business_id=entry.business_id,
        service_id=entry.service_id,
        resource_ids=(entry.resource_id,) if entry.resource_id is not None else None,
    )
    entry = replace(entry, resource_id=resources[0] if resources else None)
    _check_service(policy, entry, context)
    store = WaitingListStore(connection, context.organization_id)
    await store.take_turns()
    entry = replace(entry, client_id=await hold_client(connection, context.organization_id, entry.client_id))
    async with beyond_limits(connection, context.limits):
        same, (own, of_all) = await store.same_as(entry), await store.counts(entry.client_id)
    if await store.has(entry.id):
        raise AlreadyExistsError(f"The id {entry.id} is in use already.")
    if same is not None:
        raise AlreadyWaitingError(same)
    if own >= limits.per_client or of_all >= limits.per_organization:
        raise TooManyWaitingError("No more can wait: the list is full, or the client's share of it.")
    if not await store.add(entry):
        raise IdTakenError
    freed = FreedTimeStore(connection, context.organization_id)
    if await freed.wake(entry.business_id, entry.window_from, entry.window_to, now=context.now):
        await notify(session, FREED_CHANNEL)
    await enqueue_records(connection, [waiting_list_record(WaitingListEntryAdded, entry, context)])
    return entry


def _check_service(policy: Policy, entry: WaitingListEntry, context: Context) -> None:
    """Raises UnknownReferenceError, ForeignServiceError, InvalidBookingError."""
    wanted = policy.wanted(
        business_id=entry.business_id,
        service_id=entry.service_id,
        starts_at=entry.window_from,
        duration=None,
        resource_ids=None,
    )
    if entry.resource_id is not None:
        policy.resource(entry.resource_id)
        if entry.resource_id not in wanted.candidates:
            raise InvalidBookingError("resource_cannot_perform", "The resource does not perform this service.")
    check_window(entry.window_from, entry.window_to, duration=wanted.rules.duration, now=context.now)


async def leave_waiting_list(
    *, session: AsyncSession, context: Context, entry_id: UUID, expected_version: int | None
) -> WaitingListEntry:
    """Whoever was offered a slot gives it up with that. Twice is once."""
    store = WaitingListStore(await connection_of(session), context.organization_id)
    entry = await store.get(entry_id, lock=True)
    if entry is None:
        raise NotFoundError(f"There is no waiting list entry {entry_id}.")
    if expected_version is not None and expected_version != entry.version:
        raise VersionConflictError(entry.version)
    if entry.status is EntryStatus.WITHDRAWN:
        return entry
    if not entry.is_active:
        raise InvalidTransitionError(f"The entry is {entry.status}: nobody waits by it any more.")
    return await withdraw(session, entry, context=context)
