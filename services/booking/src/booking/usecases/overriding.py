"""Taking time beside what is there: an override, on the record."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from booking.domain.calendars import Calendars
from booking.domain.changes import Override
from booking.domain.seating import Seat
from booking.storage.occupancy import OccupancyStore, Opened, forced_seat
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import Reason

_Time = tuple[datetime, datetime]


class SessionsToOpenError(Exception):
    """Several sessions are to become one before an override can join them, which takes a transaction."""


async def open_sessions(
    connection: Connection, *, organization_id: UUID, holder_id: UUID, blocked: _Time, seats: Sequence[Seat]
) -> list[Opened]:
    """For each seat one session of all that it overlaps, locked until the transaction ends."""
    store = OccupancyStore(connection, organization_id)
    return [
        await store.open_session(resource_id=seat.resource_id, blocked=blocked, own=holder_id)
        for seat in sorted(seats, key=lambda seat: seat.resource_id)
    ]


def join_sessions(calendars: Calendars, *, holder_id: UUID, blocked: _Time, seats: Sequence[Seat]) -> list[Opened]:
    """For each seat the one session that it overlaps, without a lock.

    Whoever changes that session meanwhile leaves room for this seat, or the statement that takes it takes nothing.
    Raises SessionsToOpenError where a resource has several.
    """
    return [_joined(calendars, seat, blocked=blocked, holder_id=holder_id) for seat in seats]


def _joined(calendars: Calendars, seat: Seat, *, blocked: _Time, holder_id: UUID) -> Opened:
    beside = calendars.overlapping(seat.resource_id, blocked)
    sessions = {held.session_id for held in beside}
    if not sessions:
        return Opened(seat)
    if len(sessions) > 1:
        raise SessionsToOpenError
    return Opened(
        Seat(resource_id=seat.resource_id, session_id=sessions.pop(), seat=forced_seat(holder_id)),
        tuple(UUID(held.taken.id) for held in beside),
    )


def override_of(opened: Sequence[Opened], *, reasons: Sequence[Reason], reason: str) -> Override:
    """The record of it: it names the rules that were set aside, and everybody in the sessions."""
    beside = [str(other_id) for session in opened for other_id in session.beside]
    rules = [against.code for against in reasons] + (["slot_taken"] if beside else [])
    named = [holder for against in reasons for holder in against.conflicts_with] + beside
    return Override(reason=reason, rules=tuple(dict.fromkeys(rules)), conflicts_with=tuple(dict.fromkeys(named)))
