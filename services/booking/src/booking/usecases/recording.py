"""Writing one change: row, history and both messages, in the caller's transaction."""

from dataclasses import dataclass

from slotstream_servicekit.outbox import enqueue
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.model import Actor, Appointment, Change
from booking.publishers import Cause, appointment_records, plain, snapshot_json, state_json
from booking.storage.appointments import save_change
from booking.storage.connections import connection_of


@dataclass(frozen=True, slots=True)
class Recorded:
    """The appointment after a change, and its JSON as history keeps it."""

    appointment: Appointment
    state: bytes
    snapshot: bytes


async def record_change(
    session: AsyncSession,
    appointment: Appointment,
    *,
    change: Change,
    actor: Actor,
    cause: Cause,
    replacement: bytes | None = None,
) -> Recorded:
    snapshot = snapshot_json(appointment)
    state = state_json(appointment, snapshot)
    await save_change(
        await connection_of(session),
        appointment,
        change=change,
        actor=actor,
        change_json={name: {"old": plain(old), "new": plain(new)} for name, (old, new) in change.fields.items()},
        state=state,
    )
    records = appointment_records(
        appointment, change=change, actor=actor, cause=cause, snapshot=snapshot, replacement=replacement
    )
    await enqueue(session, records)
    return Recorded(appointment, state, snapshot)
