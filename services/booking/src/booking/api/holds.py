"""Holds: keeping a slot for some minutes."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.answers import tells_versions, with_versions
from booking.api.dependencies import AppointmentReader, Booker, CurrentDependencies
from booking.domain.holds import HoldRequest
from booking.publishers import HOLD_VERSION
from booking.schemas.holds import HoldIn, HoldOut
from booking.storage.connections import connection_of
from booking.storage.holds import HoldFilter, HoldStore
from booking.usecases.holds import hold_slot, release_hold
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.limits import rate_limited
from slotstream_servicekit.http.models import InstantIn
from slotstream_servicekit.http.pagination import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.ranges import check_range

router = Router(prefix="/v1/holds", tags=["holds"])
HOLDS_LIMIT = rate_limited("holds", per_minute=1_200, burst=200)


@router.post("", status_code=201, response_model=HoldOut, responses=tells_versions(201), dependencies=[HOLDS_LIMIT])
async def add_hold(
    request: Request,
    dependencies: CurrentDependencies,
    principal: Booker,
    body: HoldIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Keep a slot while a client decides; it expires by itself. Book it with `hold_id`."""

    async def action(session: AsyncSession) -> Response:
        hold = await hold_slot(
            connection=await connection_of(session),
            policies=dependencies.policies,
            context=dependencies.context_of(principal),
            request=HoldRequest(
                id=body.id or new_id(),
                business_id=body.business_id,
                service_id=body.service_id,
                starts_at=body.starts_at,
                duration=timedelta(minutes=body.duration_minutes) if body.duration_minutes else None,
                resource_ids=tuple(body.resource_ids) if body.resource_ids else None,
                lasts=timedelta(minutes=body.minutes),
                replaces=body.replaces,
            ),
        )
        response = model_response(HoldOut.of(hold), status=201)
        return with_versions(response, f"hold:{hold.id}:{HOLD_VERSION}")

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


@router.get("")
async def get_holds(
    dependencies: CurrentDependencies,
    principal: AppointmentReader,
    business_id: Annotated[list[UUID] | None, Query()] = None,
    resource_id: Annotated[list[UUID] | None, Query()] = None,
    begins: Annotated[InstantIn | None, Query(alias="from", description="Ends after")] = None,
    ends: Annotated[InstantIn | None, Query(alias="to", description="Starts before")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[HoldOut]:
    """Slots that are kept right now, by their start; what has expired is not among them."""
    check_range(begins, ends)
    after = decode_cursor(cursor, datetime, UUID, scope="holds") if cursor else None
    async with dependencies.database.transaction(principal) as session:
        store = HoldStore(await connection_of(session), principal.organization_id)
        wanted = HoldFilter(business_ids=business_id, resource_ids=resource_id, begins=begins, ends=ends)
        holds = await store.find(wanted, after=after, limit=limit + 1)
    page, next_cursor = page_of(
        holds, limit=limit, cursor_of=lambda hold: encode_cursor(hold.starts_at, hold.id, scope="holds")
    )
    return Page[HoldOut](items=[HoldOut.of(hold) for hold in page], next_cursor=next_cursor)


@router.get("/{hold_id}")
async def get_hold(dependencies: CurrentDependencies, principal: AppointmentReader, hold_id: UUID) -> HoldOut:
    """One hold, until it expires or is used."""
    async with dependencies.database.transaction(principal) as session:
        hold = await HoldStore(await connection_of(session), principal.organization_id).get(hold_id)
    if hold is None:
        raise NotFoundError(f"There is no hold {hold_id}.")
    return HoldOut.of(hold)


@router.delete("/{hold_id}", status_code=204)
async def delete_hold(dependencies: CurrentDependencies, principal: Booker, hold_id: UUID) -> None:
    async with dependencies.database.transaction(principal) as session:
        await release_hold(
            connection=await connection_of(session),
            context=dependencies.context_of(principal),
            hold_id=hold_id,
        )
