"""Taking back what one import has booked."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.lifecycle import Status, Verb
from booking.domain.model import Actor, Appointment, changed
from booking.publishers import Cause
from booking.storage.appointments import read_appointments
from booking.storage.connections import connection_of
from booking.usecases.recording import record_changes

_AT_ONCE = 1_000
"""A batch is undone whole, in one transaction, but never held in memory whole."""


async def undo_batch(
    *,
    session: AsyncSession,
    organization_id: UUID,
    batch_id: UUID,
    reason: str,
    actor: Actor,
    cause: Cause,
    now: datetime,
) -> tuple[int, tuple[UUID, ...]]:
    """Cancels, without telling clients, what one import created and nobody touched since.

    Returns how many, and the ids of those that are left as they are because somebody changed them.
    """
    connection = await connection_of(session)
    rows = await connection.fetch(
        """
        SELECT id FROM appointments WHERE organization_id = $1 AND batch_id = $2 AND status <> 'cancelled'
          AND rescheduled_from IS NULL
        ORDER BY id
        """,
        organization_id,
        batch_id,
    )
    ids = [row["id"] for row in rows]
    undone, kept_ids = 0, list[UUID]()
    for begin in range(0, len(ids), _AT_ONCE):
        some = ids[begin : begin + _AT_ONCE]
        found = await read_appointments(connection, organization_id=organization_id, ids=some, lock=True)
        untouched = [one for one in found.values() if one.version == 1]
        await _cancel_untold(session, organization_id, untouched, reason=reason, actor=actor, cause=cause, now=now)
        undone += len(untouched)
        kept_ids += (one.id for one in found.values() if one.version > 1)
    return undone, tuple(kept_ids)


async def _cancel_untold(
    session: AsyncSession,
    organization_id: UUID,
    appointments: Sequence[Appointment],
    *,
    reason: str,
    actor: Actor,
    cause: Cause,
    now: datetime,
) -> None:
    connection = await connection_of(session)
    await connection.execute(
        "DELETE FROM occupancy WHERE organization_id = $1 AND holder_id = ANY($2)",
        organization_id,
        [one.id for one in appointments],
    )
    await record_changes(
        session,
        [
            changed(
                one,
                verb=Verb.CANCEL,
                now=now,
                reason=reason,
                status=Status.CANCELLED,
                occupies=False,
                notify_client=False,
            )
            for one in appointments
        ],
        actor=actor,
        cause=cause,
    )
