"""The directory of an organization: its catalogue and schedules, read as a whole."""

from collections import OrderedDict
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from availability.domain import Business, Directory, Resource, Service
from availability.storage.tables import resources, services
from availability.storage.versions import Versions
from slotstream_scheduling import ServiceRules, schedule_from_dict
from slotstream_servicekit.database import Database
from slotstream_servicekit.rows import named_columns


class DirectoryStore:
    """The directory of one organization, in the transaction of `session`."""

    def __init__(self, session: AsyncSession, organization_id: UUID) -> None:
        self._session = session
        self._tenant = {"organization_id": organization_id}

    async def read(self) -> Directory:
        businesses = await self._session.execute(_BUSINESSES, self._tenant)
        resources = await self._session.execute(_RESOURCES, self._tenant)
        services = await self._session.execute(_SERVICES, self._tenant)
        schedules = await self._session.execute(_SCHEDULES, self._tenant)
        return Directory(
            businesses={str(row.id): Business(str(row.id), row.name, row.zone, row.archived) for row in businesses},
            resources={str(row.id): _resource_of(row) for row in resources},
            services={str(row.id): _service_of(row) for row in services},
            schedules={str(row.owner_id): schedule_from_dict(row.rules) for row in schedules},
        )


class DirectoryCache:
    """Each organization's directory as of its counter of rules, the least recently used forgotten first."""

    def __init__(self, database: Database, max_organizations: int = 256) -> None:
        self._database = database
        self._max_organizations = max_organizations
        self._directories: OrderedDict[UUID, tuple[int, Directory]] = OrderedDict()

    async def get(self, organization_id: UUID, versions: Versions) -> Directory:
        known = self._directories.get(organization_id)
        if known is not None and known[0] == versions.rules:
            self._directories.move_to_end(organization_id)
            return known[1]
        async with self._database.transaction(organization_id) as session:
            directory = await DirectoryStore(session, organization_id).read()
        self._directories[organization_id] = versions.rules, directory
        self._directories.move_to_end(organization_id)
        while len(self._directories) > self._max_organizations:
            self._directories.popitem(last=False)
        return directory


def _resource_of(row: Row[Any]) -> Resource:
    return Resource(
        id=str(row.id),
        name=row.name,
        kind=row.kind,
        zone=row.zone,
        business_ids=tuple(str(business_id) for business_id in row.business_ids),
        priority=row.priority,
        user_id=row.user_id,
        archived=row.archived,
    )


def _service_of(row: Row[Any]) -> Service:
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


_OF_TENANT = "WHERE organization_id = :organization_id"
_BUSINESSES: Final = text(f"SELECT id, name, zone, archived FROM businesses {_OF_TENANT}")
_RESOURCES: Final = text(f"SELECT {named_columns(resources)} FROM resources {_OF_TENANT} ORDER BY name, id")
_SERVICES: Final = text(f"SELECT {named_columns(services)} FROM services {_OF_TENANT}")
_SCHEDULES: Final = text(f"SELECT owner_id, rules FROM schedules {_OF_TENANT}")
