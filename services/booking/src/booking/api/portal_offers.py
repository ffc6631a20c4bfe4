"""/v1/portal/offers: what a client is offered from the waiting list, and their answer."""

from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.answers import appointment_version, tells_versions, with_versions
from booking.api.dependencies import CurrentDependencies, PortalClient
from booking.api.portal import client_of
from booking.schemas.portal import PortalAppointmentOut, portal_appointment_out
from booking.schemas.waiting_list import DeclineOfferIn, PortalOfferOut, portal_offer_out
from booking.usecases.portal import read_own_appointment
from booking.usecases.waiting_list import accept_offer, decline_offer, read_own_offer
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/portal/offers", tags=["portal"])


@router.get("/{offer_id}", response_model=PortalOfferOut)
async def get_own_offer(dependencies: CurrentDependencies, principal: PortalClient, offer_id: UUID) -> Response:
    """The slot that is held for the client. 404 once it was given to the next."""
    async with dependencies.database.transaction(principal) as session:
        own = await read_own_offer(
            session=session,
            policies=dependencies.policies,
            context=dependencies.context_of(principal),
            client=await client_of(session, principal),
            offer_id=offer_id,
        )
    return model_response(portal_offer_out(own))


@router.post("/{offer_id}/accept", status_code=201, response_model=PortalAppointmentOut, responses=tells_versions(201))
async def accept_own_offer(
    request: Request,
    dependencies: CurrentDependencies,
    principal: PortalClient,
    offer_id: UUID,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Book the slot. 409 `offer_over` where it is not held any more."""

    async def accept(session: AsyncSession) -> Response:
        context, client = dependencies.context_of(principal), await client_of(session, principal)
        booked = await accept_offer(
            session=session, policies=dependencies.policies, context=context, client=client, offer_id=offer_id
        )
        own = await read_own_appointment(
            session=session,
            policies=dependencies.policies,
            context=context,
            client=client,
            appointment_id=booked.id,
        )
        response = model_response(portal_appointment_out(own), status=201, version=own.appointment.version)
        return with_versions(response, appointment_version(own.appointment))

    return await idempotent(request, database=dependencies.database, principal=principal, action=accept)


@router.post("/{offer_id}/decline", status_code=204)
async def decline_own_offer(
    dependencies: CurrentDependencies, principal: PortalClient, offer_id: UUID, body: DeclineOfferIn
) -> None:
    """Leave the slot to the next, and go on waiting for another, or not."""
    async with dependencies.database.transaction(principal) as session:
        await decline_offer(
            session=session,
            context=dependencies.context_of(principal),
            client=await client_of(session, principal),
            offer_id=offer_id,
            leaves=body.leave,
        )
