"""Reading: the counters by one cheap statement, the directory as a whole, what is taken in a window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from availability.domain import Business, Directory, Resource, Service
from slotstream_scheduling import Busy, ServiceRules, Taken, schedule_from_dict, to_epoch, to_epoch_up
from slotstream_servicekit.database import Database


class Versions(NamedTuple):
    rules: int
    taken: int


@dataclass(frozen=True, slots=True)
class TakenEntry:
    """An appointment that takes time, with the resources it takes."""

    resource_ids: tuple[str, ...]
    taken: Taken
    service_name: str
    status: str
    business_id: str


@dataclass(frozen=True, slots=True)
class ExternalEntry:
    resource_id: str
    busy: Busy


async def read_versions(database: Database, organization_id: UUID) -> Versions:
    """One statement, one round trip: the tenant is set by the very value that the row is looked up with."""
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


async def load_taken(
    session: AsyncSession, organization_id: UUID, resource_ids: Sequence[str], start: int, end: int
) -> list[TakenEntry]:
    """Every appointment whose blocked time meets [start, end), by start."""
    rows = await session.execute(_TAKEN, _window(organization_id, resource_ids, start, end))
    return [
        TakenEntry(
            resource_ids=tuple(str(one) for one in row.resource_ids),
            taken=Taken(
                str(row.id),
                to_epoch(row.blocked_from),
                to_epoch_up(row.blocked_to),
                to_epoch(row.starts_at),
                to_epoch_up(row.ends_at),
                None if row.service_id is None else str(row.service_id),
            ),
            service_name=row.service_name,
            status=row.status,
            business_id=str(row.business_id),
        )
        for row in rows
    ]


async def load_external(
    session: AsyncSession, organization_id: UUID, resource_ids: Sequence[str], start: int, end: int
) -> list[ExternalEntry]:
    rows = await session.execute(_EXTERNAL, _window(organization_id, resource_ids, start, end))
    return [
        ExternalEntry(str(row.resource_id), Busy(str(row.id), to_epoch(row.starts_at), to_epoch_up(row.ends_at)))
        for row in rows
    ]


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


# The lookup value is computed by the sub-select before any row is read, so row-level security sees the tenant.
_VERSIONS: Final = """
    SELECT rules, taken FROM projection_versions
    WHERE organization_id = (SELECT set_config('slotstream.organization', $1, true))::uuid
"""
_OF_TENANT = "WHERE organization_id = :organization_id"
_BUSINESSES: Final = text(f"SELECT id, name, zone, archived FROM businesses {_OF_TENANT}")
_RESOURCES: Final = text(f"SELECT * FROM resources {_OF_TENANT} ORDER BY name, id")
_SERVICES: Final = text(f"SELECT * FROM services {_OF_TENANT}")
_SCHEDULES: Final = text(f"SELECT owner_id, rules FROM schedules {_OF_TENANT}")
_TAKEN: Final = text(
    f"""
    SELECT id, business_id, service_id, service_name, status, resource_ids,
           starts_at, ends_at, blocked_from, blocked_to
    FROM appointments {_OF_TENANT} AND occupies AND blocked_to > :starts AND blocked_from < :ends
      AND resource_ids && CAST(:resource_ids AS uuid[])
    ORDER BY starts_at, id
    """
)
_EXTERNAL: Final = text(
    f"""
    SELECT id, resource_id, starts_at, ends_at FROM external_busy {_OF_TENANT}
      AND ends_at > :starts AND starts_at < :ends AND resource_id = ANY(CAST(:resource_ids AS uuid[]))
    ORDER BY starts_at, id
    """
)
