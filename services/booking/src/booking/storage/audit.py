"""What must never be found: the auditor's questions, each answered from the tables alone."""

from collections.abc import Mapping
from typing import Final

from booking.storage.tables.appointments import OPEN_AND_ARCHIVED
from slotstream_servicekit.database import Connection

_STILL_TO_COME: Final = "now() - interval '1 day'"
"""What ended before is history: nothing that is offered or booked depends on it any more."""

_OVERLAPPING: Final = f"""
SELECT count(*) FROM occupancy a JOIN occupancy b
  ON b.organization_id = a.organization_id AND b.resource_id = a.resource_id AND b.session_id <> a.session_id
 AND b.blocked_from >= a.blocked_from AND b.blocked_from < a.blocked_to
WHERE a.blocked_to > {_STILL_TO_COME}
  AND (b.blocked_from > a.blocked_from OR b.session_id > a.session_id)
  AND coalesce(a.expires_at > now(), true) AND coalesce(b.expires_at > now(), true)
"""
"""Two sessions of one resource at the same time: the exclusion constraint does not hold."""

_SESSIONS_OF_DIFFERENT_TIMES: Final = f"""
SELECT count(*) FROM occupancy a
JOIN occupancy b ON b.organization_id = a.organization_id AND b.resource_id = a.resource_id
 AND b.session_id = a.session_id AND b.seat > a.seat
JOIN appointments x ON x.id = a.holder_id JOIN appointments y ON y.id = b.holder_id
WHERE a.blocked_to > {_STILL_TO_COME} AND NOT a.forced AND NOT b.forced
  AND x.starts_at < y.ends_at AND y.starts_at < x.ends_at
  AND (x.starts_at, x.ends_at, x.service_id) IS DISTINCT FROM (y.starts_at, y.ends_at, y.service_id)
"""
"""Appointments that overlap share a session although they are not of one group, and nobody forced it."""

_WITHOUT_TIME: Final = f"""
SELECT count(*) FROM appointments a
JOIN appointment_resources r ON r.organization_id = a.organization_id AND r.appointment_id = a.id
LEFT JOIN occupancy o ON o.organization_id = a.organization_id AND o.holder_id = a.id
 AND o.resource_id = r.resource_id AND o.expires_at IS NULL
 AND o.blocked = tstzrange(a.starts_at - make_interval(mins => a.buffer_before_minutes),
                           a.ends_at + make_interval(mins => a.buffer_after_minutes))
WHERE a.occupies AND a.ends_at > {_STILL_TO_COME} AND o.holder_id IS NULL
"""
"""An appointment that occupies does not have the time of one of its resources: somebody else can book it."""

_WITHOUT_HOLDER: Final = f"""
SELECT count(*) FROM occupancy o
LEFT JOIN appointments a ON a.organization_id = o.organization_id AND a.id = o.holder_id AND a.occupies
LEFT JOIN appointment_resources r ON r.organization_id = o.organization_id AND r.appointment_id = a.id
 AND r.resource_id = o.resource_id
WHERE o.expires_at IS NULL AND o.blocked_to > {_STILL_TO_COME} AND r.appointment_id IS NULL
"""
"""Time is taken by nothing: nobody can book it."""

_OPEN_AND_ARCHIVED: Final = f"SELECT count(*) FROM appointments WHERE {OPEN_AND_ARCHIVED}"

_QUESTIONS: Final[Mapping[str, str]] = {
    "overlap": _OVERLAPPING,
    "foreign_session": _SESSIONS_OF_DIFFERENT_TIMES,
    "without_time": _WITHOUT_TIME,
    "without_holder": _WITHOUT_HOLDER,
    "open_and_archived": _OPEN_AND_ARCHIVED,
}


async def count_faults(connection: Connection) -> dict[str, int]:
    """By kind, of all organizations. Each question sees one instant of the tables; none locks anything."""
    return {kind: int(await connection.fetchval(question)) for kind, question in _QUESTIONS.items()}
