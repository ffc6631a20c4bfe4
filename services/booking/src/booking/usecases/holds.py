"""Holds: keeping a slot while somebody decides, giving it back, and giving it to the appointment that is booked."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from booking.domain.errors import AlreadyExistsError, HoldGoneError, IdTakenError
from booking.domain.holds import Hold, HoldRequest, UsedHold
from booking.domain.policy import Policy
from booking.domain.requests import check_times
from booking.publishers import hold_record, hold_tombstone
from booking.storage.bookings import BookingStore
from booking.storage.holds import HoldStore, remove_expired_holds
from booking.storage.occupancy import OccupancyStore
from booking.storage.outbox import enqueue_records
from booking.storage.policies import Policies
from booking.usecases.claiming import PlannedTime, SeatedClaim, TimeClaim, claim_one
from booking.usecases.limits import check_booking
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import NotFoundError


async def hold_slot(*, connection: Connection, policies: Policies, context: Context, request: HoldRequest) -> Hold:
    """Judged and taken as an appointment would be. Its end is told and judged by the database's clock alone."""
    check_times(starts_at=request.starts_at, duration=request.duration, now=context.now)
    if context.limits.is_limited:
        request = await _within_limits(connection, policies, context, request)
    existing = await BookingStore(connection, context.organization_id).existing([request.id])
    if request.id in existing:
        raise _id_in_use(request.id, own=existing[request.id])
    if request.replaces is not None:
        await _give_up(connection, context, request.replaces)
    store = HoldStore(connection, context.organization_id)
    expires_at = await store.clock() + request.lasts

    async def take(policy: Policy, claims: Sequence[SeatedClaim[PlannedTime]]) -> frozenset[UUID]:
        [seated] = claims
        taken = await OccupancyStore(connection, context.organization_id).take(
            policy_version=policy.version,
            holder_id=request.id,
            blocked=seated.plan.wanted.blocked,
            takes=seated.takes,
            expires_at=expires_at,
        )
        return frozenset([request.id] if taken else [])

    seated = await claim_one(
        connection=connection,
        policies=policies,
        organization_id=context.organization_id,
        claim=TimeClaim(holder_id=request.id, plan=lambda policy: _planned(policy, request), now=context.now),
        take=take,
    )
    hold = Hold(
        id=request.id,
        business_id=request.business_id,
        service_id=request.service_id,
        starts_at=seated.plan.wanted.starts_at,
        ends_at=seated.plan.wanted.ends_at,
        resource_ids=tuple(seat.resource_id for seat in seated.seats),
        expires_at=expires_at,
        blocked=seated.plan.wanted.blocked,
        held_by=context.actor,
    )
    if not await store.add(hold, now=context.now):
        raise _id_in_use(hold.id, own=await store.has(hold.id))
    record = hold_record(hold, organization_id=context.organization_id, now=context.now, cause=context.cause)
    await enqueue_records(connection, [record])
    return hold


def _id_in_use(hold_id: UUID, *, own: bool) -> AlreadyExistsError | IdTakenError:
    return AlreadyExistsError(f"The id {hold_id} is in use already.") if own else IdTakenError()


async def _within_limits(
    connection: Connection, policies: Policies, context: Context, request: HoldRequest
) -> HoldRequest:
    resource_ids = check_booking(
        context.limits,
        await policies.current(connection, context.organization_id),
        business_id=request.business_id,
        service_id=request.service_id,
        resource_ids=request.resource_ids,
    )
    return replace(request, resource_ids=resource_ids)


def _planned(policy: Policy, request: HoldRequest) -> PlannedTime:
    wanted = policy.wanted(
        business_id=request.business_id,
        service_id=request.service_id,
        starts_at=request.starts_at,
        duration=request.duration,
        resource_ids=request.resource_ids,
    )
    return PlannedTime(wanted=wanted)


async def release_hold(*, connection: Connection, context: Context, hold_id: UUID) -> None:
    if not await _give_up(connection, context, hold_id):
        raise NotFoundError(f"There is no hold {hold_id}.")


async def _give_up(connection: Connection, context: Context, hold_id: UUID) -> bool:
    """Whether there was one."""
    gone = await HoldStore(connection, context.organization_id).remove(hold_id)
    if gone:
        await enqueue_records(connection, [hold_tombstone(hold_id, organization_id=context.organization_id)])
    return gone


async def use_hold(*, connection: Connection, context: Context, hold_id: UUID, forced: bool) -> UsedHold:
    """Gives the held time up to the appointment that is booked in the same transaction, `forced` where that is an
    override. Works once.
    """
    hold = await HoldStore(connection, context.organization_id).use(hold_id, forced=forced)
    if hold is None:
        raise HoldGoneError(f"The hold {hold_id} has expired or was used.")
    await enqueue_records(connection, [hold_tombstone(hold_id, organization_id=context.organization_id)])
    return hold


async def forget_expired_holds(*, connection: Connection, limit: int = 1_000) -> int:
    """Removes holds of all organizations that expired, up to `limit`; returns how many. They count for nothing since
    they expired, so nobody waits for this.
    """
    gone = await remove_expired_holds(connection, limit=limit)
    await enqueue_records(connection, [hold_tombstone(hold_id, organization_id=owner) for owner, hold_id in gone])
    return len(gone)
