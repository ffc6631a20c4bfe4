"""`POST /v1/appointments`: from the request's shape to the use case's, and back."""

from collections.abc import Sequence

from fastapi import Request
from starlette.responses import Response

from booking.api.answers import VERSION_HEADER, appointment_version, tells_versions
from booking.api.dependencies import (
    BOOKINGS_LIMIT,
    Booker,
    check_match,
    dependencies_of,
    override_reason,
    sees_internal_notes,
    source_of,
    visible_notes,
)
from booking.domain.appointments import Appointment
from booking.domain.clients import ClientNote
from booking.schemas.appointments import BookAppointmentIn, BookedAppointmentOut, booked_json
from booking.usecases import booking as usecase
from booking.usecases.booking import Booking
from slotstream_servicekit.database import Connection
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.idempotency import (
    IdempotencyKey,
    KeyClaim,
    StoredAnswer,
    idempotent_statement,
    stored_answer,
)
from slotstream_servicekit.http.responses import json_response
from slotstream_servicekit.ids import new_id

router = Router(tags=["appointments"])


@router.plain(
    "/v1/appointments",
    method="POST",
    status_code=201,
    response_model=BookedAppointmentOut,
    responses=tells_versions(201),
    dependencies=[BOOKINGS_LIMIT],
)
async def book_appointment(
    request: Request,
    principal: Booker,
    body: BookAppointmentIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Book an appointment, or learn every reason why it cannot be booked."""
    dependencies = dependencies_of(request)
    override_reason(principal, body.override)
    check_match(principal, body.client_match)
    wanted = body.to_request(identity=new_id(), source=source_of(principal, body.source))
    context = dependencies.context_of(principal)
    staff = sees_internal_notes(principal)

    async def book(connection: Connection, claim: KeyClaim | None) -> Response:
        stored: tuple[Appointment, Response] | None = None

        def answer(appointment: Appointment, notes: Sequence[ClientNote]) -> StoredAnswer:
            nonlocal stored
            if claim is None:
                raise ValueError("an answer is stored under a key")
            response = _answer(appointment, visible_notes(principal, notes), staff=staff)
            stored = appointment, response
            return stored_answer(claim, response)

        outcome = await usecase.book_appointment(
            connection=connection,
            policies=dependencies.policies,
            booking=Booking(request=wanted, context=context, claim=claim, answer=answer),
        )
        booked = outcome.booked()
        if stored is not None and stored[0] is booked:
            return stored[1]
        return _answer(booked, visible_notes(principal, outcome.client_notes), staff=staff)

    return await idempotent_statement(request, database=dependencies.database, principal=principal, action=book)


def _answer(appointment: Appointment, notes: Sequence[ClientNote], *, staff: bool) -> Response:
    return json_response(
        booked_json(appointment, notes, staff=staff),
        status=201,
        version=appointment.version,
        location=f"/v1/appointments/{appointment.id}",
        headers={VERSION_HEADER: appointment_version(appointment)},
    )
