"""What one API process knows of organizations: kept between requests, compared with the counters before it is used."""

import time
from collections.abc import Collection, Sequence
from uuid import UUID

from availability.domain import Directory, StateVersion
from availability.storage.directories import DirectoryCache
from availability.storage.occupancy import OccupancyCache, TakenTime
from availability.storage.versions import Versions, read_applied, read_versions
from slotstream_scheduling import ResourceCalendar, Span
from slotstream_servicekit.database import Database
from slotstream_servicekit.limits import Tenancy

_MAX_ORGANIZATIONS = 10_000


class AvailabilityReader:
    """Reads directories and taken time, with at most one statement where nothing has changed.

    Change counters younger than `freshness_seconds` are taken as read: what other processes did shows that much
    later, what this one did at once.
    """

    def __init__(self, *, database: Database, occupancy_cache_entries: int, freshness_seconds: float = 0.0) -> None:
        self.database = database
        self._occupancy = OccupancyCache(database, occupancy_cache_entries)
        self._directories = DirectoryCache(database)
        self._freshness_seconds = freshness_seconds
        self._read: dict[UUID, tuple[float, Versions]] = {}

    async def versions(self, organization_id: UUID) -> Versions:
        now = time.monotonic()
        known = self._read.get(organization_id)
        if known is not None and now - known[0] < self._freshness_seconds:
            return known[1]
        versions = await read_versions(self.database, organization_id)
        if len(self._read) >= _MAX_ORGANIZATIONS:
            self._read.clear()
        self._read[organization_id] = now, versions
        return versions

    def note_change(self, organization_id: UUID) -> None:
        """Says that a change was committed here, so that clients of this process see it at once."""
        self._read.pop(organization_id, None)

    async def directory(self, tenant: Tenancy, versions: Versions | None = None) -> Directory:
        """What the caller sees of the organization's directory."""
        if versions is None:
            versions = await self.versions(tenant.organization_id)
        return (await self._directories.get(tenant.organization_id, versions)).within(tenant.limits)

    async def changed_since(self, organization_id: UUID, versions: Versions, *, since: int) -> Collection[str] | None:
        """Whose time changed after the count `since` of taken time; None where that is no longer known."""
        if versions.taken == since:
            return ()
        return await self._occupancy.changed_since(organization_id, versions.taken, since=since)

    async def taken_time(
        self,
        organization_id: UUID,
        resource_ids: Sequence[str],
        window: Span,
        *,
        now: float,
        ignore: Collection[str] = (),
    ) -> dict[str, TakenTime]:
        """What takes the time of each resource in the window at `now`, and perhaps somewhat around it.

        Holds that have expired by `now` take none, nor do appointments and holds in `ignore`.
        """
        versions = await self.versions(organization_id)
        times = await self._occupancy.read(organization_id, versions.taken, resource_ids, *window)
        return {resource_id: time.at(now, ignore) for resource_id, time in times.items()}

    async def calendars(
        self,
        organization_id: UUID,
        directory: Directory,
        resource_ids: Sequence[str],
        window: Span,
        *,
        now: float,
        ignore: Collection[str] = (),
    ) -> dict[str, ResourceCalendar]:
        """The calendars of the resources, with what takes their time as `taken_time` says."""
        times = await self.taken_time(organization_id, resource_ids, window, now=now, ignore=ignore)
        return {
            resource_id: ResourceCalendar(
                resource_id,
                directory.schedules.get(resource_id),
                time.taken,
                time.busy,
                directory.name_of(resource_id),
            )
            for resource_id, time in times.items()
        }

    async def has_applied(self, organization_id: UUID, states: Collection[StateVersion]) -> bool:
        """Whether what is answered from now on knows these states, or newer ones."""
        applied = await read_applied(self.database, organization_id, states)
        if applied:
            # The counters that were read a moment ago may not count it yet.
            self.note_change(organization_id)
        return applied
