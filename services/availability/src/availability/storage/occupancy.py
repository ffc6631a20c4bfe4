"""What takes resources' time, kept in memory by resource and read again only for those that changed.

The organization's counter says whether anything changed at all; one statement then tells which resources did.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from slotstream_scheduling import Busy, Span, Taken
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

    def at(self, now: float, ignore: Collection[str] = ()) -> "TakenTime":
        """What takes time at `now`: without expired holds, and without what is in `ignore`."""
        if not ignore and all(taken.expires_at is None for taken in self.taken):
            return self
        return TakenTime(
            tuple(
                taken
                for taken in self.taken
                if taken.id not in ignore and (taken.expires_at is None or taken.expires_at > now)
            ),
            self.busy,
        )

    @property
    def spans(self) -> list[Span]:
        """All of it, buffers included."""
        return [
            *((taken.blocked_from, taken.blocked_to) for taken in self.taken),
            *((busy.start, busy.end) for busy in self.busy),
        ]


@dataclass(slots=True)
class _Known:
    """One organization's blocks, true at least up to the count `version`.

    It is replaced after a change, never altered: a reading that began before the change is stored where nobody
    looks any more.
    """

    version: int
    since: int
    """From which count on `changed_at` knows every change."""
    resources: dict[str, dict[int, Block]] = field(default_factory=dict)
    changed_at: dict[str, int] = field(default_factory=dict)
    """By resource, the count by which it was known to have changed last."""

    def after(self, changed: Collection[str], version: int) -> "_Known":
        return _Known(
            version,
            self.since,
            {resource_id: blocks for resource_id, blocks in self.resources.items() if resource_id not in changed},
            {**self.changed_at, **dict.fromkeys(changed, version)},
        )

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
        missing = [
            resource_id
            for resource_id in resource_ids
            if not known.resources.get(resource_id, {}).keys() >= set(blocks)
        ]
        if missing:
            await self._load(known, organization_id, missing, blocks)
        times = {resource_id: _joined(known.resources[resource_id], first, last) for resource_id in resource_ids}
        if missing:
            self._forget_surplus()
        return times

    async def changed_since(self, organization_id: UUID, version: int, *, since: int) -> frozenset[str] | None:
        """Whose time changed after the count `since`, as of `version`; None where that is no longer known."""
        known = await self._known(organization_id, version)
        if since < known.since:
            return None
        return frozenset(resource_id for resource_id, at in known.changed_at.items() if at > since)

    async def _known(self, organization_id: UUID, version: int) -> _Known:
        known = self._organizations.get(organization_id)
        if known is None:
            known = _Known(version, since=version)
        elif known.version < version:
            changed = await changed_resources(self._database, organization_id, since=known.version)
            known = known.after(changed, version)
        self._organizations[organization_id] = known
        self._organizations.move_to_end(organization_id)
        return known

    async def _load(self, known: _Known, organization_id: UUID, resource_ids: Sequence[str], blocks: range) -> None:
        start, end = blocks.start * BLOCK_SECONDS, blocks.stop * BLOCK_SECONDS
        rows = await load_taken_time(self._database, organization_id, resource_ids, start, end)
        for resource_id, time in rows.items():
            known.resources.setdefault(resource_id, {}).update(_cut(time, blocks))

    def _forget_surplus(self) -> None:
        sizes = {organization_id: known.entries for organization_id, known in self._organizations.items()}
        surplus = sum(sizes.values()) - self._max_entries
        for organization_id, size in sizes.items():
            if surplus <= 0:
                return
            del self._organizations[organization_id]
            surplus -= size


def _cut(time: TakenTime, blocks: range) -> dict[int, Block]:
    cut = {number: Block([], []) for number in blocks}
    low, high = blocks.start, blocks.stop - 1
    for taken in time.taken:
        first, last = taken.blocked_from // BLOCK_SECONDS, (taken.blocked_to - 1) // BLOCK_SECONDS
        for number in range(max(first, low), min(last, high) + 1):
            cut[number].taken.append(taken)
    for busy in time.busy:
        first, last = busy.start // BLOCK_SECONDS, (busy.end - 1) // BLOCK_SECONDS
        for number in range(max(first, low), min(last, high) + 1):
            cut[number].busy.append(busy)
    return cut


def _joined(blocks: Mapping[int, Block], first: int, last: int) -> TakenTime:
    """The blocks as one window, each entry once."""
    taken, busy = list(blocks[first].taken), list(blocks[first].busy)
    for number in range(first + 1, last + 1):
        edge = number * BLOCK_SECONDS
        taken += [time for time in blocks[number].taken if time.blocked_from >= edge]
        busy += [event for event in blocks[number].busy if event.start >= edge]
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


def _taken_of(row: asyncpg.Record) -> Iterator[Taken]:
    if row["appointments"] is not None:
        yield from map(Taken, *(row[column] for column in _APPOINTMENT_COLUMNS))
    if row["holds"] is not None:
        yield from map(Taken, *(row[column] for column in _HOLD_COLUMNS))


def _busy_of(row: asyncpg.Record) -> Iterable[Busy]:
    if row["events"] is None:
        return ()
    return map(Busy, row["events"], row["busy_from"], row["busy_to"])


_APPOINTMENT_COLUMNS: Final = ("appointments", "blocked_from", "blocked_to", "starts_at", "ends_at", "services")
_HOLD_COLUMNS: Final = ("holds", "held_from", "held_to", "held_starts", "held_ends", "held_services", "held_until")

# The sub-selects are lateral to the tenant and cannot be flattened, so it is set before any row is read.
_CHANGED: Final = f"""
    WITH {tenant_cte()}
    SELECT r.ids FROM tenant CROSS JOIN LATERAL (
        SELECT array_agg(resource_id::text) AS ids FROM resource_versions
        WHERE organization_id = tenant.id::uuid AND taken > $2) AS r
"""
_TAKEN_TIME: Final = f"""
    WITH {tenant_cte()}
    SELECT q.resource_id, o.*, h.*, b.*
    FROM tenant CROSS JOIN unnest($2::text[]) AS q(resource_id)
    CROSS JOIN LATERAL (
        SELECT array_agg(appointment_id::text) AS appointments, array_agg(service_id::text) AS services,
               array_agg(blocked_from) AS blocked_from, array_agg(blocked_to) AS blocked_to,
               array_agg(starts_at) AS starts_at, array_agg(ends_at) AS ends_at
        FROM occupancy WHERE organization_id = tenant.id::uuid AND resource_id = q.resource_id::uuid
          AND blocked_to > $3 AND blocked_from < $4) AS o
    CROSS JOIN LATERAL (
        SELECT array_agg(id::text) AS holds, array_agg(service_id::text) AS held_services,
               array_agg(floor(extract(epoch FROM blocked_from))::bigint) AS held_from,
               array_agg(ceil(extract(epoch FROM blocked_to))::bigint) AS held_to,
               array_agg(floor(extract(epoch FROM starts_at))::bigint) AS held_starts,
               array_agg(ceil(extract(epoch FROM ends_at))::bigint) AS held_ends,
               array_agg(extract(epoch FROM expires_at)::float8) AS held_until
        FROM holds WHERE organization_id = tenant.id::uuid AND resource_ids @> ARRAY[q.resource_id::uuid]
          AND blocked_to > to_timestamp($3) AND blocked_from < to_timestamp($4)) AS h
    CROSS JOIN LATERAL (
        SELECT array_agg(id::text) AS events,
               array_agg(floor(extract(epoch FROM starts_at))::bigint) AS busy_from,
               array_agg(ceil(extract(epoch FROM ends_at))::bigint) AS busy_to
        FROM external_busy WHERE organization_id = tenant.id::uuid AND resource_id = q.resource_id::uuid
          AND ends_at > to_timestamp($3) AND starts_at < to_timestamp($4)) AS b
"""
