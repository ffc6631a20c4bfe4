"""Keeping what others say. Triggers count every change up in `projection_versions` (see `schema`), whoever makes it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from availability.storage import tables
from slotstream_servicekit.projections import VersionedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessRow:
    organization_id: UUID
    id: UUID
    name: str
    zone: str
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    organization_id: UUID
    id: UUID
    name: str
    kind: str
    zone: str
    business_ids: Sequence[UUID]
    priority: int
    user_id: str | None
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    organization_id: UUID
    id: UUID
    business_id: UUID
    name: str
    duration_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    minimum_notice_minutes: int
    booking_window_days: int | None
    slot_interval_minutes: int
    capacity: int
    requires: Sequence[Sequence[UUID]]
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRow:
    organization_id: UUID
    id: UUID
    business_id: UUID
    service_id: UUID | None
    service_name: str
    status: str
    resource_ids: Sequence[UUID]
    starts_at: datetime
    ends_at: datetime
    blocked_from: datetime
    blocked_to: datetime
    occupies: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRow:
    organization_id: UUID
    id: UUID
    service_id: UUID | None
    resource_ids: Sequence[UUID]
    starts_at: datetime
    ends_at: datetime
    blocked_from: datetime
    blocked_to: datetime
    expires_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalBusyRow:
    key: str
    organization_id: UUID
    id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    version: int


BUSINESSES: Final = VersionedTable(tables.businesses)
RESOURCES: Final = VersionedTable(tables.resources)
SERVICES: Final = VersionedTable(tables.services)
APPOINTMENT_TABLE: Final = VersionedTable(tables.appointments)
EXTERNAL_BUSY_TABLE: Final = VersionedTable(tables.external_busy)
HOLD_TABLE: Final = VersionedTable(tables.holds)


class AppointmentStore:
    """Appointments, and what they take of their resources; of every organization."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Iterable[AppointmentRow]) -> None:
        """Keeps the newest states.

        What they take is written by a statement of its own, because its snapshot must come after the first has
        locked the appointments: a rebuild and a consumer may apply two versions of one at once.
        """
        written = await APPOINTMENT_TABLE.put(self._session, rows)
        if written:
            organization_ids, ids = zip(*sorted(written), strict=True)
            await self._session.execute(_OCCUPY, {"organizations": list(organization_ids), "ids": list(ids)})


class HoldStore:
    """Held slots of every organization."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Iterable[HoldRow]) -> None:
        await HOLD_TABLE.put(self._session, rows)

    async def forget(self, versions: Mapping[tuple[UUID, UUID], int | None]) -> None:
        """What a tombstone says: this organization's hold was released, used or has expired."""
        await HOLD_TABLE.forget(self._session, versions)


class ExternalBusyStore:
    """External busy time, by the key of its topic within an organization."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Iterable[ExternalBusyRow]) -> None:
        await EXTERNAL_BUSY_TABLE.put(self._session, rows)

    async def forget(self, versions: Mapping[tuple[UUID, str], int | None]) -> None:
        """What a tombstone says: this organization's external event is gone, up to a version."""
        await EXTERNAL_BUSY_TABLE.forget(self._session, versions)


_OCCUPY: Final = text(
    """
    WITH takes AS MATERIALIZED (
        SELECT DISTINCT a.organization_id, a.id AS appointment_id, r.id AS resource_id, a.service_id,
               floor(extract(epoch FROM a.blocked_from))::bigint AS blocked_from,
               ceil(extract(epoch FROM a.blocked_to))::bigint AS blocked_to,
               floor(extract(epoch FROM a.starts_at))::bigint AS starts_at,
               ceil(extract(epoch FROM a.ends_at))::bigint AS ends_at
        FROM unnest(CAST(:organizations AS uuid[]), CAST(:ids AS uuid[])) AS q(organization_id, id)
        JOIN appointments a USING (organization_id, id)
        LEFT JOIN LATERAL unnest(a.resource_ids) AS r(id) ON a.occupies),
    freed AS (
        DELETE FROM occupancy o USING (SELECT DISTINCT organization_id, appointment_id FROM takes) AS t
        WHERE o.organization_id = t.organization_id AND o.appointment_id = t.appointment_id
          AND NOT EXISTS (SELECT FROM takes k WHERE k.organization_id = o.organization_id
                          AND k.appointment_id = o.appointment_id AND k.resource_id = o.resource_id))
    INSERT INTO occupancy AS o
    (organization_id, appointment_id, resource_id, service_id, blocked_from, blocked_to, starts_at, ends_at)
    SELECT * FROM takes WHERE resource_id IS NOT NULL ORDER BY organization_id, appointment_id, resource_id
    ON CONFLICT (organization_id, appointment_id, resource_id) DO UPDATE
    SET service_id = excluded.service_id, blocked_from = excluded.blocked_from, blocked_to = excluded.blocked_to,
        starts_at = excluded.starts_at, ends_at = excluded.ends_at
    WHERE (o.service_id, o.blocked_from, o.blocked_to, o.starts_at, o.ends_at)
          IS DISTINCT FROM
          (excluded.service_id, excluded.blocked_from, excluded.blocked_to, excluded.starts_at, excluded.ends_at)
    """
)
"""Only what is different is written, so that a replay counts nothing up."""
