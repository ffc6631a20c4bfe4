"""The verbs of an appointment, each a POST of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.answers import appointment_response, appointment_version, tells_versions, with_versions
from booking.api.dependencies import (
    BOOKINGS_LIMIT,
    AppointmentWriter,
    Booker,
    CurrentDependencies,
    Dependencies,
    override_reason,
    sees_internal_notes,
)
from booking.domain.lifecycle import Verb
from booking.schemas.appointments import (
    AppointmentOut,
    ArchiveIn,
    CompleteIn,
    RescheduledOut,
    RescheduleIn,
    VerbIn,
    appointment_out,
)
from booking.usecases.lifecycle import Details, archive_appointment, change_status
from booking.usecases.rescheduling import Move, reschedule_appointment
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.http.rights import Right
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/appointments/{appointment_id}", tags=["verbs"])

Body = VerbIn | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What every verb is asked with, besides who asks and the body."""

    request: Request
    dependencies: Dependencies
    appointment_id: UUID
    expected_version: int | None

    async def once(self, principal: Principal, action: Callable[[AsyncSession], Awaitable[Response]]) -> Response:
        return await idempotent(self.request, database=self.dependencies.database, principal=principal, action=action)


async def _call(
    request: Request,
    dependencies: CurrentDependencies,
    appointment_id: UUID,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,  # `idempotent` reads it; here for OpenAPI
) -> Call:
    return Call(
        request=request,
        dependencies=dependencies,
        appointment_id=appointment_id,
        expected_version=expected_version,
    )


CurrentCall = Annotated[Call, Depends(_call)]


async def _change(call: Call, principal: Principal, verb: Verb, details: Details) -> Response:
    async def action(session: AsyncSession) -> Response:
        recorded = await change_status(
            session=session,
            policies=call.dependencies.policies,
            context=call.dependencies.context_of(principal),
            appointment_id=call.appointment_id,
            verb=verb,
            expected_version=call.expected_version,
            details=details,
        )
        return appointment_response(recorded.appointment, principal)

    return await call.once(principal, action)


def _details(principal: Principal, body: VerbIn | None) -> Details:
    told = body or VerbIn()
    return Details(
        reason=told.reason,
        notify=told.notify,
        tell_client=told.tell_client,
        override_reason=override_reason(principal, told.override),
    )


@router.post("/approve", response_model=AppointmentOut, responses=tells_versions(200))
async def approve_appointment(call: CurrentCall, principal: AppointmentWriter, body: Body = None) -> Response:
    """Accept what was asked for; the slot is checked again where asking did not take it."""
    return await _change(call, principal, Verb.APPROVE, _details(principal, body))


@router.post("/decline", response_model=AppointmentOut, responses=tells_versions(200))
async def decline_appointment(call: CurrentCall, principal: AppointmentWriter, body: Body = None) -> Response:
    return await _change(call, principal, Verb.DECLINE, _details(principal, body))


@router.post("/confirm", response_model=AppointmentOut, responses=tells_versions(200))
async def confirm_appointment(call: CurrentCall, principal: Booker, body: Body = None) -> Response:
    return await _change(call, principal, Verb.CONFIRM, _details(principal, body))


@router.post("/cancel", response_model=AppointmentOut, responses=tells_versions(200))
async def cancel_appointment(call: CurrentCall, principal: Booker, body: Body = None) -> Response:
    """Needs a reason; `tell_client` says whether the client is told.

    Of an erased client it takes none, and no verb takes any text: `client_erased`.
    """
    return await _change(call, principal, Verb.CANCEL, _details(principal, body))


@router.post("/complete", response_model=AppointmentOut, responses=tells_versions(200))
async def complete_appointment(
    call: CurrentCall, principal: AppointmentWriter, body: CompleteIn | None = None
) -> Response:
    told = body or CompleteIn()
    price = told.actual_price
    details = Details(
        actual_amount=price.amount if price else None,
        actual_currency=price.currency if price else None,
        internal_notes=told.internal_notes,
    )
    return await _change(call, principal, Verb.COMPLETE, details)


@router.post("/no-show", response_model=AppointmentOut, responses=tells_versions(200))
async def mark_no_show(call: CurrentCall, principal: AppointmentWriter, body: Body = None) -> Response:
    """Only once the start has passed."""
    return await _change(call, principal, Verb.NO_SHOW, _details(principal, body))


@router.post("/dismiss", response_model=AppointmentOut, responses=tells_versions(200))
async def dismiss_appointment(call: CurrentCall, principal: AppointmentWriter, body: Body = None) -> Response:
    return await _change(call, principal, Verb.DISMISS, _details(principal, body))


@router.post("/reopen", response_model=AppointmentOut, responses=tells_versions(200))
async def reopen_appointment(call: CurrentCall, principal: AppointmentWriter, body: Body = None) -> Response:
    """Undo of a mis-click; the slot is checked again where it was given up."""
    return await _change(call, principal, Verb.REOPEN, _details(principal, body))


@router.post("/archive", response_model=AppointmentOut, responses=tells_versions(200))
async def archive(call: CurrentCall, principal: AppointmentWriter, body: ArchiveIn | None = None) -> Response:
    """Hide from lists; nothing is deleted. What is still to come, or takes time that is, is refused: `cancel_first`.

    With `cancel` an appointment that is still open is cancelled first: both are done, or neither.
    """
    cancel = body.cancel if body is not None else None
    if cancel is None:
        return await _archive(call, principal, archived=True)
    principal.require(Right.BOOK)
    details = Details(reason=cancel.reason, tell_client=cancel.tell_client)
    return await _archive(call, principal, archived=True, cancel=details)


@router.post("/unarchive", response_model=AppointmentOut, responses=tells_versions(200))
async def unarchive(call: CurrentCall, principal: AppointmentWriter) -> Response:
    return await _archive(call, principal, archived=False)


async def _archive(call: Call, principal: Principal, *, archived: bool, cancel: Details | None = None) -> Response:
    async def action(session: AsyncSession) -> Response:
        recorded = await archive_appointment(
            session=session,
            policies=call.dependencies.policies,
            context=call.dependencies.context_of(principal),
            appointment_id=call.appointment_id,
            archived=archived,
            expected_version=call.expected_version,
            cancel=cancel,
        )
        return appointment_response(recorded.appointment, principal)

    return await call.once(principal, action)


@router.post(
    "/reschedule",
    status_code=201,
    response_model=RescheduledOut,
    responses=tells_versions(201),
    dependencies=[BOOKINGS_LIMIT],
)
async def reschedule(call: CurrentCall, principal: Booker, body: RescheduleIn) -> Response:
    """Move to another time or staff: a new appointment, linked both ways, in one transaction.

    `tell_client` says whether the client is told of this move, and leaves everything else as it is.
    """
    move = Move(
        new_id=body.id or new_id(),
        starts_at=body.starts_at,
        duration=timedelta(minutes=body.duration_minutes) if body.duration_minutes else None,
        resource_ids=tuple(body.resource_ids) if body.resource_ids else None,
        notify=body.notifies,
        tell_client=body.tell_client,
        reason=body.reason,
        override_reason=override_reason(principal, body.override),
    )

    async def action(session: AsyncSession) -> Response:
        new, old = await reschedule_appointment(
            session=session,
            policies=call.dependencies.policies,
            context=call.dependencies.context_of(principal),
            appointment_id=call.appointment_id,
            move=move,
            expected_version=call.expected_version,
        )
        staff = sees_internal_notes(principal)
        document = RescheduledOut(
            appointment=appointment_out(new.appointment, staff=staff),
            replaced=appointment_out(old.appointment, staff=staff),
        )
        response = model_response(
            document,
            status=201,
            version=new.appointment.version,
            location=f"/v1/appointments/{new.appointment.id}",
        )
        return with_versions(response, appointment_version(new.appointment), appointment_version(old.appointment))

    return await call.once(principal, action)
