"""Taking back what one import has booked."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment, changed
from booking.domain.lifecycle import Status, Verb
from booking.storage.appointments import ids_of_batch, read_appointments
from booking.storage.connections import connection_of
from booking.storage.occupancy import free_holders
from booking.usecases.history import record_changes
from slotstream_servicekit.context import Context

_AT_ONCE = 1_000
"""A batch is undone whole, in one transaction, but never held in memory whole."""


async def undo_batch(
    *, session: AsyncSession, context: Context, batch_id: UUID, reason: str
) -> tuple[int, tuple[UUID, ...]]:
    """Cancels, without telling clients, what one import created and nobody touched since.

    Returns how many, and the ids of those that are left as they are because somebody changed them.
    """
    connection = await connection_of(session)
    ids = await ids_of_batch(connection, organization_id=context.organization_id, batch_id=batch_id)
    undone, kept_ids = 0, list[UUID]()
    for begin in range(0, len(ids), _AT_ONCE):
        some = ids[begin : begin + _AT_ONCE]
        appointments = await read_appointments(connection, organization_id=context.organization_id, ids=some, lock=True)
        untouched = [each for each in appointments.values() if each.version == 1]
        await _cancel_untold(session, context, untouched, reason=reason)
        undone += len(untouched)
        kept_ids += (each.id for each in appointments.values() if each.version > 1)
    return undone, tuple(kept_ids)


async def _cancel_untold(
    session: AsyncSession, context: Context, appointments: Sequence[Appointment], *, reason: str
) -> None:
    connection = await connection_of(session)
    await free_holders(connection, context.organization_id, [each.id for each in appointments])
    changes = [
        changed(
            each,
            verb=Verb.CANCEL,
            now=context.now,
            reason=reason,
            status=Status.CANCELLED,
            occupies=False,
            notify_client=False,
        )
        for each in appointments
    ]
    await record_changes(session, changes, context=context)
