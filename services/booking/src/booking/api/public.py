"""/v1/public: the public page of one business, for visitors whom nobody knows.

A visitor's token names the business, and no route takes another. The dashboard makes these tokens and shows the page;
no browser has one.
"""

from dataclasses import replace
from typing import Final
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.answers import appointment_version, tells_versions, with_versions
from booking.api.dependencies import CurrentDependencies, Dependencies, Visitor
from booking.publishers import HOLD_VERSION
from booking.schemas.portal import shared_appointment_out
from booking.schemas.public import (
    PublicAppointmentOut,
    PublicBookedOut,
    PublicBookingIn,
    PublicHoldIn,
    PublicHoldOut,
    PublicPageOut,
)
from booking.usecases.public import book_publicly, hold_publicly, read_booked, read_page
from slotstream_servicekit.context import Actor, Context
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.limits import rate_limited
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/public", tags=["public page"])
PUBLIC_LIMIT = rate_limited("public", per_minute=2_400, burst=400)
VISITOR: Final = "visitor"
"""How history names whoever books on the public page: a person, whom nobody has asked who they are."""


@router.get("/page", response_model=PublicPageOut)
async def get_page(dependencies: CurrentDependencies, principal: Visitor) -> Response:
    """The business, the services that can be booked, and who can be asked for."""
    async with dependencies.database.transaction(principal) as session:
        page = await read_page(
            session=session,
            policies=dependencies.policies,
            organization_id=principal.organization_id,
            business_id=_business_of(principal),
        )
    return model_response(PublicPageOut.of(page))


@router.post(
    "/holds",
    status_code=201,
    response_model=PublicHoldOut,
    responses=tells_versions(201),
    dependencies=[PUBLIC_LIMIT],
)
async def add_public_hold(
    request: Request,
    dependencies: CurrentDependencies,
    principal: Visitor,
    body: PublicHoldIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Keep a slot for some minutes. 409 `too_many_holds`: it can be booked, but is not kept meanwhile."""

    async def hold(session: AsyncSession) -> Response:
        # How many one visitor has is counted by the token's subject, which no event and no history tells.
        context = replace(dependencies.context_of(principal), actor=Actor(type="client", id=principal.subject))
        kept = await hold_publicly(
            session=session,
            policies=dependencies.policies,
            context=context,
            limits=dependencies.public_limits,
            business_id=_business_of(principal),
            request=body.to_hold(),
        )
        response = model_response(PublicHoldOut(id=kept.id, expires_at=kept.expires_at), status=201)
        return with_versions(response, f"hold:{kept.id}:{HOLD_VERSION}")

    return await idempotent(request, database=dependencies.database, principal=principal, action=hold)


@router.post(
    "/appointments",
    status_code=201,
    response_model=PublicBookedOut,
    responses=tells_versions(201),
    dependencies=[PUBLIC_LIMIT],
)
async def book_public_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: Visitor,
    body: PublicBookingIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Book for a client who is described. A time that cannot be had is refused by its reason codes alone."""

    async def book(session: AsyncSession) -> Response:
        page, booked = await book_publicly(
            session=session,
            policies=dependencies.policies,
            context=_context(dependencies, principal),
            business_id=_business_of(principal),
            booking=body.to_booking(),
        )
        out = PublicBookedOut(appointment=shared_appointment_out(booked, page.business), client_id=booked.client_id)
        return with_versions(model_response(out, status=201, version=booked.version), appointment_version(booked))

    return await idempotent(request, database=dependencies.database, principal=principal, action=book)


@router.get("/appointments/{appointment_id}", response_model=PublicAppointmentOut)
async def get_public_appointment(
    dependencies: CurrentDependencies, principal: Visitor, appointment_id: UUID
) -> Response:
    """What was booked on the page in the last two days, and nothing of whom it is for."""
    async with dependencies.database.transaction(principal) as session:
        page, appointment = await read_booked(
            session=session,
            policies=dependencies.policies,
            context=_context(dependencies, principal),
            business_id=_business_of(principal),
            appointment_id=appointment_id,
        )
    return model_response(PublicAppointmentOut(appointment=shared_appointment_out(appointment, page.business)))


def _context(dependencies: Dependencies, principal: Principal) -> Context:
    return replace(dependencies.context_of(principal), actor=Actor(type="client", id=VISITOR))


def _business_of(principal: Principal) -> UUID:
    assert principal.business_ids is not None  # noqa: S101 - a visitor's token names one
    [business_id] = principal.business_ids
    return business_id
