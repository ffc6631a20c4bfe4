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
    policy = await policies.of(connection, context.organization_id)
    service = policy.services.get(old.service_id) if old.service_id else None
    occupancy = OccupancyStore(connection, context.organization_id)
    own = await occupancy.takes_of(old.id)
    if (service is None or service.capacity == 1) and not any(shared for _, shared in own):
        outcome = await _book_beside(connection, policies, booking, {seat.resource_id: seat for seat, _ in own})
        if outcome is not None:
            return outcome
    await occupancy.take_turns()
    await occupancy.free(old.id)
    return await book_appointment(connection=connection, policies=policies, booking=booking)


class _SessionSharedError(Exception):
    """Somebody has come to share the session meanwhile."""


async def _book_beside(
    connection: Connection, policies: PolicyCache, booking: Booking, seats: dict[UUID, Seat]
) -> Outcome | None:
    """Books in the appointment's own session, then gives back the old time. None where it is not its own any more.

    Who enters the session by an override locks its rows, so the deletion waits for them, and they are seen after it.
    """
    old, context = booking.predecessor, booking.context
    if old is None:
        return None
    occupancy = OccupancyStore(connection, context.organization_id)
    own = replace(booking, predecessor=replace(old, seats=seats))
    try:
        async with connection.transaction():
            outcome = await book_appointment(connection=connection, policies=policies, booking=own)
            outcome.booked()
            await occupancy.free(old.appointment.id)
            await _check_session(occupancy, booking.request.id)
    except _SessionSharedError:
        return None
    return outcome


async def _check_session(occupancy: OccupancyStore, holder_id: UUID) -> None:
    if await occupancy.shares_session(holder_id):
        raise _SessionSharedError


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
