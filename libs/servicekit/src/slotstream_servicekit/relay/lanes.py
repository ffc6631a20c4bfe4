"""The lanes of an outbox: which of them this relay holds, and the records that are in them.

The records of one key are in one lane, and one relay at a time holds a lane. The lock is an advisory lock of the
database session that also reads and deletes the records: a relay that has lost the lock can delete nothing.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Final, Self

import asyncpg

from slotstream_servicekit.locks import LockClass
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)
_LANE_LOCKS: Final = int(LockClass.RELAY_LANE)
_LAYOUT_LOCKS: Final = int(LockClass.RELAY_LAYOUT)
LOCK_SECONDS: Final = 1.0
"""How often a relay tries again to lock the lanes that another relay holds."""
_TAKE_LAYOUT: Final = "SELECT pg_advisory_lock_shared($1, $2)"
_OTHER_LAYOUTS: Final = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND classid::bigint = $1 AND objid::bigint <> $2 AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""
_TAKE_LANES: Final = "SELECT lane FROM unnest($2::int[]) AS lane WHERE pg_try_advisory_lock($1, lane)"
_READ: Final = """
SELECT seq, topic, key, payload, headers, created_at FROM outbox
WHERE (seq > $4::bigint OR seq <> ALL($5::bigint[])) AND lane % $1::int = ANY($2::int[]) AND topic <> ALL($3::text[])
ORDER BY seq LIMIT $6
"""
# An outbox is empty one minute and full the next, so its statistics mislead the planner: we choose the plan.
_SETTINGS: Final = """
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;
SET max_parallel_workers_per_gather = 0; SET plan_cache_mode = force_generic_plan
"""
_DELETE: Final = "DELETE FROM outbox WHERE seq = ANY($1::bigint[])"


class LaneSession:
    """The database session of one relay: it locks lanes, and reads and deletes what is in them."""

    @classmethod
    async def begin(cls, connection: asyncpg.Connection, lanes: int) -> Self:
        await connection.execute(_SETTINGS)
        return cls(connection, lanes)

    def __init__(self, connection: asyncpg.Connection, lanes: int) -> None:
        self._connection = connection
        self.lost = asyncio.Event()
        """Set as soon as the connection is known to be closed: its locks are gone."""
        connection.add_termination_listener(lambda _: self.lost.set())
        self._lanes = lanes
        self._held: list[int] = []
        self._layout_is_ours = False
        self._asked_at = float("-inf")

    async def take_lanes(self) -> bool:
        """Tries to lock the lanes that it does not hold, at most every LOCK_SECONDS. Returns whether it holds any."""
        now = time.monotonic()
        if len(self._held) < self._lanes and now - self._asked_at >= LOCK_SECONDS:
            self._asked_at = now
            if self._layout_is_ours or await self._agree_on_layout():
                missing = sorted(set(range(self._lanes)) - set(self._held))
                taken = [row["lane"] for row in await self._connection.fetch(_TAKE_LANES, _LANE_LOCKS, missing)]
                self._held += taken
                if taken:
                    log.info("relay_holds_lanes", lanes=len(self._held), of=self._lanes)
        return bool(self._held)

    async def _agree_on_layout(self) -> bool:
        """Whether all other relays use the same number of lanes. One of another release may not."""
        await self._connection.execute(_TAKE_LAYOUT, _LAYOUT_LOCKS, self._lanes)
        if await self._connection.fetchval(_OTHER_LAYOUTS, _LAYOUT_LOCKS, self._lanes):
            await self._connection.execute("SELECT pg_advisory_unlock_shared($1, $2)", _LAYOUT_LOCKS, self._lanes)
            return False
        self._layout_is_ours = True
        return True

    async def read(
        self, withheld: Sequence[str], limit: int, *, besides: Sequence[asyncpg.Record] = ()
    ) -> list[asyncpg.Record]:
        """The oldest records, without those of `besides`, which were read before.

        It does not simply go on after the last number: a transaction that commits late has lower ones.
        """
        read = [row["seq"] for row in besides]
        newest = max(read, default=0)
        rows: list[asyncpg.Record] = await self._connection.fetch(
            _READ, self._lanes, self._held, withheld, newest, read, limit
        )
        return rows

    async def delete(self, rows: Iterable[asyncpg.Record]) -> None:
        await self._connection.execute(_DELETE, [row["seq"] for row in rows])

    async def check(self) -> None:
        """Raises what the driver raises where the connection is closed."""
        await self._connection.fetchval("SELECT 1")
