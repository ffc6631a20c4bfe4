"""Booking, whichever way it came in: one request over HTTP, a rescheduling, a batch of commands."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from booking.domain.calendars import Calendars
from booking.domain.errors import (
    AlreadyExistsError,
    BusyBookError,
    IdTakenError,
    InvalidBookingError,
    OverrideForbiddenError,
    UnknownReferenceError,
)
from booking.domain.lifecycle import Verb
from booking.domain.model import Actor, Appointment, Change, Override
from booking.domain.policy import Policy
from booking.domain.requests import BookingRequest, Plan, plan_booking
from booking.domain.seating import (
    Seat,
    Seating,
    assigned_resources,
    occupy,
    seat,
)
from booking.publishers import Cause, appointment_records, snapshot_json, state_json
from booking.storage.bookings import (
    BookingRow,
    IdempotencyClaim,
    StalePolicyError,
    bookable_clients,
    existing_appointments,
    insert_bookings,
)
from booking.storage.connections import reading
from booking.storage.occupancy import Window, drop_expired_holds, read_calendars
from booking.storage.policies import PolicyCache
from booking.usecases.overriding import force_seats
from slotstream_servicekit.errors import Reason, RefusedError, SlotstreamError

_ATTEMPTS = 6
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """The appointment that a rescheduling replaces, and what of it the new one keeps."""

    appointment: Appointment
    seats: tuple[Seat, ...] = ()
    """Its own seats, whose sessions the new one may enter: so it can move by less than its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One request to book, with who asks, for which client, and why."""

    request: BookingRequest
    client_id: UUID
    actor: Actor
    cause: Cause
    claim: IdempotencyClaim | None = None
    predecessor: Predecessor | None = None
    ignore: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a booking: the appointment and its JSON, or the error."""

    booking: Booking
    appointment: Appointment | None = None
    state: bytes = b""
    snapshot: bytes = b""
    override: Override | None = None
    error: SlotstreamError | None = None


@dataclass(slots=True, kw_only=True)
class _Round:
    """One attempt at the bookings that are still open."""

    rows: dict[UUID, BookingRow] = field(default_factory=dict)
    outcomes: dict[UUID, Outcome] = field(default_factory=dict)


async def book_appointments(
    *,
    connection: Any,
    policies: PolicyCache,
    organization_id: UUID,
    bookings: Sequence[Booking],
    now: datetime,
    look_first: bool = False,
) -> list[Outcome]:
    """Books what can be booked, each by itself; conflicts among them are settled in their order.

    The first attempt of requests that name their resources does not look at occupancy: the statement itself
    decides. What it refuses is looked at, and either explained with all reasons or tried again.
    """
    done: dict[UUID, Outcome] = {}
    pending = list(bookings)
    look = look_first or any(one.ignore for one in pending)
    policy = await policies.of(connection, organization_id)
    for attempt in range(_ATTEMPTS):
        current = await _judge(connection, policy, pending, now=now, look=look, spread=attempt > 0)
        done |= current.outcomes
        try:
            won = await _insert(connection, policy, list(current.rows.values()))
        except StalePolicyError:
            policy = await policies.reload(connection, organization_id)
            for booking_id in current.outcomes:
                done.pop(booking_id)
            continue
        if policy.version and current.outcomes and not current.rows:
            # Refused by policy alone: no statement has compared its version yet.
            fresh = await policies.current(connection, organization_id)
            if fresh.version != policy.version:
                policy = fresh
                for booking_id in current.outcomes:
                    done.pop(booking_id)
                continue
        by_id = {one.request.id: one for one in pending}
        done |= {one: _booked(current.rows[one], by_id[one]) for one in won}
        pending = [one for one in pending if one.request.id not in done]
        if not pending:
            break
        done |= await _settle_losers(connection, organization_id, pending, policy)
        pending = [one for one in pending if one.request.id not in done]
        look = True
    done |= {one.request.id: Outcome(booking=one, error=BusyBookError(_BUSY)) for one in pending}
    return [done[one.request.id] for one in bookings]


_BUSY = "The slot is changing hands right now; ask again."


async def book_appointment(
    *, connection: Any, policies: PolicyCache, organization_id: UUID, booking: Booking, now: datetime
) -> Outcome:
    """Books one appointment; its outcome holds the error where it is refused."""
    [outcome] = await book_appointments(
        connection=connection,
        policies=policies,
        organization_id=organization_id,
        bookings=[booking],
        now=now,
    )
    return outcome


async def check_appointments(
    *,
    connection: Any,
    policies: PolicyCache,
    organization_id: UUID,
    requests: Sequence[tuple[BookingRequest, Actor]],
    now: datetime,
) -> list[tuple[Reason, ...] | SlotstreamError]:
    """Every reason against each request by itself; changes nothing."""
    policy = await policies.current(connection, organization_id)
    plans: list[Plan | SlotstreamError] = []
    for request, _actor in requests:
        try:
            plans.append(plan_booking(policy, request, client_id=request.client_id or request.id, now=now))
        except SlotstreamError as error:
            plans.append(error)
    known = [plan for plan in plans if isinstance(plan, Plan)]
    calendars = await _calendars(connection, policy, known)
    return [
        plan
        if isinstance(plan, SlotstreamError)
        else seat(policy, plan.wanted, calendars=calendars, holder_id=plan.request.id, now=now).reasons
        for plan in plans
    ]


async def _judge(
    connection: Any, policy: Policy, bookings: Sequence[Booking], *, now: datetime, look: bool, spread: bool
) -> _Round:
    plans: list[tuple[Booking, Plan]] = []
    current = _Round()
    for booking in bookings:
        try:
            plans.append((booking, _planned(policy, booking, now)))
        except SlotstreamError as error:
            current.outcomes[booking.request.id] = Outcome(booking=booking, error=error)
    look = look or not all(plan.wanted.is_settled for _, plan in plans)
    calendars = await _calendars(connection, policy, [each for _, each in plans]) if look else Calendars()
    for booking, plan in plans:
        request_id = booking.request.id
        found = seat(
            policy,
            plan.wanted,
            calendars=calendars,
            holder_id=request_id,
            now=now,
            ignore=booking.ignore,
            spread=spread,
        )
        if found.reasons and not look:
            if len(plans) == 1:
                return await _judge(connection, policy, bookings, now=now, look=True, spread=spread)
            # Looked at in the next round. What comes after it and wants the same time waits for it until then.
            occupy(calendars, plan.wanted, found, holder_id=request_id)
            continue
        try:
            row = await _row(connection, policy, booking, plan, found)
        except SlotstreamError as error:
            current.outcomes[request_id] = Outcome(booking=booking, error=error)
            continue
        current.rows[request_id] = row
        if plan.occupies and len(plans) > 1:
            occupy(calendars, plan.wanted, found, holder_id=request_id)
    return current


def _planned(policy: Policy, booking: Booking, now: datetime) -> Plan:
    request = booking.request
    if request.override_reason is not None and not booking.actor.may_override:
        raise OverrideForbiddenError("Only a member of staff can override; an agent or a client never can.")
    if request.resource_ids and len(set(request.resource_ids)) < len(request.resource_ids):
        raise InvalidBookingError("duplicate_resource", "A resource is named twice.")
    replaced = booking.predecessor.appointment if booking.predecessor else None
    return plan_booking(policy, request, client_id=booking.client_id, now=now, predecessor=replaced)


async def _calendars(connection: Any, policy: Policy, plans: Sequence[Plan]) -> Calendars:
    windows = [
        Window(one, plan.wanted.blocked[0] - _A_DAY, plan.wanted.blocked[1] + _A_DAY)
        for plan in plans
        for one in plan.wanted.candidates
    ]
    turns = any(plan.wanted.business.assignment == "round_robin" for plan in plans)
    return await read_calendars(connection, policy.organization_id, _merged(windows), with_turns=turns)


def _merged(windows: Sequence[Window]) -> list[Window]:
    """Windows of one resource that touch are read as one."""
    merged: list[Window] = []
    for window in sorted(windows, key=lambda one: (one.resource_id, one.begins)):
        last = merged[-1] if merged else None
        if last and last.resource_id == window.resource_id and window.begins <= last.ends:
            merged[-1] = Window(last.resource_id, last.begins, max(last.ends, window.ends))
        else:
            merged.append(window)
    return merged


async def _row(connection: Any, policy: Policy, booking: Booking, plan: Plan, seating: Seating) -> BookingRow:
    override = None
    seats = seating.seats
    if seating.reasons:
        if booking.request.override_reason is None or not seats:
            raise RefusedError(seating.reasons)
        seats, override = await force_seats(
            connection,
            organization_id=policy.organization_id,
            holder_id=plan.request.id,
            blocked=plan.wanted.blocked,
            seats=seats,
            reasons=seating.reasons,
            why=booking.request.override_reason,
        )
    elif booking.predecessor:
        seats = _kept_sessions(seats, booking.predecessor, new_id=plan.request.id)
    appointment = plan.appointment(assigned_resources(policy, seating.seats, limit=plan.wanted.rules.capacity))
    change = Change(verb=Verb.CREATE, fields={}, override=override)
    snapshot = snapshot_json(appointment)
    state = state_json(appointment, snapshot)
    return BookingRow(
        appointment=appointment,
        takes=seats if appointment.occupies else (),
        snapshot=snapshot,
        state=state,
        actor=booking.actor,
        change=change,
        records=appointment_records(
            appointment, change=change, actor=booking.actor, cause=booking.cause, snapshot=snapshot
        ),
        claim=booking.claim,
    )


def _kept_sessions(seats: tuple[Seat, ...], predecessor: Predecessor, *, new_id: UUID) -> tuple[Seat, ...]:
    own = {each.resource_id: each for each in predecessor.seats}
    return tuple(
        replace(each, session_id=own[each.resource_id].session_id, seat=own[each.resource_id].seat + 1)
        if each.resource_id in own and each.session_id == new_id
        else each
        for each in seats
    )


async def _insert(connection: Any, policy: Policy, rows: Sequence[BookingRow]) -> frozenset[UUID]:
    """Those that were booked. None where an id is another organization's, or a key or id is used this very moment:
    looking again tells which.
    """
    if not rows:
        return frozenset()
    with contextlib.suppress(asyncpg.UniqueViolationError):
        alone = len(rows) == 1 and not connection.is_in_transaction()
        async with contextlib.nullcontext() if alone else connection.transaction():
            return await insert_bookings(
                connection, organization_id=policy.organization_id, policy_version=policy.version, rows=rows
            )
    return frozenset()


def _booked(row: BookingRow, booking: Booking) -> Outcome:
    return Outcome(
        booking=booking,
        appointment=row.appointment,
        state=row.state,
        snapshot=row.snapshot,
        override=row.change.override,
    )


async def _settle_losers(
    connection: Any, organization_id: UUID, losers: Sequence[Booking], policy: Policy
) -> dict[UUID, Outcome]:
    """Those that no further attempt can help: unknown clients and ids that exist. Drops expired holds."""
    settled: dict[UUID, Outcome] = {}
    async with reading(connection, organization_id):
        existing = await existing_appointments(connection, organization_id, [one.request.id for one in losers])
        clients = await bookable_clients(connection, organization_id, [one.client_id for one in losers])
    for one in losers:
        error: SlotstreamError | None = None
        if one.request.id in existing:
            own = existing[one.request.id]
            error = AlreadyExistsError(f"The id {one.request.id} is in use already.") if own else IdTakenError()
        elif one.client_id not in clients:
            error = UnknownReferenceError("client", one.client_id)
        if error:
            settled[one.request.id] = Outcome(booking=one, error=error)
    open_still = [one for one in losers if one.request.id not in settled]
    windows = [
        Window(candidate, plan.wanted.blocked[0], plan.wanted.blocked[1])
        for plan in (_planned(policy, one, one.request.starts_at) for one in open_still)
        for candidate in plan.wanted.candidates
    ]
    if windows:
        await drop_expired_holds(connection, organization_id, _merged(windows))
    return settled
