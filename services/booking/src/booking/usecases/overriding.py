"""Taking time beside what is there: an override, on the record."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from booking.domain.changes import Override
from booking.domain.seating import Seat
from booking.storage.occupancy import OccupancyStore
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import Reason


async def force_seats(
    connection: Connection,
    *,
    organization_id: UUID,
    holder_id: UUID,
    blocked: tuple[datetime, datetime],
    seats: Sequence[Seat],
    reasons: Sequence[Reason],
    reason: str,
) -> tuple[tuple[Seat, ...], Override]:
    """Joins the sessions that the seats overlap; the record names everybody in them, as found under lock."""
    store = OccupancyStore(connection, organization_id)
    opened = [
        await store.open_session(resource_id=seat.resource_id, blocked=blocked, own=holder_id)
        for seat in sorted(seats, key=lambda seat: seat.resource_id)
    ]
    beside = [str(other_id) for session in opened for other_id in session.beside]
    rules = [against.code for against in reasons] + (["slot_taken"] if beside else [])
    named = [holder for against in reasons for holder in against.conflicts_with] + beside
    override = Override(reason=reason, rules=tuple(dict.fromkeys(rules)), conflicts_with=tuple(dict.fromkeys(named)))
    return tuple(session.seat for session in opened), override
