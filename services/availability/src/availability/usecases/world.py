"""What an organization looks like right now: its directory, and the calendars of some resources in a window."""

import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from availability.domain import Directory
from availability.storage import Versions, read_versions
from availability.storage.caches import Answer, AnswerCache, DirectoryCache
from availability.storage.occupancy import OccupancyCache, TakenTime
from slotstream_scheduling import ResourceCalendar, ServiceRules
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database

_MAX_ORGANIZATIONS = 10_000


class World:
    """The reading side of one process: at most one statement where nothing has changed.

    Change counters younger than `freshness_seconds` are taken as read: what others did shows that much later,
    what this process did at once.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        answer_cache_bytes: int,
        occupancy_cache_entries: int,
        freshness_seconds: float = 0.0,
    ) -> None:
        self.database = database
        self.answers = AnswerCache(answer_cache_bytes)
        self._occupancy = OccupancyCache(database, occupancy_cache_entries)
        self._clock = clock
        self._directories = DirectoryCache(database)
        self._freshness_seconds = freshness_seconds
        self._read: dict[UUID, tuple[float, Versions]] = {}

    def now(self) -> datetime:
        return self._clock()

    async def versions(self, organization_id: UUID) -> Versions:
        asked_at = time.monotonic()
        known = self._read.get(organization_id)
        if known is not None and asked_at - known[0] < self._freshness_seconds:
            return known[1]
        versions = await read_versions(self.database, organization_id)
        if len(self._read) >= _MAX_ORGANIZATIONS:
            self._read.clear()
        self._read[organization_id] = asked_at, versions
        return versions

    def changed(self, organization_id: UUID) -> None:
        """Says that a change was committed here, so that clients of this process see it at once."""
        self._read.pop(organization_id, None)

    async def kept_answer(self, organization_id: UUID, query: bytes) -> Answer | None:
        """The finished answer to a query, where it still is the answer."""
        versions = await self.versions(organization_id)
        return self.answers.get(organization_id, query, versions, int(self._clock().timestamp()))

    async def directory(self, organization_id: UUID, versions: Versions | None = None) -> Directory:
        if versions is None:
            versions = await self.versions(organization_id)
        return await self._directories.get(organization_id, versions)

    async def taken_time(
        self, organization_id: UUID, resource_ids: Sequence[str], window: tuple[int, int]
    ) -> dict[str, TakenTime]:
        """What takes the time of each resource in the window, and perhaps somewhat around it."""
        versions = await self.versions(organization_id)
        return await self._occupancy.read(organization_id, versions.taken, resource_ids, *window)

    async def calendars(
        self, organization_id: UUID, directory: Directory, resource_ids: Sequence[str], window: tuple[int, int]
    ) -> dict[str, ResourceCalendar]:
        """The calendars of the resources, each with all that takes time in [start, end)."""
        found = await self.taken_time(organization_id, resource_ids, window)
        return {one: ResourceCalendar(one, directory.schedules.get(one), *found[one]) for one in resource_ids}


def reach_of(rules: ServiceRules, start: int, end: int) -> tuple[int, int]:
    """The time that can matter to appointments starting in [start, end): buffers included."""
    before, after = rules.blocked(0)
    return start + before, end + after
