"""Moving an appointment: a new one in its place, linked both ways, in one transaction."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment, changed
from booking.domain.errors import NothingChangedError
from booking.domain.lifecycle import Status, Verb, status_after
from booking.domain.requests import BookingRequest
from booking.domain.seating import Seat
from booking.storage.bookings import BookingStore
from booking.storage.connections import connection_of
from booking.storage.contacts import lock_clients
from booking.storage.external_ids import ExternalIdStore
from booking.storage.occupancy import OccupancyStore
from booking.storage.policies import PolicyCache
from booking.usecases.booking import Booking, Outcome, Predecessor, book_appointment
from booking.usecases.erased_clients import refuse_if_erased
from booking.usecases.history import Recorded, record_change
from booking.usecases.lifecycle import locked_appointment, notice_override
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where an appointment is moved to. None keeps what it had."""

    new_id: UUID
    starts_at: datetime
    duration: timedelta | None = None
    resource_ids: tuple[UUID, ...] | None = None
    notify: bool | None = True
    """Whether the client is told of what happens to it from now on, and reminded. None keeps that too."""
    tell_client: bool | None = None
    """Whether the client is told of this move alone."""
    reason: str | None = None
    override_reason: str | None = None
    source: str | None = None

    def notifies(self, old: Appointment) -> bool:
        return old.notify_client if self.notify is None else self.notify

    def changes(self, old: Appointment) -> bool:
        """Whether it leads anywhere else: to another time, length or staff."""
        resource_ids = {resource.id for resource in old.resources}
        return (
            self.starts_at != old.starts_at
            or (self.duration is not None and self.duration != old.duration)
            or (self.resource_ids is not None and set(self.resource_ids) != resource_ids)
        )


async def reschedule_appointment(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    appointment_id: UUID,
    move: Move,
    expected_version: int | None = None,
) -> tuple[Recorded, Recorded]:
    """Old and new in one transaction, pointing at each other; the new one first."""
    connection = await connection_of(session)
    old = await locked_appointment(connection, context, appointment_id, expected_version)
    await refuse_if_erased(connection, old)
    status_after(Verb.RESCHEDULE, old.status)
    if not move.changes(old):
        raise NothingChangedError("The appointment has this time and staff already.")
    policy = await policies.current(connection, context.organization_id)
    reason = move.override_reason or move.reason
    override = notice_override(policy, old, Verb.RESCHEDULE, context=context, reason=reason)
    outcome = await _book_elsewhere(connection, policies, context, old, move)
    new = outcome.booked()
    closed, change = changed(
        old,
        verb=Verb.RESCHEDULE,
        now=context.now,
        reason=move.reason,
        override=override,
        status=Status.RESCHEDULED,
        occupies=False,
        notify_client=move.notifies(old),
        rescheduled_to=new.id,
    )
    fields = {
        **change.fields,
        "starts_at": (old.starts_at, new.starts_at),
        "ends_at": (old.ends_at, new.ends_at),
    }
    change = replace(change, fields=fields, tell_client=move.tell_client)
    recorded = await record_change(session, closed, change=change, context=context, replacement=outcome.snapshot)
    return Recorded(new, outcome.snapshot), recorded


async def _book_elsewhere(
    connection: Connection, policies: PolicyCache, context: Context, old: Appointment, move: Move
) -> Outcome:
    """Books the new time and gives back the old.

    A session that is the appointment's alone is kept for the new time, so that it can move by less than its length
    while the old time stays visibly taken: others are refused at once and wait for nobody. Where others share the
    session, or by the service may come to, the old seat is given up first; two that swap places so would wait for each
    other, and therefore take turns.
    """
    if old.external_id is not None:
        await ExternalIdStore(connection, context.organization_id).check_at_commit()
    booking = Booking(
        request=moved_request(old, move),
        context=context,
        predecessor=Predecessor(appointment=old, reason=move.reason),
    )
    client_id = await BookingStore(connection, context.organization_id).current_client(old.client_id) or old.client_id
    booking = replace(booking, request=replace(booking.request, client_id=client_id))
    await lock_clients(connection, context.organization_id, {client_id}, to_change=False)
    policy = await policies.of(connection, context.organization_id)
    service = policy.services.get(old.service_id) if old.service_id else None
    if service is None or service.capacity == 1:
        outcome = await _book_beside(connection, policies, booking)
        if outcome is not None:
            return outcome
    occupancy = OccupancyStore(connection, context.organization_id)
    await occupancy.take_turns()
    await occupancy.lock_entries(_entered(booking, old))
    await occupancy.free(old.id)
    return await book_appointment(connection=connection, policies=policies, booking=booking)


def _entered(booking: Booking, old: Appointment) -> dict[UUID, bool]:
    """The resources of both times, and whether the new one is taken by override."""
    forced = booking.request.override_reason is not None
    return dict.fromkeys({*(resource.id for resource in old.resources), *(booking.request.resource_ids or ())}, forced)


class _SessionSharedError(Exception):
    """Others share the session."""


async def _book_beside(connection: Connection, policies: PolicyCache, booking: Booking) -> Outcome | None:
    """Books in the appointment's own session, then gives back the old time. None where others share the session.

    Nobody enters it by override meanwhile.
    """
    old, context = booking.predecessor, booking.context
    if old is None:
        return None
    occupancy = OccupancyStore(connection, context.organization_id)
    try:
        # What is locked here is let go where it fails: turns come before these locks.
        async with connection.transaction():
            await occupancy.lock_entries(_entered(booking, old.appointment))
            seats = await _own_seats(occupancy, old.appointment.id)
            own = replace(booking, predecessor=replace(old, seats=seats))
            outcome = await book_appointment(connection=connection, policies=policies, booking=own)
            outcome.booked()
            await occupancy.free(old.appointment.id)
            await _own_seats(occupancy, booking.request.id)
    except _SessionSharedError:
        return None
    return outcome


async def _own_seats(occupancy: OccupancyStore, holder_id: UUID) -> dict[UUID, Seat]:
    """By resource. Raises _SessionSharedError where another holder has a seat beside one."""
    takes = await occupancy.takes_of(holder_id)
    if any(shared for _, shared in takes):
        raise _SessionSharedError
    return {seat.resource_id: seat for seat, _ in takes}


def moved_request(old: Appointment, move: Move) -> BookingRequest:
    """The request for what replaces `old`: everything of it, at another time."""
    return BookingRequest(
        **{**old.details(), "notify_client": move.notifies(old)},
        id=move.new_id,
        business_id=old.business_id,
        starts_at=move.starts_at,
        source=move.source or old.source,
        service_id=old.service_id,
        service_name=None if old.service_id else old.service_name,
        client_id=old.client_id,
        duration=move.duration or old.duration,
        resource_ids=move.resource_ids or tuple(resource.id for resource in old.resources),
        external_id=old.external_id,
        batch_id=old.batch_id,
        series_id=old.series_id,
        override_reason=move.override_reason,
    )
