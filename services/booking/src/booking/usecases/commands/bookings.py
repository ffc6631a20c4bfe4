"""Appointments checked and booked by command, singly or by the batch: all of a run in the same few statements."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain import requests as domain
from booking.domain.clients import ClientDetails, normal_email, normal_phone
from booking.domain.errors import AlreadyExistsError, InvalidBookingError
from booking.domain.lifecycle import Verb
from booking.publishers import CommandAnswer, item_result, snapshot_json, succeeded
from booking.storage.appointments import read_appointments
from booking.storage.connections import connection_of
from booking.storage.policies import PolicyCache
from booking.usecases.booking import Booking, Outcome, book_appointments, check_appointments
from booking.usecases.clients import find_or_create_clients
from booking.usecases.commands.asked import Asked, refusal
from slotstream_contracts.commands import (
    AppointmentRequest,
    BookAppointment,
    BookAppointments,
    CheckAppointment,
    CheckAppointments,
)
from slotstream_servicekit.errors import RETRYABLE_KINDS, RefusedError, SlotstreamError

Result = Literal["done", "already_done", "bookable", "refused"]


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """One appointment that a command asks for. Equal to itself only: two may ask for the same."""

    asked: Asked
    request: domain.BookingRequest


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What became of an item, with the appointment where it is booked, or the error where it is refused."""

    result: Result
    snapshot: bytes | None = None
    error: SlotstreamError | None = None


async def check(
    session: AsyncSession, policies: PolicyCache, organization_id: UUID, run: Sequence[Asked], now: datetime
) -> dict[UUID, CommandAnswer]:
    """Answers commands that check, each item by itself."""
    items = [item for one in run for item in _items(one)]
    found = await check_appointments(
        connection=await connection_of(session),
        policies=policies,
        organization_id=organization_id,
        requests=[(item.request, item.asked.actor) for item in items],
        now=now,
    )
    verdicts = {
        item: _Verdict("refused", error=judged)
        if isinstance(judged, SlotstreamError)
        else _Verdict("refused", error=RefusedError(judged))
        if judged
        else _Verdict("bookable")
        for item, judged in zip(items, found, strict=True)
    }
    return _answers(run, items, verdicts, verb=None)


async def book(
    session: AsyncSession, policies: PolicyCache, organization_id: UUID, run: Sequence[Asked], now: datetime
) -> dict[UUID, CommandAnswer]:
    """Answers commands that book, each item by itself and in their order."""
    items = [item for one in run for item in _items(one)]
    connection = await connection_of(session)
    # An appointment that exists is in its own way: judged again, it would be refused as taken.
    existing = await _existing(connection, organization_id, [item.request.id for item in items])
    verdicts = {
        item: _Verdict("already_done", existing[item.request.id]) for item in items if item.request.id in existing
    }
    fresh = [item for item in items if item not in verdicts]
    if fresh:
        verdicts |= await _book_new(session, policies, organization_id, fresh, now)
    return _answers(run, items, verdicts, verb=Verb.CREATE)


def _items(one: Asked) -> Iterator[_Item]:
    match one.command:
        case CheckAppointment(request=request):
            # It names no appointment: the command's own id stands for the one that would be.
            yield _Item(one, _request_of(request, identity=one.id))
        case BookAppointment(appointment_id=identity, request=request):
            yield _Item(one, _request_of(request, identity=identity))
        case CheckAppointments(items=items) | BookAppointments(items=items):
            for each in items:
                yield _Item(one, _request_of(each.request, identity=each.appointment_id))


def _answers(
    run: Sequence[Asked], items: Sequence[_Item], verdicts: Mapping[_Item, _Verdict], *, verb: Verb | None
) -> dict[UUID, CommandAnswer]:
    """One for each command, its items in their order."""
    found: dict[UUID, list[tuple[_Item, _Verdict]]] = {one.id: [] for one in run}
    for item in items:
        verdict = verdicts[item]
        if verdict.error is not None and verdict.error.kind in RETRYABLE_KINDS:
            raise verdict.error
        found[item.asked.id].append((item, verdict))
    return {one.id: _answer(one, found[one.id], verb=verb) for one in run}


def _answer(one: Asked, verdicts: Sequence[tuple[_Item, _Verdict]], *, verb: Verb | None) -> CommandAnswer:
    if isinstance(one.command, CheckAppointments | BookAppointments):
        return succeeded(
            command_id=one.id,
            command_type=one.type,
            batch_id=one.batch_id,
            affected=sum(verdict.result == "done" for _, verdict in verdicts),
            items=[item_result(item.request.id, verdict.result, verdict.error) for item, verdict in verdicts],
        )
    [(_, verdict)] = verdicts
    if verdict.error is not None:
        return refusal(one, verdict.error, verb=verb)
    return succeeded(
        command_id=one.id,
        command_type=one.type,
        appointment_id=one.appointment_id,
        batch_id=one.batch_id,
        outcome=verdict.result,
        snapshot=verdict.snapshot,
        affected=0 if verdict.result == "bookable" else 1,
    )


def _request_of(asked: AppointmentRequest, *, identity: UUID) -> domain.BookingRequest:
    price, client = asked.quoted_price, asked.client
    return domain.BookingRequest(
        id=identity,
        business_id=asked.business_id,
        starts_at=asked.starts_at,
        source=asked.source,
        service_id=asked.service_id,
        service_name=asked.service_name,
        client_id=asked.client_id,
        client=ClientDetails(name=client.name, phone=client.phone, email=client.email) if client else None,
        duration=None if asked.duration_minutes is None else timedelta(minutes=asked.duration_minutes),
        resource_ids=asked.resource_ids or None,
        action_id=asked.action_id,
        origin_kind=asked.origin.kind,
        origin_reference_id=asked.origin.reference_id,
        origin_url=asked.origin.url,
        notes=asked.notes,
        internal_notes=asked.internal_notes,
        share_with_client=asked.share_with_client,
        notify_client=asked.notify,
        quoted_amount=price.amount if price else None,
        quoted_currency=price.currency if price else None,
        external_id=asked.external_id,
        batch_id=asked.batch_id,
        override_reason=asked.override.reason if asked.override else None,
    )


async def _book_new(
    session: AsyncSession,
    policies: PolicyCache,
    organization_id: UUID,
    items: Sequence[_Item],
    now: datetime,
) -> dict[_Item, _Verdict]:
    client_ids, verdicts = await _clients(session, policies, organization_id, items, now)
    bookings: dict[UUID, Booking] = {}
    for item, client_id in client_ids.items():
        # Of several items that name one appointment, the first books it.
        if item.request.id not in bookings:
            one = item.asked
            bookings[item.request.id] = Booking(
                request=item.request, client_id=client_id, actor=one.actor, cause=one.cause
            )
    connection = await connection_of(session)
    outcomes = await book_appointments(
        connection=connection,
        policies=policies,
        organization_id=organization_id,
        bookings=list(bookings.values()),
        now=now,
    )
    by_appointment = {each.booking.request.id: each for each in outcomes}
    beaten = [identity for identity, each in by_appointment.items() if isinstance(each.error, AlreadyExistsError)]
    done = await _existing(connection, organization_id, beaten)
    for item in client_ids:
        verdicts[item] = _verdict(by_appointment[item.request.id], done)
    return verdicts


def _verdict(outcome: Outcome, done: dict[UUID, bytes]) -> _Verdict:
    """Notes in `done` what is booked, for those that ask for the same after it."""
    identity = outcome.booking.request.id
    if identity in done:
        return _Verdict("already_done", done[identity])
    if outcome.error is not None:
        return _Verdict("refused", error=outcome.error)
    done[identity] = outcome.snapshot
    return _Verdict("done", outcome.snapshot)


async def _existing(connection: Any, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """Snapshots of appointments that a command names although they exist: done already, by another command."""
    if not ids:
        return {}
    found = await read_appointments(connection, organization_id=organization_id, ids=ids)
    return {identity: snapshot_json(one) for identity, one in found.items()}


async def _clients(
    session: AsyncSession,
    policies: PolicyCache,
    organization_id: UUID,
    items: Sequence[_Item],
    now: datetime,
) -> tuple[dict[_Item, UUID], dict[_Item, _Verdict]]:
    """Whom each item is for, in their order, and the refusals of those that do not say it rightly."""
    policy = await policies.current(await connection_of(session), organization_id)
    known: dict[_Item, UUID] = {}
    refusals: dict[_Item, _Verdict] = {}
    details: dict[_Item, tuple[ClientDetails, str | None]] = {}
    for item in items:
        request = item.request
        try:
            region = policy.business(request.business_id).phone_region
            if request.client_id is not None:
                known[item] = request.client_id
            elif request.client is None:
                raise InvalidBookingError("client_required", "Give one of client_id and client.")
            else:
                normal_phone(request.client.phone, region=region)
                normal_email(request.client.email)
                details[item] = (request.client, region)
        except SlotstreamError as error:
            refusals[item] = _Verdict("refused", error=error)
    if details:
        found = await find_or_create_clients(
            session=session,
            organization_id=organization_id,
            wanted=list(details.values()),
            cause=items[0].asked.cause,
            now=now,
        )
        known |= dict(zip(details, found, strict=True))
    return {item: known[item] for item in items if item in known}, refusals
