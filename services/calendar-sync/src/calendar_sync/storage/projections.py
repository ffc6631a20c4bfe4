"""What other services say of their aggregates, kept by version: order and repetition do not matter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.domain import EVENT_STATUS_BY_APPOINTMENT, FeedEntry
from calendar_sync.storage.tables import appointments, businesses, resources
from slotstream_servicekit.projections import VersionedTable
from slotstream_servicekit.rows import named_columns

BUSINESSES_TABLE = VersionedTable(businesses)
RESOURCES_TABLE = VersionedTable(resources)
APPOINTMENTS_TABLE = VersionedTable(appointments)

ResourceKey = tuple[UUID, UUID]
"""Organization and resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessRow:
    organization_id: UUID
    id: UUID
    address: str | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    organization_id: UUID
    id: UUID
    name: str
    zone: str
    business_ids: Sequence[UUID]
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRow:
    """`location_text` is what the appointment says of its place; never a client's address."""

    organization_id: UUID
    id: UUID
    business_id: UUID
    resource_ids: Sequence[UUID]
    calendar_uid: str
    calendar_sequence: int
    service_name: str
    location_kind: str
    location_text: str | None
    starts_at: datetime
    ends_at: datetime
    zone: str
    status: str
    archived: bool
    created_at: datetime
    updated_at: datetime
    version: int


class BusinessStore:
    """Businesses of the catalogue: their addresses."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Sequence[BusinessRow]) -> None:
        await BUSINESSES_TABLE.put(self._session, rows)


class ResourceStore:
    """Resources of the catalogue: their names and zones."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def exists(self, organization_id: UUID, resource_id: UUID) -> bool:
        statement = select(resources.c.id).where(
            resources.c.organization_id == organization_id,
            resources.c.id == resource_id,
            resources.c.archived.is_(False),
        )
        return (await self._session.execute(statement)).first() is not None

    async def business_ids(self, organization_id: UUID, resource_id: UUID) -> frozenset[UUID]:
        """Where the resource works; nowhere, if it is not known."""
        statement = select(resources.c.business_ids).where(
            resources.c.organization_id == organization_id, resources.c.id == resource_id
        )
        return frozenset((await self._session.execute(statement)).scalar_one_or_none() or ())

    async def zones(self, keys: Sequence[ResourceKey]) -> dict[ResourceKey, str]:
        """Zones by (organization, resource)."""
        rows = await self._session.execute(
            text(
                "SELECT r.organization_id, r.id, r.zone FROM resources r "
                "JOIN unnest(CAST(:organizations AS uuid[]), CAST(:ids AS uuid[])) AS i(organization_id, id) "
                "USING (organization_id, id)"
            ),
            {
                "organizations": [organization_id for organization_id, _ in keys],
                "ids": [resource_id for _, resource_id in keys],
            },
        )
        return {(row.organization_id, row.id): row.zone for row in rows}

    async def put(self, rows: Sequence[ResourceRow]) -> None:
        await RESOURCES_TABLE.put(self._session, rows)


class AppointmentStore:
    """Appointments, as a subscribed calendar shows them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Sequence[AppointmentRow]) -> None:
        await APPOINTMENTS_TABLE.put(self._session, rows)

    async def forget(self, versions: Mapping[tuple[UUID, UUID], int | None]) -> None:
        """Removes appointments by (organization, id), up to a version."""
        await APPOINTMENTS_TABLE.forget(self._session, versions)

    async def feed_entries(
        self, organization_id: UUID, resource_id: UUID, *, since: datetime, limit: int
    ) -> Sequence[FeedEntry]:
        """One entry per calendar UID, by start: of a chain of reschedulings only the newest."""
        rows = await self._session.execute(
            text(
                f"SELECT {named_columns(appointments, 'newest')}, "
                "CASE location_kind WHEN 'business' THEN b.address ELSE location_text END AS location "
                "FROM (SELECT DISTINCT ON (calendar_uid) * FROM appointments "
                "  WHERE organization_id = :organization_id "
                "  AND resource_ids @> ARRAY[CAST(:resource_id AS uuid)] "
                "  AND ends_at > :since AND NOT archived AND status = ANY(CAST(:statuses AS text[])) "
                "  ORDER BY calendar_uid, calendar_sequence DESC) AS newest "
                "LEFT JOIN businesses b ON b.organization_id = newest.organization_id AND b.id = newest.business_id "
                "ORDER BY newest.starts_at, newest.id LIMIT :limit"
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
                location=row.location,
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
