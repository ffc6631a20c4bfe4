"""Writing changes: row, history and both messages, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.model import Actor, Appointment, Change
from booking.publishers import Cause, appointment_records, plain, snapshot_json, state_json
from booking.storage.appointments import ChangedRow, save_changes
from booking.storage.connections import connection_of
from slotstream_servicekit.outbox import OutboxRecord, enqueue


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
    [recorded] = await record_changes(
        session,
        [(appointment, change)],
        actor=actor,
        cause=cause,
        replacements={appointment.id: replacement} if replacement is not None else {},
    )
    return recorded


async def record_changes(
    session: AsyncSession,
    changes: Sequence[tuple[Appointment, Change]],
    *,
    actor: Actor,
    cause: Cause,
    replacements: Mapping[UUID, bytes] = MappingProxyType({}),
) -> list[Recorded]:
    """Several changes of one organization in two statements. `replacements`: what rescheduled ones led to."""
    recorded: list[Recorded] = []
    rows: list[ChangedRow] = []
    records: list[OutboxRecord] = []
    for appointment, change in changes:
        snapshot = snapshot_json(appointment)
        state = state_json(appointment, snapshot)
        recorded.append(Recorded(appointment, state, snapshot))
        fields = {name: {"old": plain(old), "new": plain(new)} for name, (old, new) in change.fields.items()}
        rows.append(ChangedRow(appointment=appointment, change=change, actor=actor, fields=fields, state=state))
        records += appointment_records(
            appointment,
            change=change,
            actor=actor,
            cause=cause,
            snapshot=snapshot,
            replacement=replacements.get(appointment.id),
        )
    if rows:
        connection = await connection_of(session)
        await save_changes(connection, rows[0].appointment.organization_id, rows)
        await enqueue(session, records)
    return recorded
