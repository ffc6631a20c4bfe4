"""What takes resources' time, kept in memory by resource and read again only for those that changed.

The organization's counter says whether anything changed at all; one statement then tells which resources did.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from slotstream_scheduling import Busy, Taken
from slotstream_servicekit.database import Database, tenant_cte

BLOCK_SECONDS: Final = 8 * 86_400
"""Time is read and kept in blocks of this length, counted from the epoch."""


class Block(NamedTuple):
    """All that meets one block of one resource's time; what crosses its edge is in the next one as well."""

    taken: list[Taken]
    busy: list[Busy]


class TakenTime(NamedTuple):
    """What takes one resource's time in a window, and perhaps somewhat around it."""

    taken: tuple[Taken, ...]
    busy: tuple[Busy, ...]


@dataclass(slots=True)
class _Known:
    """One organization's blocks, true at least up to the count `version`.

    It is replaced after a change, never altered: a reading that began before the change is stored where nobody
    looks any more.
    """

    version: int
    resources: dict[str, dict[int, Block]] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        return sum(
            len(block.taken) + len(block.busy) + 1 for blocks in self.resources.values() for block in blocks.values()
        )


class OccupancyCache:
    """Taken time by organization and resource, the least recently used organization forgotten first."""

    def __init__(self, database: Database, max_entries: int) -> None:
        self._database = database
        self._max_entries = max_entries
        self._organizations: OrderedDict[UUID, _Known] = OrderedDict()

    async def read(
        self, organization_id: UUID, version: int, resource_ids: Sequence[str], start: int, end: int
    ) -> dict[str, TakenTime]:
        """What takes the time of each resource in [start, end), as of the organization's count `version` or later."""
        known = await self._known(organization_id, version)
        first, last = start // BLOCK_SECONDS, max(start, end - 1) // BLOCK_SECONDS
        blocks = range(first, last + 1)
        missing = [one for one in resource_ids if not known.resources.get(one, {}).keys() >= set(blocks)]
        if missing:
            await self._load(known, organization_id, missing, blocks)
        found = {one: _joined(known.resources[one], first, last) for one in resource_ids}
        if missing:
            self._forget_surplus()
        return found

    async def _known(self, organization_id: UUID, version: int) -> _Known:
        known = self._organizations.get(organization_id)
        if known is None:
            known = _Known(version)
        elif known.version < version:
            changed = await changed_resources(self._database, organization_id, since=known.version)
            known = _Known(
                version,
                {one: blocks for one, blocks in known.resources.items() if one not in changed},
            )
        self._organizations[organization_id] = known
        self._organizations.move_to_end(organization_id)
        return known

    async def _load(self, known: _Known, organization_id: UUID, resource_ids: Sequence[str], blocks: range) -> None:
        start, end = blocks.start * BLOCK_SECONDS, blocks.stop * BLOCK_SECONDS
        rows = await load_taken_time(self._database, organization_id, resource_ids, start, end)
        for resource_id, found in rows.items():
            known.resources.setdefault(resource_id, {}).update(_cut(found, blocks))

    def _forget_surplus(self) -> None:
        sizes = {one: known.entries for one, known in self._organizations.items()}
        surplus = sum(sizes.values()) - self._max_entries
        for one, size in sizes.items():
            if surplus <= 0:
                return
            del self._organizations[one]
            surplus -= size


def _cut(found: TakenTime, blocks: range) -> dict[int, Block]:
    cut = {number: Block([], []) for number in blocks}
    low, high = blocks.start, blocks.stop - 1
    for taken in found.taken:
        first, last = taken.blocked_from // BLOCK_SECONDS, (taken.blocked_to - 1) // BLOCK_SECONDS
        for number in range(max(first, low), min(last, high) + 1):
            cut[number].taken.append(taken)
    for busy in found.busy:
        first, last = busy.start // BLOCK_SECONDS, (busy.end - 1) // BLOCK_SECONDS
        for number in range(max(first, low), min(last, high) + 1):
            cut[number].busy.append(busy)
    return cut


def _joined(blocks: Mapping[int, Block], first: int, last: int) -> TakenTime:
    """The blocks as one window, each entry once."""
    taken, busy = list(blocks[first].taken), list(blocks[first].busy)
    for number in range(first + 1, last + 1):
        edge = number * BLOCK_SECONDS
        taken += [one for one in blocks[number].taken if one.blocked_from >= edge]
        busy += [one for one in blocks[number].busy if one.start >= edge]
    return TakenTime(tuple(taken), tuple(busy))


async def changed_resources(database: Database, organization_id: UUID, *, since: int) -> frozenset[str]:
    """The resources whose time changed after the organization's count was `since`."""
    async with database.connection() as connection:
        ids = await connection.fetchval(_CHANGED, str(organization_id), since)
    return frozenset(ids or ())


async def load_taken_time(
    database: Database, organization_id: UUID, resource_ids: Sequence[str], start: int, end: int
) -> dict[str, TakenTime]:
    """What takes the time of each resource in [start, end), one row of arrays per resource."""
    async with database.connection() as connection:
        rows = await connection.fetch(_TAKEN_TIME, str(organization_id), list(resource_ids), start, end)
    return {row["resource_id"]: TakenTime(tuple(_taken_of(row)), tuple(_busy_of(row))) for row in rows}


def _taken_of(row: Any) -> Iterable[Taken]:
    if row["appointments"] is None:
        return ()
    columns = ("appointments", "blocked_from", "blocked_to", "starts_at", "ends_at", "services")
    return map(Taken, *(row[column] for column in columns))


def _busy_of(row: Any) -> Iterable[Busy]:
    if row["events"] is None:
        return ()
    return map(Busy, row["events"], row["busy_from"], row["busy_to"])


# The sub-selects are lateral to the tenant and cannot be flattened, so it is set before any row is read.
_CHANGED: Final = f"""
    WITH {tenant_cte()}
    SELECT r.ids FROM tenant CROSS JOIN LATERAL (
        SELECT array_agg(resource_id::text) AS ids FROM resource_versions
        WHERE organization_id = tenant.id::uuid AND taken > $2) AS r
"""
_TAKEN_TIME: Final = f"""
    WITH {tenant_cte()}
    SELECT q.resource_id, o.*, b.*
    FROM tenant CROSS JOIN unnest($2::text[]) AS q(resource_id)
    CROSS JOIN LATERAL (
        SELECT array_agg(appointment_id::text) AS appointments, array_agg(service_id::text) AS services,
               array_agg(blocked_from) AS blocked_from, array_agg(blocked_to) AS blocked_to,
               array_agg(starts_at) AS starts_at, array_agg(ends_at) AS ends_at
        FROM occupancy WHERE organization_id = tenant.id::uuid AND resource_id = q.resource_id::uuid
          AND blocked_to > $3 AND blocked_from < $4) AS o
    CROSS JOIN LATERAL (
        SELECT array_agg(id::text) AS events,
               array_agg(floor(extract(epoch FROM starts_at))::bigint) AS busy_from,
               array_agg(ceil(extract(epoch FROM ends_at))::bigint) AS busy_to
        FROM external_busy WHERE organization_id = tenant.id::uuid AND resource_id = q.resource_id::uuid
          AND ends_at > to_timestamp($3) AND starts_at < to_timestamp($4)) AS b
"""
