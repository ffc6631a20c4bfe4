"""Taking time beside what is there: an override, on the record."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from booking.domain.model import Override
from booking.domain.seating import Seat
from booking.storage.occupancy import open_session
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
    opened = [
        await open_session(
            connection,
            organization_id=organization_id,
            resource_id=each.resource_id,
            blocked=blocked,
            own=holder_id,
        )
        for each in sorted(seats, key=lambda one: one.resource_id)
    ]
    beside = [str(one) for each in opened for one in each.beside]
    rules = [against.code for against in reasons] + (["slot_taken"] if beside else [])
    named = [holder for against in reasons for holder in against.conflicts_with] + beside
    override = Override(reason=reason, rules=tuple(dict.fromkeys(rules)), conflicts_with=tuple(dict.fromkeys(named)))
    return tuple(each.seat for each in opened), override
