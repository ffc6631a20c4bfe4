"""Holds: rows in and out. A hold's time is in `occupancy`, with the instant at which it ends."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from booking.domain.holds import Hold, UsedHold
from booking.storage.occupancy import OccupancyStore
from slotstream_servicekit.context import Actor
from slotstream_servicekit.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldFilter:
    """What a list of holds is narrowed to: those that meet [begins, ends). None does not narrow."""

    business_ids: Sequence[UUID] | None = None
    resource_ids: Sequence[UUID] | None = None
    begins: datetime | None = None
    ends: datetime | None = None


_COLUMNS: Final = tuple(field.name for field in fields(Hold) if field.name not in {"blocked", "held_by"})
_LIVE: Final = f"""
SELECT {", ".join(_COLUMNS)}, actor_type, actor_id, call_id, coalesce(
    (SELECT blocked FROM occupancy o WHERE o.organization_id = $1 AND o.holder_id = holds.id LIMIT 1),
    tstzrange(starts_at, ends_at)) AS blocked
FROM holds WHERE organization_id = $1 AND expires_at > clock_timestamp()
"""


def _hold(row: asyncpg.Record) -> Hold:
    values = {name: row[name] for name in _COLUMNS}
    blocked = (row["blocked"].lower, row["blocked"].upper)
    held_by = Actor(type=row["actor_type"], id=row["actor_id"], call_id=row["call_id"])
    return Hold(**{**values, "resource_ids": tuple(row["resource_ids"]), "blocked": blocked, "held_by": held_by})


@dataclass(frozen=True, slots=True)
class HoldStore:
    """The holds of one organization, within the transaction of `connection`."""

    connection: Connection
    organization_id: UUID

    async def clock(self) -> datetime:
        """The database's clock, which decides whether a hold has expired."""
        now: datetime = await self.connection.fetchval("SELECT clock_timestamp()")
        return now

    async def add(self, hold: Hold, *, now: datetime) -> bool:
        """Whether the id was free in all organizations."""
        added = await self.connection.fetchval(
            """
            INSERT INTO holds (organization_id, id, business_id, service_id, starts_at, ends_at, resource_ids,
                               actor_type, actor_id, call_id, expires_at, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT DO NOTHING RETURNING 1
            """,
            self.organization_id,
            hold.id,
            hold.business_id,
            hold.service_id,
            hold.starts_at,
            hold.ends_at,
            list(hold.resource_ids),
            hold.held_by.type,
            hold.held_by.id,
            hold.held_by.call_id,
            hold.expires_at,
            now,
        )
        return added is not None

    async def has(self, hold_id: UUID) -> bool:
        """Whether the organization has a hold of this id, expired or not."""
        found = await self.connection.fetchval(
            "SELECT true FROM holds WHERE organization_id = $1 AND id = $2", self.organization_id, hold_id
        )
        return found is not None

    async def count_of_visitors(self, business_id: UUID, visitor: str) -> tuple[int, int]:
        """How many slots are kept for one visitor of the business's public page, and for all of them."""
        row = await self.connection.fetchrow(
            """
            SELECT count(*) FILTER (WHERE actor_id = $3) AS own, count(*) AS all_of_them FROM holds
            WHERE organization_id = $1 AND business_id = $2 AND actor_type = 'client'
              AND expires_at > clock_timestamp()
            """,
            self.organization_id,
            business_id,
            visitor,
        )
        assert row is not None  # noqa: S101 - an aggregate has a row
        return row["own"], row["all_of_them"]

    async def is_visitors(self, hold_id: UUID, business_id: UUID, service_id: UUID, starts_at: datetime) -> bool:
        """Whether a visitor's hold keeps this slot, and has not expired. It stays until the transaction ends."""
        found = await self.connection.fetchval(
            """
            SELECT true FROM holds
            WHERE organization_id = $1 AND id = $2 AND business_id = $3 AND service_id = $4 AND starts_at = $5
              AND actor_type = 'client' AND expires_at > clock_timestamp() + interval '5 seconds' FOR UPDATE
            """,
            self.organization_id,
            hold_id,
            business_id,
            service_id,
            starts_at,
        )
        return found is not None

    async def remove_visitors(self, hold_id: UUID, business_id: UUID) -> bool:
        """Takes a visitor's hold away; whether there was one. Those of staff and agents stay."""
        gone = await self.connection.fetchval(
            """
            DELETE FROM holds WHERE organization_id = $1 AND id = $2 AND business_id = $3 AND actor_type = 'client'
            RETURNING resource_ids
            """,
            self.organization_id,
            hold_id,
            business_id,
        )
        return await self._free(hold_id, gone)

    async def get(self, hold_id: UUID) -> Hold | None:
        """The hold, if it has not expired."""
        rows = await self.connection.fetch(f"{_LIVE} AND id = $2", self.organization_id, hold_id)
        return _hold(rows[0]) if rows else None

    async def find(self, wanted: HoldFilter, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Hold]:
        """Those that have not expired, by their start."""
        rows = await self.connection.fetch(
            f"""
            {_LIVE} AND ($2::uuid[] IS NULL OR business_id = ANY($2)) AND ($3::uuid[] IS NULL OR resource_ids && $3)
              AND ($4::timestamptz IS NULL OR ends_at > $4) AND ($5::timestamptz IS NULL OR starts_at < $5)
              AND ($6::timestamptz IS NULL OR (starts_at, id) > ($6, $7))
            ORDER BY starts_at, id LIMIT $8
            """,
            self.organization_id,
            wanted.business_ids,
            wanted.resource_ids,
            wanted.begins,
            wanted.ends,
            *(after or (None, None)),
            limit,
        )
        return [_hold(row) for row in rows]

    async def remove(self, hold_id: UUID) -> bool:
        """Takes the hold away with its time; whether there was one."""
        gone = await self.connection.fetchval(
            "DELETE FROM holds WHERE organization_id = $1 AND id = $2 RETURNING resource_ids",
            self.organization_id,
            hold_id,
        )
        return await self._free(hold_id, gone)

    async def _free(self, hold_id: UUID, resource_ids: Sequence[UUID] | None) -> bool:
        """Gives back the time of a hold that is gone; whether there was one."""
        if resource_ids is not None:
            await OccupancyStore(self.connection, self.organization_id).free_hold(hold_id, resource_ids)
        return resource_ids is not None

    async def use(self, hold_id: UUID, *, forced: bool) -> UsedHold | None:
        """Takes away a hold that has not expired, with its time; `forced` where it makes room for an override."""
        row = await self.connection.fetchrow(
            """
            DELETE FROM holds WHERE organization_id = $1 AND id = $2 AND expires_at > clock_timestamp()
            RETURNING business_id, starts_at, resource_ids
            """,
            self.organization_id,
            hold_id,
        )
        if row is None:
            return None
        await OccupancyStore(self.connection, self.organization_id).free_hold(
            hold_id, row["resource_ids"], forced=forced
        )
        return UsedHold(
            business_id=row["business_id"], starts_at=row["starts_at"], resource_ids=tuple(row["resource_ids"])
        )


async def remove_expired_holds(connection: Connection, *, limit: int) -> list[tuple[UUID, UUID]]:
    """Of all organizations, up to `limit`: (organization, hold). Leaves those that somebody is just using."""
    rows = await connection.fetch(
        """
        WITH expired AS (
            SELECT organization_id, id FROM holds WHERE expires_at < clock_timestamp() - interval '1 minute'
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
        ), freed AS (
            DELETE FROM occupancy o USING expired e
            WHERE o.organization_id = e.organization_id AND o.holder_id = e.id AND o.expires_at IS NOT NULL
        )
        DELETE FROM holds h USING expired e WHERE h.organization_id = e.organization_id AND h.id = e.id
        RETURNING h.organization_id, h.id
        """,
        limit,
    )
    return [(row["organization_id"], row["id"]) for row in rows]
