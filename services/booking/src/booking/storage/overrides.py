"""Constraints that were set aside: the records of it, for reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideFilter:
    """What the list is narrowed to; several values of one field are alternatives. None does not narrow."""

    begins: datetime | None = None
    ends: datetime | None = None
    actor_ids: Sequence[str] | None = None
    rules: Sequence[str] | None = None
    appointment_ids: Sequence[UUID] | None = None
    business_ids: Sequence[UUID] | None = None
    resource_ids: Sequence[UUID] | None = None


async def list_overrides(
    connection: Any,
    organization_id: UUID,
    wanted: OverrideFilter,
    *,
    after: tuple[datetime, UUID, int] | None,
    limit: int,
) -> list[Any]:
    """Newest first. An appointment is found by its own id and by standing in the way of another."""
    rows = await connection.fetch(
        """
        SELECT o.appointment_id, o.version, o.at, o.actor_type, o.actor_id, o.reason, o.rules, o.conflicts_with,
               h.verb, a.business_id, a.starts_at, a.service_name
        FROM overrides o
        JOIN history h USING (organization_id, appointment_id, version)
        JOIN appointments a ON a.organization_id = o.organization_id AND a.id = o.appointment_id
        WHERE o.organization_id = $1
          AND ($2::timestamptz IS NULL OR o.at >= $2) AND ($3::timestamptz IS NULL OR o.at < $3)
          AND ($4::text[] IS NULL OR o.actor_id = ANY($4))
          AND ($5::text[] IS NULL OR o.rules && $5)
          AND ($6::uuid[] IS NULL OR o.appointment_id = ANY($6) OR o.conflicts_with && $6::text[])
          AND ($7::uuid[] IS NULL OR a.business_id = ANY($7))
          AND ($8::uuid[] IS NULL OR EXISTS (
              SELECT FROM appointment_resources r WHERE r.organization_id = $1 AND r.appointment_id = a.id
                AND r.resource_id = ANY($8)))
          AND ($9::timestamptz IS NULL OR (o.at, o.appointment_id, o.version) < ($9, $10::uuid, $11::int))
        ORDER BY o.at DESC, o.appointment_id DESC, o.version DESC LIMIT $12
        """,
        organization_id,
        wanted.begins,
        wanted.ends,
        wanted.actor_ids,
        wanted.rules,
        wanted.appointment_ids,
        wanted.business_ids,
        wanted.resource_ids,
        *(after or (None, None, None)),
        limit,
    )
    return list(rows)
