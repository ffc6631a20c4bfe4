"""The verbs of an appointment, each a POST of its own."""

from datetime import timedelta
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.answers import appointment_response, appointment_version, tells_versions, with_versions
from booking.api.dependencies import (
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
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/appointments/{appointment_id}", tags=["verbs"])

Body = VerbIn | None


async def _change(
    request: Request,
    dependencies: Dependencies,
    principal: Principal,
    appointment_id: UUID,
    verb: Verb,
    expected_version: int | None,
    details: Details,
) -> Response:
    async def action(session: AsyncSession) -> Response:
        recorded = await change_status(
            session=session,
            policies=dependencies.policies,
            context=dependencies.context_of(principal),
            appointment_id=appointment_id,
            verb=verb,
            expected_version=expected_version,
            details=details,
        )
        return appointment_response(recorded.appointment, principal)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


def _details(principal: Principal, body: VerbIn | None) -> Details:
    told = body or VerbIn()
    return Details(reason=told.reason, notify=told.notify, override_reason=override_reason(principal, told.override))


@router.post("/approve", response_model=AppointmentOut, responses=tells_versions(200))
async def approve_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: AppointmentWriter,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Body = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Accept what was asked for; the slot is checked again where asking did not take it."""
    details = _details(principal, body)
    return await _change(request, dependencies, principal, appointment_id, Verb.APPROVE, expected_version, details)


@router.post("/decline", response_model=AppointmentOut, responses=tells_versions(200))
async def decline_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: AppointmentWriter,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Body = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    details = _details(principal, body)
    return await _change(request, dependencies, principal, appointment_id, Verb.DECLINE, expected_version, details)


@router.post("/confirm", response_model=AppointmentOut, responses=tells_versions(200))
async def confirm_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: Booker,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Body = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    details = _details(principal, body)
    return await _change(request, dependencies, principal, appointment_id, Verb.CONFIRM, expected_version, details)


@router.post("/cancel", response_model=AppointmentOut, responses=tells_versions(200))
async def cancel_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: Booker,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Body = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Needs a reason; `notify` says whether the client is told."""
    details = _details(principal, body)
    return await _change(request, dependencies, principal, appointment_id, Verb.CANCEL, expected_version, details)


@router.post("/complete", response_model=AppointmentOut, responses=tells_versions(200))
async def complete_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: AppointmentWriter,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: CompleteIn | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    told = body or CompleteIn()
    price = told.actual_price
    details = Details(
        actual_amount=price.amount if price else None,
        actual_currency=price.currency if price else None,
        internal_notes=told.internal_notes,
    )
    return await _change(request, dependencies, principal, appointment_id, Verb.COMPLETE, expected_version, details)


@router.post("/no-show", response_model=AppointmentOut, responses=tells_versions(200))
async def mark_no_show(
    request: Request,
    dependencies: CurrentDependencies,
    principal: AppointmentWriter,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Body = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Only once the start has passed."""
    details = _details(principal, body)
    return await _change(request, dependencies, principal, appointment_id, Verb.NO_SHOW, expected_version, details)


@router.post("/dismiss", response_model=AppointmentOut, responses=tells_versions(200))
async def dismiss_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: AppointmentWriter,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Body = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    details = _details(principal, body)
    return await _change(request, dependencies, principal, appointment_id, Verb.DISMISS, expected_version, details)


@router.post("/reopen", response_model=AppointmentOut, responses=tells_versions(200))
async def reopen_appointment(
    request: Request,
    dependencies: CurrentDependencies,
    principal: AppointmentWriter,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Body = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Undo of a mis-click; the slot is checked again where it was given up."""
    details = _details(principal, body)
    return await _change(request, dependencies, principal, appointment_id, Verb.REOPEN, expected_version, details)


@router.post("/archive", response_model=AppointmentOut, responses=tells_versions(200))
async def archive(
    request: Request,
    dependencies: CurrentDependencies,
    principal: AppointmentWriter,
    appointment_id: UUID,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Hide from lists; nothing is deleted. What is still to come, or takes time that is, is refused: `cancel_first`."""
    return await _archive(
        request, dependencies, principal, appointment_id, archived=True, expected_version=expected_version
    )


@router.post("/unarchive", response_model=AppointmentOut, responses=tells_versions(200))
async def unarchive(
    request: Request,
    dependencies: CurrentDependencies,
    principal: AppointmentWriter,
    appointment_id: UUID,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    return await _archive(
        request, dependencies, principal, appointment_id, archived=False, expected_version=expected_version
    )


async def _archive(
    request: Request,
    dependencies: Dependencies,
    principal: Principal,
    appointment_id: UUID,
    *,
    archived: bool,
    expected_version: int | None,
) -> Response:
    async def action(session: AsyncSession) -> Response:
        recorded = await archive_appointment(
            session=session,
            context=dependencies.context_of(principal),
            appointment_id=appointment_id,
            archived=archived,
            expected_version=expected_version,
        )
        return appointment_response(recorded.appointment, principal)

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)


@router.post("/reschedule", status_code=201, response_model=RescheduledOut, responses=tells_versions(201))
async def reschedule(
    request: Request,
    dependencies: CurrentDependencies,
    principal: Booker,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: RescheduleIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Move to another time or staff: a new appointment, linked both ways, in one transaction."""
    move = Move(
        new_id=body.id or new_id(),
        starts_at=body.starts_at,
        duration=timedelta(minutes=body.duration_minutes) if body.duration_minutes else None,
        resource_ids=tuple(body.resource_ids) if body.resource_ids else None,
        notify=body.notify,
        reason=body.reason,
        override_reason=override_reason(principal, body.override),
    )

    async def action(session: AsyncSession) -> Response:
        new, old = await reschedule_appointment(
            session=session,
            policies=dependencies.policies,
            context=dependencies.context_of(principal),
            appointment_id=appointment_id,
            move=move,
            expected_version=expected_version,
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

    return await idempotent(request, database=dependencies.database, principal=principal, action=action)
