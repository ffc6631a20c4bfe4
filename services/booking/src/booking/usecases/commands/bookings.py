"""Appointments checked and booked by command, singly or by the batch: all of a run in the same few statements."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment
from booking.domain.clients import ClientDetails
from booking.domain.errors import AlreadyExistsError
from booking.domain.lifecycle import Status, Verb
from booking.domain.requests import BookingRequest
from booking.domain.seating import Seating
from booking.publishers import CommandAnswer, item_result, snapshot_json, succeeded
from booking.storage.appointments import AppointmentStore
from booking.storage.connections import connection_of
from booking.storage.contacts import contact_locks, lock_clients
from booking.storage.occupancy import OccupancyStore
from booking.storage.policies import PolicyCache
from booking.usecases.booking import Booking, Outcome, addresses_to_lock, book_appointments
from booking.usecases.checking import check_appointments
from booking.usecases.commands.outdated import are_erased, client_erased
from booking.usecases.commands.received import ReceivedCommand, count_refusal, refusal
from slotstream_contracts.commands import (
    AppointmentRequest,
    BookAppointment,
    BookAppointments,
    CancelAppointment,
    CheckAppointment,
    CheckAppointments,
    ConfirmAppointment,
    RescheduleAppointment,
    UndoAppointments,
)
from slotstream_servicekit.database import Connection, tenant_transaction
from slotstream_servicekit.errors import RETRYABLE_KINDS, RefusedError, SlotstreamError, TransientError

Result = Literal["done", "already_done", "bookable", "refused"]


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """One appointment that a command asks for. Equal to itself only: two may ask for the same."""

    command: ReceivedCommand
    request: BookingRequest


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What became of an item, with the appointment where it is booked, or the error where it is refused."""

    result: Result
    appointment: Appointment | None = None
    error: SlotstreamError | None = None
    free: tuple[UUID, ...] = ()
    """Of a check: among whom there is a choice."""

    @property
    def client_id(self) -> UUID | None:
        return None if self.appointment is None else self.appointment.client_id


async def check(
    session: AsyncSession, policies: PolicyCache, run: Sequence[ReceivedCommand], now: datetime
) -> dict[UUID, CommandAnswer]:
    """Answers commands that check, each item by itself."""
    items = [item for command in run for item in _items(command)]
    judged = await check_appointments(
        connection=await connection_of(session),
        policies=policies,
        context=run[0].context(now),
        requests=[item.request for item in items],
    )
    verdicts = {item: _checked(seating) for item, seating in zip(items, judged, strict=True)}
    return _answers(run, items, verdicts, verb=None)


def _checked(seating: Seating | SlotstreamError) -> _Verdict:
    if isinstance(seating, SlotstreamError):
        return _Verdict("refused", error=seating)
    if seating.reasons:
        return _Verdict("refused", error=RefusedError(seating.reasons))
    return _Verdict("bookable", free=seating.free)


async def book(
    session: AsyncSession, policies: PolicyCache, run: Sequence[ReceivedCommand], now: datetime
) -> dict[UUID, CommandAnswer]:
    """Answers commands that book, each item by itself and in their order."""
    items = [item for command in run for item in _items(command)]
    connection, organization_id = await connection_of(session), run[0].organization_id
    # An appointment that exists is in its own way: judged again, it would be refused as taken.
    existing = await _existing(connection, organization_id, [item.request.id for item in items])
    verdicts = {
        item: _Verdict("already_done", existing[item.request.id]) for item in items if item.request.id in existing
    }
    new = [item for item in items if item not in verdicts]
    erased = await _erased(connection, policies, new)
    verdicts |= {item: _Verdict("refused", error=client_erased()) for item in erased}
    fresh = [item for item in new if item not in erased]
    # Of several items that name one appointment, the first books it.
    first = {item.request.id: item for item in reversed(fresh)}
    bookings = [
        Booking(request=item.request, context=item.command.context(now))
        for item in fresh
        if first[item.request.id] is item
    ]
    outcomes = await book_appointments(connection=connection, policies=policies, bookings=bookings)
    if await _erased(connection, policies, fresh):
        # Between the first look and the search for their client, which then found nobody and made them anew.
        raise TransientError("A client was erased meanwhile")
    by_appointment = {outcome.booking.request.id: outcome for outcome in outcomes}
    beaten = [identity for identity, outcome in by_appointment.items() if isinstance(outcome.error, AlreadyExistsError)]
    done = await _existing(connection, organization_id, beaten)
    for item in fresh:
        verdicts[item] = _verdict(by_appointment[item.request.id], done)
    return _answers(run, items, verdicts, verb=Verb.CREATE)


async def lock_ahead(
    connection: Connection, policies: PolicyCache, organization_id: UUID, commands: Sequence[ReceivedCommand]
) -> None:
    """Takes at once, in the order that all keep, what these commands would take one after another.

    Appointments come first, then addresses, then clients, then entries of sessions, each in their order: whoever takes
    one of the second while holding one of the third could wait in a circle with somebody who does it the other way
    round.
    """
    requests = [item.request for command in commands if _books(command) for item in _items(command)]
    known = await AppointmentStore(connection, organization_id).get_all(
        [appointment_id for command in commands for appointment_id in _changes(command)], lock=True
    )
    policy = await policies.current(connection, organization_id)
    locks = contact_locks(organization_id, addresses_to_lock(policy, requests))
    async with tenant_transaction(connection, organization_id, locks=locks):
        pass
    named = {request.client_id for request in requests if request.client_id is not None}
    named |= {appointment.client_id for appointment in known.values()}
    await lock_clients(connection, organization_id, named, to_change=False)
    await OccupancyStore(connection, organization_id).lock_entries(_entered(commands, requests, known))


def _entered(
    commands: Sequence[ReceivedCommand], requests: Sequence[BookingRequest], known: Mapping[UUID, Appointment]
) -> dict[UUID, bool]:
    """The resources of all times that are taken or moved, and whether by override."""
    entered: dict[UUID, bool] = {}
    for received in commands:
        match received.command:
            case RescheduleAppointment(appointment_id=moved_id, resource_ids=resource_ids):
                former = [resource.id for resource in known[moved_id].resources] if moved_id in known else []
                entered |= dict.fromkeys((*former, *(resource_ids or ())), False)
    for request in requests:
        forced = request.override_reason is not None
        entered |= {
            resource_id: forced or entered.get(resource_id, False) for resource_id in request.resource_ids or ()
        }
    return entered


def _books(command: ReceivedCommand) -> bool:
    return isinstance(command.command, BookAppointment | BookAppointments)


def _changes(received: ReceivedCommand) -> Sequence[UUID]:
    match received.command:
        case ConfirmAppointment() | CancelAppointment() | RescheduleAppointment():
            return [received.command.appointment_id]
        case UndoAppointments():
            return received.command.appointment_ids
        case _:
            return []


async def _erased(connection: Connection, policies: PolicyCache, items: Sequence[_Item]) -> frozenset[_Item]:
    """Those whose client was erased after their command was sent."""
    erased = await are_erased(connection, policies, [(item.command, item.request) for item in items])
    return frozenset(item for item, gone in zip(items, erased, strict=True) if gone)


def _items(received: ReceivedCommand) -> Iterator[_Item]:
    match received.command:
        case CheckAppointment(request=request):
            # It names no appointment: the command's own id stands for the one that would be.
            yield _Item(received, _request_of(request, identity=received.id))
        case BookAppointment(appointment_id=identity, request=request):
            yield _Item(received, _request_of(request, identity=identity))
        case CheckAppointments(items=items) | BookAppointments(items=items):
            for item in items:
                yield _Item(received, _request_of(item.request, identity=item.appointment_id))


def _answers(
    run: Sequence[ReceivedCommand],
    items: Sequence[_Item],
    verdicts: Mapping[_Item, _Verdict],
    *,
    verb: Verb | None,
) -> dict[UUID, CommandAnswer]:
    """One for each command, its items in their order."""
    by_command: dict[UUID, list[tuple[_Item, _Verdict]]] = {command.id: [] for command in run}
    for item in items:
        verdict = verdicts[item]
        if verdict.error is not None and verdict.error.kind in RETRYABLE_KINDS:
            raise verdict.error
        by_command[item.command.id].append((item, verdict))
    return {command.id: _answer(command, by_command[command.id], verb=verb) for command in run}


def _answer(
    received: ReceivedCommand, verdicts: Sequence[tuple[_Item, _Verdict]], *, verb: Verb | None
) -> CommandAnswer:
    if isinstance(received.command, CheckAppointments | BookAppointments):
        for _, verdict in verdicts:
            if verdict.error is not None:
                count_refusal(verdict.error)
        return succeeded(
            command_id=received.id,
            command_type=received.type,
            batch_id=received.batch_id,
            affected=sum(verdict.result == "done" for _, verdict in verdicts),
            items=[
                item_result(
                    item.request.id,
                    verdict.result,
                    client_id=verdict.client_id,
                    error=verdict.error,
                    free_resource_ids=verdict.free,
                )
                for item, verdict in verdicts
            ],
        )
    [(_, verdict)] = verdicts
    if verdict.error is not None:
        return refusal(received, verdict.error, verb=verb)
    return succeeded(
        command_id=received.id,
        command_type=received.type,
        appointment_id=received.appointment_id,
        batch_id=received.batch_id,
        outcome=verdict.result,
        snapshot=None if verdict.appointment is None else snapshot_json(verdict.appointment),
        affected=0 if verdict.result == "bookable" else 1,
    )


def _request_of(wanted: AppointmentRequest, *, identity: UUID) -> BookingRequest:
    price, client, place = wanted.quoted_price, wanted.client, wanted.location
    return BookingRequest(
        id=identity,
        business_id=wanted.business_id,
        starts_at=wanted.starts_at,
        source=wanted.source,
        service_id=wanted.service_id,
        service_name=wanted.service_name,
        client_id=wanted.client_id,
        client=ClientDetails(name=client.name, phone=client.phone, email=client.email) if client else None,
        duration=None if wanted.duration_minutes is None else timedelta(minutes=wanted.duration_minutes),
        resource_ids=wanted.resource_ids or None,
        action_id=wanted.action_id,
        origin_kind=wanted.origin.kind,
        origin_reference_id=wanted.origin.reference_id,
        origin_url=wanted.origin.url,
        location_kind=place.kind if place else "business",
        location_text=place.text if place else None,
        location_url=place.url if place else None,
        notes=wanted.notes,
        internal_notes=wanted.internal_notes,
        share_with_client=wanted.share_with_client,
        # Nobody is told of what is over.
        notify_client=wanted.notify and wanted.status == "scheduled",
        quoted_amount=price.amount if price else None,
        quoted_currency=price.currency if price else None,
        external_id=wanted.external_id,
        batch_id=wanted.batch_id,
        override_reason=wanted.override.reason if wanted.override else None,
        recorded_status=None if wanted.status == "scheduled" else Status(wanted.status),
    )


def _verdict(outcome: Outcome, done: dict[UUID, Appointment]) -> _Verdict:
    """Notes in `done` what is booked, for those that ask for the same after it."""
    identity = outcome.booking.request.id
    if identity in done:
        return _Verdict("already_done", done[identity])
    if outcome.error is not None:
        return _Verdict("refused", error=outcome.error)
    done[identity] = outcome.booked()
    return _Verdict("done", done[identity])


async def _existing(connection: Connection, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Appointment]:
    """Appointments that a command names although they exist: done already, by another command."""
    return await AppointmentStore(connection, organization_id).find_all(ids) if ids else {}
