"""Holds: keeping a slot for some minutes."""

from datetime import timedelta
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.answers import tells_versions, with_versions
from booking.api.dependencies import Booker, CurrentDependencies
from booking.domain.holds import HoldRequest
from booking.publishers import HOLD_VERSION
from booking.schemas.appointments import HoldIn, HoldOut
from booking.storage.connections import connection_of
from booking.usecases.holds import hold_slot, release_hold
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.limits import rate_limited
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

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
            ),
        )
        response = model_response(HoldOut.model_validate(hold), status=201)
        return with_versions(response, f"hold:{hold.id}:{HOLD_VERSION}")

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


@router.delete("/{hold_id}", status_code=204)
async def delete_hold(dependencies: CurrentDependencies, principal: Booker, hold_id: UUID) -> None:
    async with dependencies.database.transaction(principal) as session:
        await release_hold(
            connection=await connection_of(session),
            context=dependencies.context_of(principal),
            hold_id=hold_id,
        )
