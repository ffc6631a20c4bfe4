"""Creating an appointment: one statement where nothing else changes with it, else one transaction."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.api.context import Context, actor_of, cause_of, json_response, shown, source_of
from booking.domain.errors import InvalidBookingError, OverrideForbiddenError
from booking.domain.requests import BookingRequest
from booking.publishers import Cause
from booking.schemas.appointments import BookAppointmentIn
from booking.storage.answers import keep_answer, read_answer
from booking.storage.bookings import IdempotencyClaim
from booking.storage.connections import connection_of
from booking.usecases.booking import Booking, Outcome, book_appointment
from booking.usecases.catalogue import find_or_add_action
from booking.usecases.clients import find_or_create_clients
from booking.usecases.holds import use_hold
from slotstream_servicekit.context import Actor as KitActor
from slotstream_servicekit.context import Context as KitContext
from slotstream_servicekit.errors import RETRYABLE_KINDS, SlotstreamError
from slotstream_servicekit.http.idempotency import (
    IdempotencyKeyReusedError,
    StoredAnswer,
    fingerprint_of,
    idempotent,
    kept_headers,
    key_of,
)
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.problems import problem_of
from slotstream_servicekit.http.rights import Right
from slotstream_servicekit.ids import new_id


async def create(request: Request, context: Context, principal: Principal, body: BookAppointmentIn) -> Response:
    """Books as the caller asks, once per Idempotency-Key."""
    wish = body.to_request(identity=new_id(), source=source_of(principal))
    if wish.override_reason is not None and not principal.can(Right.OVERRIDE):
        raise OverrideForbiddenError("Only a member of staff can override; an agent or a client never can.")
    if wish.client or wish.hold_id or wish.override_reason or body.action_name:
        return await idempotent(
            request,
            database=context.database,
            principal=principal,
            action=lambda session: _in_transaction(session, context, principal, wish, body.action_name),
        )
    return await _in_one_statement(request, context, principal, wish)


def _booking(
    principal: Principal, wish: BookingRequest, client_id: UUID, claim: IdempotencyClaim | None = None
) -> Booking:
    return Booking(
        request=wish,
        client_id=client_id,
        actor=actor_of(principal),
        cause=cause_of(principal),
        claim=claim,
    )


async def _in_one_statement(request: Request, context: Context, principal: Principal, wish: BookingRequest) -> Response:
    key = key_of(request)
    claim = None
    if key is not None:
        claim = IdempotencyClaim(caller=principal.subject, key=key, fingerprint=await fingerprint_of(request))
    if wish.client_id is None:
        raise InvalidBookingError("client_required", "Give one of client_id and client.")
    booking = _booking(principal, wish, wish.client_id, claim)
    organization_id = principal.organization_id
    stored: StoredAnswer | None = None
    async with context.database.connection() as connection:
        outcome = await book_appointment(
            connection=connection,
            policies=context.policies,
            organization_id=organization_id,
            booking=booking,
            now=context.clock(),
        )
        if outcome.error is not None and claim is not None:
            stored = await _settled(connection, organization_id, claim, outcome.error)
    if stored is not None and claim is not None:
        return stored.replay(claim.fingerprint)
    return _answer(outcome, principal)


async def _settled(
    connection: Any, organization_id: UUID, claim: IdempotencyClaim, error: SlotstreamError
) -> StoredAnswer | None:
    """The answer that the key has already, if any; else the refusal becomes its answer."""
    stored = await read_answer(connection, organization_id, claim)
    if stored is not None or error.kind in RETRYABLE_KINDS or isinstance(error, IdempotencyKeyReusedError):
        return stored
    answer = problem_of(error)
    return await keep_answer(
        connection,
        organization_id,
        claim,
        StoredAnswer(claim.fingerprint, answer.status_code, kept_headers(answer), bytes(answer.body)),
    )


async def _in_transaction(
    session: AsyncSession,
    context: Context,
    principal: Principal,
    wish: BookingRequest,
    action_name: str | None,
) -> Response:
    connection = await connection_of(session)
    organization_id, now, cause = principal.organization_id, context.clock(), cause_of(principal)
    if wish.hold_id:
        hold = await use_hold(connection=connection, organization_id=organization_id, hold_id=wish.hold_id)
        if (hold.starts_at, hold.business_id) != (wish.starts_at, wish.business_id):
            raise InvalidBookingError("hold_is_for_another_slot", "The hold keeps another slot than this one.")
        wish = replace(wish, resource_ids=wish.resource_ids or hold.resource_ids)
    if action_name:
        known = (await context.policies.current(connection, organization_id)).action_named(action_name)
        action_id = known.id if known else await _new_action(session, organization_id, action_name, cause, now)
        wish = replace(wish, action_id=action_id)
    client_id = wish.client_id
    if wish.client:
        policy = await context.policies.current(connection, organization_id)
        region = policy.business(wish.business_id).phone_region
        [client_id] = await find_or_create_clients(
            session=session,
            organization_id=organization_id,
            wanted=[(wish.client, region)],
            cause=cause,
            now=now,
        )
    if client_id is None:
        raise InvalidBookingError("client_required", "Give one of client_id and client.")
    outcome = await book_appointment(
        connection=connection,
        policies=context.policies,
        organization_id=organization_id,
        booking=_booking(principal, wish, client_id),
        now=now,
    )
    return _answer(outcome, principal)


async def _new_action(session: AsyncSession, organization_id: UUID, name: str, cause: Cause, now: datetime) -> UUID:
    context = KitContext(
        organization_id=organization_id, actor=KitActor(type="system", id="booking"), cause=cause, now=now
    )
    action = await find_or_add_action(session=session, context=context, name=name)
    return action.id


def _answer(outcome: Outcome, principal: Principal) -> Response:
    if outcome.error is not None or outcome.appointment is None:
        raise outcome.error or RuntimeError("a booking has neither an appointment nor an error")
    return json_response(
        shown(outcome.state, principal),
        status=201,
        version=1,
        Location=f"/v1/appointments/{outcome.appointment.id}",
    )
