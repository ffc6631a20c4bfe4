"""Taking back what imports have booked: all appointments of a run of commands in the same few statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment, changed
from booking.domain.changes import Change
from booking.domain.erasure import ERASED
from booking.domain.errors import ChangedSinceError, OfAnotherBatchError
from booking.domain.lifecycle import OPEN, Status, Verb
from booking.publishers import CommandAnswer, item_result, succeeded
from booking.storage.appointments import AppointmentStore
from booking.storage.connections import connection_of
from booking.storage.erasure import appointments_of_erased
from booking.storage.occupancy import OccupancyStore
from booking.storage.policies import PolicyCache
from booking.usecases.commands.received import ReceivedCommand
from booking.usecases.history import record_changes
from slotstream_contracts.commands import UndoAppointments
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError, SlotstreamError


async def undo(
    session: AsyncSession, _policies: PolicyCache, run: Sequence[ReceivedCommand], now: datetime
) -> dict[UUID, CommandAnswer]:
    """Answers commands that undo, each appointment by itself.

    Those of erased clients as well, without the reason: it is free text, and the import is to come to its end.
    """
    commands = [(received, received.command) for received in run if isinstance(received.command, UndoAppointments)]
    # All are locked at once and in one order, so that two runs never wait for each other.
    connection, organization_id = await connection_of(session), run[0].organization_id
    store = AppointmentStore(connection, organization_id)
    ids = [appointment_id for _, command in commands for appointment_id in command.appointment_ids]
    appointments = await store.get_all(ids, lock=True)
    erased = await appointments_of_erased(connection, organization_id, ids)
    return {
        received.id: await _undo(session, received, command, appointments, erased, context=received.context(now))
        for received, command in commands
    }


async def _undo(
    session: AsyncSession,
    received: ReceivedCommand,
    command: UndoAppointments,
    appointments: dict[UUID, Appointment],
    erased: frozenset[UUID],
    *,
    context: Context,
) -> CommandAnswer:
    errors = {
        appointment_id: _objection(appointments.get(appointment_id), command.batch_id)
        for appointment_id in command.appointment_ids
    }
    undone = [
        _taken_back(
            appointments[appointment_id], context, reason=ERASED if appointment_id in erased else command.reason
        )
        for appointment_id, error in errors.items()
        if error is None and not _is_gone(appointments[appointment_id])
    ]
    occupancy = OccupancyStore(await connection_of(session), context.organization_id)
    await occupancy.free_all([appointment.id for appointment, _ in undone])
    await record_changes(session, undone, context=context)
    fresh = {appointment.id: appointment for appointment, _ in undone}
    appointments |= fresh
    return succeeded(
        command_id=received.id,
        command_type=received.type,
        batch_id=command.batch_id,
        affected=len(fresh),
        items=[_result(appointment_id, errors, fresh) for appointment_id in command.appointment_ids],
    )


def _result(
    appointment_id: UUID, errors: Mapping[UUID, SlotstreamError | None], fresh: Mapping[UUID, Appointment]
) -> Mapping[str, object]:
    if (error := errors[appointment_id]) is not None:
        return item_result(appointment_id, "refused", error=error)
    return item_result(appointment_id, "done" if appointment_id in fresh else "already_done")


def _is_gone(appointment: Appointment) -> bool:
    """Cancelled since it was booked. An import may also have brought it in as cancelled: then it is not gone yet."""
    return appointment.status is Status.CANCELLED and appointment.version > 1


def _objection(appointment: Appointment | None, batch_id: UUID) -> SlotstreamError | None:
    """Why the appointment is left as it is."""
    if appointment is None:
        return NotFoundError("There is no such appointment.")
    if appointment.batch_id != batch_id:
        return OfAnotherBatchError("The appointment was booked by something else than this import.")
    if appointment.version > 1 and not _is_gone(appointment):
        return ChangedSinceError("Somebody has changed the appointment since it was imported.")
    return None


def _taken_back(appointment: Appointment, context: Context, *, reason: str) -> tuple[Appointment, Change]:
    """Cancelled, and where it came in as over already, hidden as well: it never was a cancellation of this book."""
    was_cancelled = appointment.status is Status.CANCELLED
    return changed(
        appointment,
        verb=Verb.ARCHIVE if was_cancelled else Verb.CANCEL,
        now=context.now,
        reason=reason,
        status=Status.CANCELLED,
        occupies=False,
        archived=appointment.status not in OPEN,
        notify_client=False,
    )
