"""Constraints that were set aside: the records of it, for reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.storage.connections import connection_of


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOverride:
    """One verb that went beyond the rules: on which appointment, by whom, why, and what was in the way."""

    appointment_id: UUID
    version: int
    at: datetime
    actor_type: str
    actor_id: str
    reason: str
    rules: Sequence[str]
    conflicts_with: Sequence[str]
    verb: str
    business_id: UUID
    starts_at: datetime
    service_name: str


class OverrideStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(
        self,
        organization_id: UUID,
        wanted: OverrideFilter,
        *,
        after: tuple[datetime, UUID, int] | None,
        limit: int,
    ) -> list[RecordedOverride]:
        """Newest first. An appointment is found by its own id and by standing in the way of another."""
        connection = await connection_of(self._session)
        rows = await connection.fetch(
            _PAGE,
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
        return [RecordedOverride(**dict(row)) for row in rows]


_PAGE = """
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
        """
