"""What must never be found in the tables: time that is taken otherwise than the appointments say."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_WRONG_OCCUPANCY: Final = text(
    """
    WITH wanted AS (
        SELECT DISTINCT a.organization_id, a.id AS appointment_id, r.id AS resource_id, a.service_id,
               floor(extract(epoch FROM a.blocked_from))::bigint AS blocked_from,
               ceil(extract(epoch FROM a.blocked_to))::bigint AS blocked_to,
               floor(extract(epoch FROM a.starts_at))::bigint AS starts_at,
               ceil(extract(epoch FROM a.ends_at))::bigint AS ends_at
        FROM appointments a CROSS JOIN LATERAL unnest(a.resource_ids) AS r(id)
        WHERE a.occupies AND a.ends_at > now() - interval '1 day'),
    taken AS (
        SELECT o.organization_id, o.appointment_id, o.resource_id, o.service_id, o.blocked_from, o.blocked_to,
               o.starts_at, o.ends_at
        FROM occupancy o JOIN appointments a ON a.organization_id = o.organization_id AND a.id = o.appointment_id
        WHERE a.ends_at > now() - interval '1 day')
    SELECT count(*) FROM ((TABLE wanted EXCEPT TABLE taken) UNION ALL (TABLE taken EXCEPT TABLE wanted)) AS wrong
    """
)
"""What ended before is history: nothing that is offered depends on it any more."""


async def count_wrong_occupancy(session: AsyncSession) -> int:
    """How many rows of what is taken are missing, too many or of other times; of every organization."""
    return int((await session.execute(_WRONG_OCCUPANCY)).scalar_one())
