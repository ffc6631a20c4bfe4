"""What is known of other services' aggregates. Applied by version, so that order and repetition do not matter."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.domain import EVENT_STATUS_BY_APPOINTMENT, FeedEntry
from calendar_sync.storage.tables import appointments, resources


class ResourceStore:
    """Resources of the catalogue: their names and zones."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def exists(self, organization_id: UUID, resource_id: UUID) -> bool:
        found = await self._session.execute(
            select(resources.c.id).where(
                resources.c.organization_id == organization_id,
                resources.c.id == resource_id,
                resources.c.archived.is_(False),
            )
        )
        return found.first() is not None

    async def zones(self, ids: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], str]:
        """Zones by (organization, resource)."""
        rows = await self._session.execute(
            text(
                "SELECT r.organization_id, r.id, r.zone FROM resources r "
                "JOIN unnest(CAST(:organizations AS uuid[]), CAST(:ids AS uuid[])) AS i(organization_id, id) "
                "USING (organization_id, id)"
            ),
            {"organizations": [each for each, _ in ids], "ids": [each for _, each in ids]},
        )
        return {(row.organization_id, row.id): row.zone for row in rows}

    async def put(self, rows: Sequence[dict[str, Any]]) -> None:
        await _put(self._session, resources, rows)


class AppointmentStore:
    """Appointments, as a subscribed calendar shows them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Sequence[dict[str, Any]]) -> None:
        await _put(self._session, appointments, rows)

    async def feed_entries(
        self, organization_id: UUID, resource_id: UUID, *, since: datetime, limit: int
    ) -> Sequence[FeedEntry]:
        """One entry per calendar UID, by start: of a chain of reschedulings only the newest."""
        rows = await self._session.execute(
            text(
                "SELECT * FROM (SELECT DISTINCT ON (calendar_uid) id, calendar_uid, calendar_sequence, "
                "  service_name, starts_at, ends_at, zone, status, created_at, updated_at, version "
                "  FROM appointments WHERE organization_id = :organization_id "
                "  AND resource_ids @> ARRAY[CAST(:resource_id AS uuid)] "
                "  AND ends_at > :since AND NOT archived AND status = ANY(CAST(:statuses AS text[])) "
                "  ORDER BY calendar_uid, calendar_sequence DESC) AS newest "
                "ORDER BY starts_at, id LIMIT :limit"
            ),
            {
                "organization_id": organization_id,
                "resource_id": resource_id,
                "since": since,
                "statuses": list(EVENT_STATUS_BY_APPOINTMENT),
                "limit": limit,
            },
        )
        return [
            FeedEntry(
                appointment_id=row.id,
                calendar_uid=row.calendar_uid,
                calendar_sequence=row.calendar_sequence,
                service_name=row.service_name,
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                zone=row.zone,
                status=row.status,
                created_at=row.created_at,
                updated_at=row.updated_at,
                version=row.version,
            )
            for row in rows
        ]


async def _put(session: AsyncSession, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Upserts the newest of each id in `rows`; an older version than the stored one changes nothing."""
    newest: dict[tuple[UUID, UUID], dict[str, Any]] = {}
    for row in rows:
        key = (row["organization_id"], row["id"])
        if key not in newest or row["version"] >= newest[key]["version"]:
            newest[key] = row
    if not newest:
        return
    statement = upsert(table).values(applied_at=func.now())
    keys = ("organization_id", "id")
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={column.name: statement.excluded[column.name] for column in table.c if column.name not in keys},
            where=statement.excluded.version >= table.c.version,
        ),
        [newest[key] for key in sorted(newest)],
    )
