"""Holds: a slot kept for some minutes, in the same exclusion set as appointments."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from booking.domain.errors import AlreadyExistsError, BusyBookError, HoldGoneError
from booking.domain.model import Actor
from booking.domain.requests import check_times
from booking.domain.seating import seat
from booking.storage.bookings import database_now, existing_appointments
from booking.storage.occupancy import Window, drop_expired_holds, free_hold, read_calendars, take_time
from booking.storage.policies import PolicyCache
from slotstream_servicekit.errors import NotFoundError, RefusedError

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    id: UUID
    business_id: UUID
    service_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    resource_ids: tuple[UUID, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    id: UUID
    business_id: UUID
    service_id: UUID | None
    starts_at: datetime
    duration: timedelta | None
    resource_ids: tuple[UUID, ...] | None
    lasts: timedelta


async def hold_slot(
    *,
    connection: Any,
    policies: PolicyCache,
    organization_id: UUID,
    request: HoldRequest,
    actor: Actor,
    now: datetime,
) -> Hold:
    """Judged and taken as an appointment would be. Its end is told and judged by the database's clock alone."""
    check_times(starts_at=request.starts_at, duration=request.duration, now=now)
    await _refuse_used_id(connection, organization_id, request.id)
    expires_at = await database_now(connection) + request.lasts
    policy = await policies.current(connection, organization_id)
    wanted = policy.wanted(
        business_id=request.business_id,
        service_id=request.service_id,
        starts_at=request.starts_at,
        duration=request.duration,
        resource_ids=request.resource_ids,
    )
    windows = [Window(one, wanted.blocked[0] - _A_DAY, wanted.blocked[1] + _A_DAY) for one in wanted.candidates]
    for _ in range(5):
        calendars = await read_calendars(connection, organization_id, windows)
        found = seat(policy, wanted, calendars=calendars, holder_id=request.id, now=now)
        if found.reasons:
            raise RefusedError(found.reasons)
        hold = Hold(
            id=request.id,
            business_id=request.business_id,
            service_id=request.service_id,
            starts_at=wanted.starts_at,
            ends_at=wanted.ends_at,
            resource_ids=tuple(each.resource_id for each in found.seats),
            expires_at=expires_at,
        )
        if await take_time(
            connection,
            organization_id=organization_id,
            holder_id=hold.id,
            blocked=wanted.blocked,
            takes=found.seats,
            expires_at=hold.expires_at,
        ):
            await _save(connection, organization_id, hold, actor, now)
            return hold
        await drop_expired_holds(connection, organization_id, windows)
    raise BusyBookError("The slot is changing hands right now; ask again.")


async def _refuse_used_id(connection: Any, organization_id: UUID, hold_id: UUID) -> None:
    if await existing_appointments(connection, organization_id, [hold_id]):
        raise AlreadyExistsError(f"The id {hold_id} is in use already.")


async def _save(connection: Any, organization_id: UUID, hold: Hold, actor: Actor, now: datetime) -> None:
    saved = await connection.fetchval(
        """
        INSERT INTO holds (organization_id, id, business_id, service_id, starts_at, ends_at, resource_ids,
                           actor_type, actor_id, call_id, expires_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT DO NOTHING RETURNING 1
        """,
        organization_id,
        hold.id,
        hold.business_id,
        hold.service_id,
        hold.starts_at,
        hold.ends_at,
        list(hold.resource_ids),
        actor.type,
        actor.id,
        actor.call_id,
        hold.expires_at,
        now,
    )
    if saved is None:
        raise AlreadyExistsError(f"The id {hold.id} is in use already.")


async def release_hold(*, connection: Any, organization_id: UUID, hold_id: UUID) -> None:
    gone = await connection.fetchval(
        "DELETE FROM holds WHERE organization_id = $1 AND id = $2 RETURNING id", organization_id, hold_id
    )
    if gone is None:
        raise NotFoundError(f"There is no hold {hold_id}.")
    await free_hold(connection, organization_id=organization_id, hold_id=hold_id)


async def use_hold(*, connection: Any, organization_id: UUID, hold_id: UUID) -> Hold:
    """Gives the held time up to the appointment that is booked in the same transaction. Works once."""
    row = await connection.fetchrow(
        """
        DELETE FROM holds WHERE organization_id = $1 AND id = $2 AND expires_at > clock_timestamp()
        RETURNING id, business_id, service_id, starts_at, ends_at, resource_ids, expires_at
        """,
        organization_id,
        hold_id,
    )
    if row is None:
        raise HoldGoneError(f"The hold {hold_id} has expired or was used.")
    await free_hold(connection, organization_id=organization_id, hold_id=hold_id)
    return Hold(**{**dict(row), "resource_ids": tuple(row["resource_ids"])})
