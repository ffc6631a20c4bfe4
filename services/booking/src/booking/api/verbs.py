"""The verbs of an appointment, each a POST of its own."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.context import Context, CurrentContext, actor_of, cause_of, json_response, shown
from booking.domain.errors import OverrideForbiddenError
from booking.domain.lifecycle import Verb
from booking.schemas.appointments import (
    AppointmentOut,
    CompleteIn,
    OverrideIn,
    RescheduledOut,
    RescheduleIn,
    VerbIn,
)
from booking.usecases.lifecycle import (
    Details,
    Move,
    archive_appointment,
    change_status,
    reschedule_appointment,
)
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import requires
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.rights import Right
from slotstream_servicekit.ids import new_id

router = Router(prefix="/v1/appointments/{appointment_id}", tags=["verbs"])

Booker = Annotated[Principal, requires(Right.BOOK)]
Writer = Annotated[Principal, requires(Right.WRITE_APPOINTMENTS)]
Said = VerbIn | None


def _override(principal: Principal, override: OverrideIn | None) -> str | None:
    if override is None:
        return None
    if not principal.can(Right.OVERRIDE):
        raise OverrideForbiddenError("Only a member of staff can override; an agent or a client never can.")
    return override.reason


async def _change(
    request: Request,
    context: Context,
    principal: Principal,
    appointment_id: UUID,
    verb: Verb,
    expected_version: int | None,
    details: Details,
) -> Response:
    async def action(session: AsyncSession) -> Response:
        recorded = await change_status(
            session=session,
            policies=context.policies,
            organization_id=principal.organization_id,
            appointment_id=appointment_id,
            verb=verb,
            actor=actor_of(principal),
            cause=cause_of(principal),
            now=context.clock(),
            expected_version=expected_version,
            details=details,
        )
        return json_response(shown(recorded.state, principal), version=recorded.appointment.version)

    return await idempotent(request, database=context.database, principal=principal, action=action)


def _details(principal: Principal, body: VerbIn | None) -> Details:
    said = body or VerbIn()
    return Details(reason=said.reason, notify=said.notify, override_reason=_override(principal, said.override))


@router.post("/approve", response_model=AppointmentOut)
async def approve_appointment(
    request: Request,
    context: CurrentContext,
    principal: Writer,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Said = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Accept what was asked for; the slot is checked again where asking did not take it."""
    details = _details(principal, body)
    return await _change(request, context, principal, appointment_id, Verb.APPROVE, expected_version, details)


@router.post("/decline", response_model=AppointmentOut)
async def decline_appointment(
    request: Request,
    context: CurrentContext,
    principal: Writer,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Said = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    details = _details(principal, body)
    return await _change(request, context, principal, appointment_id, Verb.DECLINE, expected_version, details)


@router.post("/confirm", response_model=AppointmentOut)
async def confirm_appointment(
    request: Request,
    context: CurrentContext,
    principal: Booker,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Said = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    details = _details(principal, body)
    return await _change(request, context, principal, appointment_id, Verb.CONFIRM, expected_version, details)


@router.post("/cancel", response_model=AppointmentOut)
async def cancel_appointment(
    request: Request,
    context: CurrentContext,
    principal: Booker,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Said = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Needs a reason; `notify` says whether the client is told."""
    details = _details(principal, body)
    return await _change(request, context, principal, appointment_id, Verb.CANCEL, expected_version, details)


@router.post("/complete", response_model=AppointmentOut)
async def complete_appointment(
    request: Request,
    context: CurrentContext,
    principal: Writer,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: CompleteIn | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    said = body or CompleteIn()
    price = said.actual_price
    details = Details(
        actual_amount=price.amount if price else None,
        actual_currency=price.currency if price else None,
        internal_notes=said.internal_notes,
    )
    return await _change(request, context, principal, appointment_id, Verb.COMPLETE, expected_version, details)


@router.post("/no-show", response_model=AppointmentOut)
async def mark_no_show(
    request: Request,
    context: CurrentContext,
    principal: Writer,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Said = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Only once the start has passed."""
    details = _details(principal, body)
    return await _change(request, context, principal, appointment_id, Verb.NO_SHOW, expected_version, details)


@router.post("/dismiss", response_model=AppointmentOut)
async def dismiss_appointment(
    request: Request,
    context: CurrentContext,
    principal: Writer,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Said = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    details = _details(principal, body)
    return await _change(request, context, principal, appointment_id, Verb.DISMISS, expected_version, details)


@router.post("/reopen", response_model=AppointmentOut)
async def reopen_appointment(
    request: Request,
    context: CurrentContext,
    principal: Writer,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: Said = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Undo of a mis-click; the slot is checked again where it was given up."""
    details = _details(principal, body)
    return await _change(request, context, principal, appointment_id, Verb.REOPEN, expected_version, details)


@router.post("/archive", response_model=AppointmentOut)
async def archive(
    request: Request,
    context: CurrentContext,
    principal: Writer,
    appointment_id: UUID,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Hide from lists; nothing is deleted."""
    return await _archive(request, context, principal, appointment_id, archived=True, expected_version=expected_version)


@router.post("/unarchive", response_model=AppointmentOut)
async def unarchive(
    request: Request,
    context: CurrentContext,
    principal: Writer,
    appointment_id: UUID,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    return await _archive(
        request, context, principal, appointment_id, archived=False, expected_version=expected_version
    )


async def _archive(
    request: Request,
    context: Context,
    principal: Principal,
    appointment_id: UUID,
    *,
    archived: bool,
    expected_version: int | None,
) -> Response:
    async def action(session: AsyncSession) -> Response:
        recorded = await archive_appointment(
            session=session,
            organization_id=principal.organization_id,
            appointment_id=appointment_id,
            archived=archived,
            actor=actor_of(principal),
            cause=cause_of(principal),
            now=context.clock(),
            expected_version=expected_version,
        )
        return json_response(shown(recorded.state, principal), version=recorded.appointment.version)

    return await idempotent(request, database=context.database, principal=principal, action=action)


@router.post("/reschedule", status_code=201, response_model=RescheduledOut)
async def reschedule(
    request: Request,
    context: CurrentContext,
    principal: Booker,
    appointment_id: UUID,
    expected_version: IfMatch,
    body: RescheduleIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Move to another time or staff: a new appointment, linked both ways, in one transaction."""
    override_reason = _override(principal, body.override)
    move = Move(
        new_id=body.id or new_id(),
        starts_at=body.starts_at,
        duration=timedelta(minutes=body.duration_minutes) if body.duration_minutes else None,
        resource_ids=tuple(body.resource_ids) if body.resource_ids else None,
        notify=body.notify,
        reason=body.reason,
        override_reason=override_reason,
    )

    async def action(session: AsyncSession) -> Response:
        new, old = await reschedule_appointment(
            session=session,
            policies=context.policies,
            organization_id=principal.organization_id,
            appointment_id=appointment_id,
            move=move,
            actor=actor_of(principal),
            cause=cause_of(principal),
            now=context.clock(),
            expected_version=expected_version,
        )
        document = {
            "appointment": orjson.Fragment(shown(new.state, principal)),
            "replaced": orjson.Fragment(shown(old.state, principal)),
        }
        return json_response(
            orjson.dumps(document),
            status=201,
            version=new.appointment.version,
            Location=f"/v1/appointments/{new.appointment.id}",
        )

    return await idempotent(request, database=context.database, principal=principal, action=action)
