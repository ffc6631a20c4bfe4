"""Writing changes: row, history and both messages, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment
from booking.domain.changes import Change
from booking.publishers import appointment_records, fields_json, snapshot_json
from booking.storage.appointments import AppointmentStore, ChangedRow, appointment_json
from booking.storage.connections import connection_of
from booking.storage.outbox import enqueue_records
from booking.usecases.waiting_list.freeing import note_freed
from slotstream_servicekit.context import Context
from slotstream_servicekit.outbox import OutboxRecord


@dataclass(frozen=True, slots=True)
class Recorded:
    """The appointment after a change, and its snapshot as the contract has it."""

    appointment: Appointment
    snapshot: bytes


async def record_change(
    session: AsyncSession,
    appointment: Appointment,
    *,
    change: Change,
    context: Context,
    replacement: bytes | None = None,
) -> Recorded:
    [recorded] = await record_changes(
        session,
        [(appointment, change)],
        context=context,
        replacements={appointment.id: replacement} if replacement is not None else {},
    )
    return recorded


async def record_changes(
    session: AsyncSession,
    changes: Sequence[tuple[Appointment, Change]],
    *,
    context: Context,
    replacements: Mapping[UUID, bytes] = MappingProxyType({}),
) -> list[Recorded]:
    """Several changes of one organization in two statements. `replacements`: what rescheduled ones led to."""
    recorded: list[Recorded] = []
    rows: list[ChangedRow] = []
    records: list[OutboxRecord] = []
    for appointment, change in changes:
        snapshot = snapshot_json(appointment)
        recorded.append(Recorded(appointment, snapshot))
        rows.append(
            ChangedRow(
                appointment=appointment,
                change=change,
                actor=context.actor,
                changed_fields=fields_json(change),
                state=appointment_json(appointment),
            )
        )
        records += appointment_records(
            appointment,
            change=change,
            actor=context.actor,
            cause=context.cause,
            snapshot=snapshot,
            replacement=replacements.get(appointment.id),
        )
    if rows:
        connection = await connection_of(session)
        await AppointmentStore(connection, context.organization_id).save(rows)
        await enqueue_records(connection, records)
        await note_freed(session, changes, context=context)
    return recorded
