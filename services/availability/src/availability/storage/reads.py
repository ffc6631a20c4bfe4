"""Reading: the counters by one cheap statement, the directory as a whole, what a calendar draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from availability.domain import Business, Directory, Resource, Service
from slotstream_scheduling import ServiceRules, schedule_from_dict
from slotstream_servicekit.database import Database, tenant_cte


class Versions(NamedTuple):
    rules: int
    taken: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """An appointment as a calendar draws it."""

    id: UUID
    business_id: UUID
    service_id: UUID | None
    service_name: str
    status: str
    resource_ids: frozenset[str]
    starts_at: datetime
    ends_at: datetime
    blocked_from: datetime
    blocked_to: datetime
    occupies: bool


@dataclass(frozen=True, slots=True)
class DrawnBusy:
    """External busy time as a calendar draws it."""

    id: UUID
    resource_id: str
    starts_at: datetime
    ends_at: datetime


async def read_versions(database: Database, organization_id: UUID) -> Versions:
    """One statement, one round trip, the tenant included."""
    async with database.connection() as connection:
        row = await connection.fetchrow(_VERSIONS, str(organization_id))
    return Versions(row["rules"], row["taken"]) if row else Versions(0, 0)


async def load_directory(session: AsyncSession, organization_id: UUID) -> Directory:
    tenant = {"organization_id": organization_id}
    businesses = await session.execute(_BUSINESSES, tenant)
    resources = await session.execute(_RESOURCES, tenant)
    services = await session.execute(_SERVICES, tenant)
    schedules = await session.execute(_SCHEDULES, tenant)
    return Directory(
        businesses={str(row.id): Business(str(row.id), row.name, row.zone, row.archived) for row in businesses},
        resources={str(row.id): _resource_of(row) for row in resources},
        services={str(row.id): _service_of(row) for row in services},
        schedules={str(row.owner_id): schedule_from_dict(row.rules) for row in schedules},
    )


async def load_drawn(
    session: AsyncSession, organization_id: UUID, resource_ids: Sequence[str], start: int, end: int
) -> list[Drawn]:
    """The appointments of the resources that meet [start, end), by start."""
    rows = await session.execute(_DRAWN, _window(organization_id, resource_ids, start, end))
    return [Drawn(**{**row._asdict(), "resource_ids": frozenset(str(one) for one in row.resource_ids)}) for row in rows]


async def load_drawn_busy(
    session: AsyncSession, organization_id: UUID, resource_ids: Sequence[str], start: int, end: int
) -> list[DrawnBusy]:
    rows = await session.execute(_DRAWN_BUSY, _window(organization_id, resource_ids, start, end))
    return [DrawnBusy(row.id, str(row.resource_id), row.starts_at, row.ends_at) for row in rows]


def _window(organization_id: UUID, resource_ids: Sequence[str], start: int, end: int) -> dict[str, Any]:
    return {
        "organization_id": organization_id,
        "resource_ids": [UUID(one) for one in resource_ids],
        "starts": datetime.fromtimestamp(start, UTC),
        "ends": datetime.fromtimestamp(end, UTC),
    }


def _resource_of(row: Any) -> Resource:
    return Resource(
        id=str(row.id),
        name=row.name,
        kind=row.kind,
        zone=row.zone,
        business_ids=tuple(str(one) for one in row.business_ids),
        priority=row.priority,
        user_id=row.user_id,
        archived=row.archived,
    )


def _service_of(row: Any) -> Service:
    return Service(
        id=str(row.id),
        name=row.name,
        business_id=str(row.business_id),
        rules=ServiceRules(
            duration=timedelta(minutes=row.duration_minutes),
            buffer_before=timedelta(minutes=row.buffer_before_minutes),
            buffer_after=timedelta(minutes=row.buffer_after_minutes),
            minimum_notice=timedelta(minutes=row.minimum_notice_minutes),
            booking_window_days=row.booking_window_days,
            slot_interval=timedelta(minutes=row.slot_interval_minutes),
            capacity=row.capacity,
        ),
        requires=tuple(tuple(place) for place in row.requires),
        archived=row.archived,
    )


# The sub-select is lateral to the tenant and cannot be flattened, so it is set before any row is read.
_VERSIONS: Final = f"""
    WITH {tenant_cte()}
    SELECT v.rules, v.taken FROM tenant CROSS JOIN LATERAL (
        SELECT rules, taken FROM projection_versions WHERE organization_id = tenant.id::uuid OFFSET 0) AS v
"""
_OF_TENANT = "WHERE organization_id = :organization_id"
_BUSINESSES: Final = text(f"SELECT id, name, zone, archived FROM businesses {_OF_TENANT}")
_RESOURCES: Final = text(f"SELECT * FROM resources {_OF_TENANT} ORDER BY name, id")
_SERVICES: Final = text(f"SELECT * FROM services {_OF_TENANT}")
_SCHEDULES: Final = text(f"SELECT owner_id, rules FROM schedules {_OF_TENANT}")
_DRAWN: Final = text(
    f"""
    SELECT id, business_id, service_id, service_name, status, resource_ids,
           starts_at, ends_at, blocked_from, blocked_to, occupies
    FROM appointments {_OF_TENANT} AND ends_at > :starts AND starts_at < :ends
      AND (occupies OR status IN ('pending', 'no_show')) AND resource_ids && CAST(:resource_ids AS uuid[])
    ORDER BY starts_at, id
    """
)
"""A request that awaits approval and a client who did not come are drawn, even where they take no time."""
_DRAWN_BUSY: Final = text(
    f"""
    SELECT id, resource_id, starts_at, ends_at FROM external_busy {_OF_TENANT}
      AND ends_at > :starts AND starts_at < :ends AND resource_id = ANY(CAST(:resource_ids AS uuid[]))
    ORDER BY starts_at, id
    """
)
