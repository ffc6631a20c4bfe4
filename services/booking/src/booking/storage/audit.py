"""What must never be found: the auditor's questions, each answered from the tables alone.

They are asked of some organizations at a time, $1, and answered by the indexes of what is to come: a book of millions
costs what its future costs. Each step is a lateral one with an OFFSET of its own, which PostgreSQL does not join, in
the order that one index has: put together freely, what shares a session was looked for among all there ever was.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from booking.storage.functions import overlapping
from booking.storage.tables.appointments import OPEN_AND_ARCHIVED
from slotstream_servicekit.database import Connection

_STILL_TO_COME: Final = "now() - interval '1 day'"
"""What ended before is history: nothing that is offered or booked depends on it any more."""

_BY_INDEX: Final = "; ".join(
    f"SET LOCAL enable_{way} = off" for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "sort")
)
"""Whatever statistics of a book's first day say."""

_FIRST_PLACE: Final = """(
    SELECT o.resource_id FROM occupancy o WHERE o.organization_id = {organization}{after} ORDER BY o.resource_id LIMIT 1
)"""
_TO_COME: Final = overlapping(
    organization="p.organization_id",
    resource="p.resource_id",
    begins=f"({_STILL_TO_COME})",
    ends="'infinity'::timestamptz",
)
_TAKEN: Final = f"""
WITH RECURSIVE places AS (
    SELECT q.id AS organization_id, {_FIRST_PLACE.format(organization="q.id", after="")} AS resource_id
    FROM unnest($1::uuid[]) AS q(id)
    UNION ALL
    SELECT p.organization_id,
           {_FIRST_PLACE.format(organization="p.organization_id", after=" AND o.resource_id > p.resource_id")}
    FROM places p WHERE p.resource_id IS NOT NULL
), taken AS MATERIALIZED (
    SELECT t.* FROM places p CROSS JOIN LATERAL {_TO_COME} AS t
    WHERE p.resource_id IS NOT NULL AND coalesce(t.expires_at > now(), true)
)
"""
"""What takes time to come, resource by resource: the resources are those that any time was ever taken of."""

_OVERLAPPING: Final = f"""
{_TAKEN}
SELECT count(*) FROM taken a CROSS JOIN LATERAL (
    SELECT FROM occupancy b WHERE b.organization_id = a.organization_id AND b.resource_id = a.resource_id
      AND b.blocked_from >= a.blocked_from AND b.blocked_from < a.blocked_to AND b.session_id <> a.session_id
      AND (b.blocked_from > a.blocked_from OR b.session_id > a.session_id) AND coalesce(b.expires_at > now(), true)
    ORDER BY b.blocked_from OFFSET 0) AS b
"""
"""Two sessions of one resource at the same time: the exclusion constraint does not hold."""

# Ids are unique across organizations: a condition on the organization would offer another index.
_APPOINTMENT: Final = "(SELECT * FROM appointments x WHERE x.id = {row}.holder_id OFFSET 0)"

_SESSIONS_OF_DIFFERENT_TIMES: Final = f"""
{_TAKEN}
SELECT count(*) FROM taken a CROSS JOIN LATERAL (
    SELECT b.holder_id FROM occupancy b
    WHERE b.organization_id = a.organization_id AND b.resource_id = a.resource_id AND b.session_id = a.session_id
      AND b.seat > a.seat AND NOT b.forced
    ORDER BY b.seat OFFSET 0) AS b
CROSS JOIN LATERAL {_APPOINTMENT.format(row="a")} AS x CROSS JOIN LATERAL {_APPOINTMENT.format(row="b")} AS y
WHERE NOT a.forced AND x.starts_at < y.ends_at AND y.starts_at < x.ends_at
  AND (x.starts_at, x.ends_at, x.service_id) IS DISTINCT FROM (y.starts_at, y.ends_at, y.service_id)
"""
"""Appointments that overlap share a session although they are not of one group, and nobody forced it."""

_WITHOUT_TIME: Final = f"""
SELECT count(*) FROM unnest($1::uuid[]) AS q(id) CROSS JOIN LATERAL (
    SELECT a.*, a.starts_at - make_interval(mins => a.buffer_before_minutes) AS blocked_from,
           a.ends_at + make_interval(mins => a.buffer_after_minutes) AS blocked_to
    -- None lasts longer than a year.
    FROM appointments a WHERE a.organization_id = q.id AND a.starts_at > {_STILL_TO_COME} - interval '366 days'
      AND a.ends_at > {_STILL_TO_COME} AND a.occupies
    ORDER BY a.starts_at OFFSET 0) AS a
CROSS JOIN LATERAL (
    SELECT r.resource_id FROM appointment_resources r
    WHERE r.organization_id = a.organization_id AND r.appointment_id = a.id ORDER BY r.place OFFSET 0) AS r
-- An order by what is equal would be none.
WHERE (
    SELECT true FROM occupancy o WHERE o.organization_id = a.organization_id AND o.resource_id = r.resource_id
      AND o.blocked_from BETWEEN a.blocked_from AND a.blocked_from AND o.blocked_to = a.blocked_to
      AND o.holder_id = a.id AND o.expires_at IS NULL
    ORDER BY o.blocked_from LIMIT 1) IS NULL
"""
"""An appointment that occupies does not have the time of one of its resources: somebody else can book it."""

_WITHOUT_HOLDER: Final = f"""
{_TAKEN}
SELECT count(*) FROM taken o WHERE o.expires_at IS NULL AND (
    SELECT true FROM {_APPOINTMENT.format(row="o")} AS a
    WHERE a.organization_id = o.organization_id AND a.occupies AND (
        SELECT true FROM appointment_resources r WHERE r.organization_id = o.organization_id
          AND r.appointment_id = o.holder_id AND r.resource_id = o.resource_id ORDER BY r.place LIMIT 1)
) IS NULL
"""
"""Time is taken by nothing: nobody can book it."""

# Through the index that holds them and nothing else.
_OPEN_AND_ARCHIVED: Final = f"""
SELECT count(*) FROM (SELECT organization_id FROM appointments WHERE {OPEN_AND_ARCHIVED} ORDER BY id OFFSET 0) AS a
WHERE a.organization_id = ANY ($1)
"""

QUESTIONS: Final[Mapping[str, str]] = {
    "overlap": _OVERLAPPING,
    "foreign_session": _SESSIONS_OF_DIFFERENT_TIMES,
    "without_time": _WITHOUT_TIME,
    "without_holder": _WITHOUT_HOLDER,
    "open_and_archived": _OPEN_AND_ARCHIVED,
}


async def next_organizations(connection: Connection, *, after: UUID | None, limit: int) -> list[UUID]:
    """Those whose books there are, in the order of their ids."""
    rows = await connection.fetch(
        "SELECT organization_id FROM organizations WHERE organization_id > coalesce($1, $2::uuid)"
        " ORDER BY organization_id LIMIT $3",
        after,
        UUID(int=0),
        limit,
    )
    return [row["organization_id"] for row in rows]


async def count_faults(
    connection: Connection, organization_ids: Sequence[UUID], *, kinds: Sequence[str] = tuple(QUESTIONS)
) -> dict[str, int]:
    """By kind, of these organizations. Each question sees one instant of the tables; none locks anything."""
    async with connection.transaction():
        await connection.execute(_BY_INDEX)
        return {kind: int(await connection.fetchval(QUESTIONS[kind], organization_ids)) for kind in kinds}
