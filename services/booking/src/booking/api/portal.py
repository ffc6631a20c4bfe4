"""/v1/portal: what clients see and do with their own appointments that are shared with them.

Nothing here says whether another's appointment exists. Whoever calls is a client: staff have ways of their own.
"""

from collections.abc import Awaitable
from functools import partial
from typing import Protocol
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.answers import appointment_version, tells_versions, with_versions
from booking.api.dependencies import CurrentDependencies, Dependencies, PortalClient
from booking.domain.clients import Client
from booking.schemas.portal import (
    CancelOwnIn,
    MoveOwnIn,
    PortalAppointmentOut,
    PortalAppointmentsOut,
    PortalBusinessOut,
    PortalClientOut,
    ShownIn,
    own_appointment_out,
    portal_appointment_out,
)
from booking.storage.policies import PolicyCache
from booking.usecases.portal import (
    OwnAppointment,
    cancel_own,
    confirm_own,
    list_own_appointments,
    move_own,
    read_contact,
    read_own_appointment,
    read_portal_client,
)
from booking.usecases.rescheduling import Move
from slotstream_servicekit.context import Context
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/portal", tags=["portal"])


class OwnVerb(Protocol):
    """A use case of a client's, once it knows which appointment and what for."""

    def __call__(
        self, *, session: AsyncSession, policies: PolicyCache, context: Context, client: Client
    ) -> Awaitable[OwnAppointment]: ...


@router.get("/appointments", response_model=PortalAppointmentsOut)
async def get_own_appointments(dependencies: CurrentDependencies, principal: PortalClient) -> Response:
    """The client's open appointments from today on."""
    async with dependencies.database.transaction(principal) as session:
        client = await client_of(session, principal)
        own = await list_own_appointments(
            session=session,
            policies=dependencies.policies,
            context=dependencies.context_of(principal),
            client=client,
        )
    items = [own_appointment_out(appointment) for appointment in own]
    return model_response(PortalAppointmentsOut(client=PortalClientOut.model_validate(client), items=items))


@router.get("/contact", response_model=PortalBusinessOut)
async def get_contact(
    dependencies: CurrentDependencies, principal: PortalClient, appointment_id: UUID | None = None
) -> Response:
    """The business to turn to where a link leads nowhere any more; nothing of the client."""
    async with dependencies.database.transaction(principal) as session:
        business = await read_contact(
            session=session,
            policies=dependencies.policies,
            context=dependencies.context_of(principal),
            client_id=_client_id(principal),
            appointment_id=appointment_id,
        )
    return model_response(PortalBusinessOut.model_validate(business))


@router.get("/appointments/{appointment_id}", response_model=PortalAppointmentOut)
async def get_own_appointment(
    dependencies: CurrentDependencies, principal: PortalClient, appointment_id: UUID
) -> Response:
    """Whatever its status, so that a link can say what became of it."""
    async with dependencies.database.transaction(principal) as session:
        own = await read_own_appointment(
            session=session,
            policies=dependencies.policies,
            context=dependencies.context_of(principal),
            client=await client_of(session, principal),
            appointment_id=appointment_id,
        )
    return model_response(portal_appointment_out(own), version=own.appointment.version)


@router.post(
    "/appointments/{appointment_id}/confirm", response_model=PortalAppointmentOut, responses=tells_versions(200)
)
async def confirm_own_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: PortalClient,
    appointment_id: UUID,
    body: ShownIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Says that the client comes. 409 `overtaken` where the appointment has another time than was shown."""
    verb = partial(confirm_own, appointment_id=appointment_id, shown_starts_at=body.shown_starts_at)
    return await _change(request, dependencies, principal, verb)


@router.post(
    "/appointments/{appointment_id}/cancel", response_model=PortalAppointmentOut, responses=tells_versions(200)
)
async def cancel_own_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: PortalClient,
    appointment_id: UUID,
    body: CancelOwnIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Within the service's notice, without having to say why."""
    verb = partial(cancel_own, appointment_id=appointment_id, shown_starts_at=body.shown_starts_at, reason=body.reason)
    return await _change(request, dependencies, principal, verb)


@router.post(
    "/appointments/{appointment_id}/reschedule",
    status_code=201,
    response_model=PortalAppointmentOut,
    responses=tells_versions(201),
)
async def reschedule_own_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: PortalClient,
    appointment_id: UUID,
    body: MoveOwnIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """To another time with the same staff; answers with the appointment that takes its place."""
    move = Move(new_id=body.id or new_id(), starts_at=body.starts_at)
    verb = partial(move_own, appointment_id=appointment_id, shown_starts_at=body.shown_starts_at, move=move)
    return await _change(request, dependencies, principal, verb, status=201)


async def _change(
    request: Request,
    dependencies: Dependencies,
    principal: Principal,
    verb: OwnVerb,
    *,
    status: int = 200,
) -> Response:
    """Once per key, and answered with what became of the appointment."""

    async def action(session: AsyncSession) -> Response:
        own = await verb(
            session=session,
            policies=dependencies.policies,
            context=dependencies.context_of(principal),
            client=await client_of(session, principal),
        )
        version = own.appointment.version
        response = model_response(portal_appointment_out(own), status=status, version=version)
        return with_versions(response, appointment_version(own.appointment))

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


async def client_of(session: AsyncSession, principal: Principal) -> Client:
    return await read_portal_client(
        session=session, organization_id=principal.organization_id, client_id=_client_id(principal)
    )


def _client_id(principal: Principal) -> UUID:
    assert principal.client_id is not None  # noqa: S101 - no token has the right without a client
    return principal.client_id
