"""Time that was given back and is still to be offered to those who wait."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from booking.domain.errors import WorkFailure
from booking.domain.waiting_list import FreedTime
from booking.storage.failures import PutOff
from booking.storage.tables import freed_times
from slotstream_servicekit.database import Connection
from slotstream_servicekit.rows import named_columns

FREED_CHANNEL: Final = "time_freed"
"""Notified when time was freed that somebody may wait for."""
_put_off: Final = PutOff("freed_times", due="try_at")


def _is_wanted(freed: str) -> str:
    """Whether somebody on the list may take some of the freed time with this name in the statement."""
    return f"""EXISTS (
        SELECT FROM waiting_list_entries e
        WHERE e.organization_id = {freed}.organization_id AND e.business_id = {freed}.business_id
          AND e.status IN ('waiting', 'offered') AND e.window_from < {freed}.ends AND e.window_to > {freed}.begins)"""


@dataclass(frozen=True, slots=True)
class FreedTimeStore:
    """One organization's freed times, within the transaction of `connection`."""

    connection: Connection
    organization_id: UUID

    async def note(self, times: Sequence[FreedTime], *, now: datetime, joining_until: datetime) -> bool:
        """Keeps them for the worker: what somebody on the list may want is to be offered now, and whether there is any.

        Whoever has an offer counts: they may decline it. What nobody wants is kept until `joining_until`, for those who
        are joining: a transaction that has not ended yet is not seen from here, nor is this one from there.
        """
        noted = await self.connection.fetch(
            f"""
            INSERT INTO freed_times (organization_id, id, freed_by, business_id, begins, ends, try_at)
            SELECT t.*, CASE WHEN {_is_wanted("t")} THEN $7 ELSE $8::timestamptz END
            FROM (SELECT $1::uuid, *
                  FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[]))
                AS t(organization_id, id, freed_by, business_id, begins, ends)
            RETURNING try_at <= $7 AS is_wanted
            """,
            self.organization_id,
            [time.id for time in times],
            [time.freed_by for time in times],
            [time.business_id for time in times],
            [time.begins for time in times],
            [time.ends for time in times],
            now,
            joining_until,
        )
        return any(row["is_wanted"] for row in noted)

    async def wake(
        self, business_id: UUID, begins: datetime, ends: datetime, *, now: datetime
    ) -> list[tuple[datetime, datetime]]:
        """Has what is kept for later, and meets [begins, ends), tried now; its times.

        What the worker is just trying is left out: whoever gives an offer back never waits for the worker, which may
        wait for the time of that offer.
        """
        rows = await self.connection.fetch(
            """
            UPDATE freed_times f SET try_at = $5
            FROM (
                SELECT id FROM freed_times
                WHERE organization_id = $1 AND business_id = $2 AND begins < $4 AND ends > $3 AND try_at > $5
                FOR UPDATE SKIP LOCKED
            ) AS kept
            WHERE f.organization_id = $1 AND f.id = kept.id RETURNING f.begins, f.ends
            """,
            self.organization_id,
            business_id,
            begins,
            ends,
            now,
        )
        return [(row["begins"], row["ends"]) for row in rows]

    async def go_on(self, freed: FreedTime, *, reached: tuple[datetime, UUID], is_wanted: bool, now: datetime) -> None:
        """Its round goes on behind the entry that it has come by, after the other times that are to be tried."""
        await self.connection.execute(
            """
            UPDATE freed_times SET try_at = $3, reached_at = $4, reached_id = $5, is_wanted = $6
            WHERE organization_id = $1 AND id = $2
            """,
            self.organization_id,
            freed.id,
            now,
            *reached,
            is_wanted,
        )

    async def keep(self, freed: FreedTime, *, until: datetime) -> None:
        """Its round is over, and another begins then."""
        await self.connection.execute(
            """
            UPDATE freed_times SET try_at = $3, reached_at = NULL, reached_id = NULL, is_wanted = false,
                failure_code = NULL, failed_at = NULL
            WHERE organization_id = $1 AND id = $2
            """,
            self.organization_id,
            freed.id,
            until,
        )

    async def forget(self, freed: FreedTime) -> None:
        await self.connection.execute(
            "DELETE FROM freed_times WHERE organization_id = $1 AND id = $2", self.organization_id, freed.id
        )

    async def put_off(self, freed_id: UUID, *, until: datetime, failure: WorkFailure) -> None:
        await _put_off(self.connection, self.organization_id, freed_id, until=until, failure=failure)

    async def may_come_free(self, holder_ids: Collection[UUID]) -> bool:
        """Whether one of those who were in the way is a hold: it ends by itself, and gives its time to nobody."""
        found: bool = await self.connection.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM unnest($2::uuid[]) AS t(id)
                WHERE NOT EXISTS (SELECT FROM appointments a WHERE a.organization_id = $1 AND a.id = t.id))
            """,
            self.organization_id,
            sorted(holder_ids),
        )
        return found


async def next_freed(connection: Connection, *, now: datetime) -> FreedTime | None:
    """Of all organizations, what has waited longest to be offered, locked."""
    row = await connection.fetchrow(
        f"""
        SELECT {named_columns(freed_times)} FROM freed_times
        WHERE try_at <= $1 ORDER BY try_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
        """,
        now,
    )
    return None if row is None else _freed_time(row)


async def forget_unwanted(connection: Connection, *, now: datetime, limit: int) -> None:
    """Of all organizations, lets go of what is to be tried and nobody on the list may take."""
    await connection.execute(
        f"""
        DELETE FROM freed_times f
        USING (SELECT organization_id, id FROM freed_times WHERE try_at <= $1 ORDER BY try_at, id LIMIT $2
               FOR UPDATE SKIP LOCKED) AS due
        WHERE f.organization_id = due.organization_id AND f.id = due.id AND NOT {_is_wanted("f")}
        """,
        now,
        limit,
    )


def _freed_time(row: asyncpg.Record) -> FreedTime:
    return FreedTime(
        organization_id=row["organization_id"],
        id=row["id"],
        # One of the version before bears the id of what had it.
        freed_by=row["freed_by"] or row["id"],
        business_id=row["business_id"],
        begins=row["begins"],
        ends=row["ends"],
        reached=None if row["reached_id"] is None else (row["reached_at"], row["reached_id"]),
        is_wanted=row["is_wanted"],
    )
