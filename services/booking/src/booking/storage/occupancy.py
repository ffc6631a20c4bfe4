"""Whose time is taken, by whom: reading it, taking it and giving it back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from booking.domain.calendars import Calendars, Held
from booking.domain.seating import Seat, new_session
from booking.storage.functions import overlapping
from booking.storage.policies import StalePolicyError
from slotstream_scheduling.rules import Busy, Taken
from slotstream_scheduling.spans import to_epoch, to_epoch_up
from slotstream_servicekit.database import Connection, tenant_transaction
from slotstream_servicekit.locks import LockClass

FORCED_SEATS = 1_000_000
"""Seats from here on belong to overrides and to rows that one has drawn into its session."""
_FORCED_SEATS_BY_ID = 1_000_000_000
_TAKEN = "SELECT * FROM taken_time($1, $2, $3, $4)"
_DRAW_IN = "SELECT draw_into_session($1, $2, $3, $4, $5)"
_LAST_TAKEN = """
SELECT q.resource_id, (SELECT max(taken_at) FROM occupancy o
                       WHERE o.organization_id = $1 AND o.resource_id = q.resource_id) AS taken_at
FROM unnest((SELECT $2::uuid[])) AS q(resource_id)
"""


@dataclass(frozen=True, slots=True)
class Window:
    """A resource and the time in question."""

    resource_id: UUID
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A seat beside others, and the appointments and holds it overlaps."""

    seat: Seat
    beside: tuple[UUID, ...] = ()


def forced_seat(holder_id: UUID) -> int:
    """A seat for an override that has not counted the others: far from theirs, by its id."""
    return FORCED_SEATS + 1 + holder_id.int % _FORCED_SEATS_BY_ID


@dataclass(frozen=True, slots=True)
class OccupancyStore:
    """Whose time one organization's appointments and holds take, within the transaction of `connection`."""

    connection: Connection
    organization_id: UUID

    async def calendars(self, windows: Sequence[Window], *, with_turns: bool = False) -> Calendars:
        """What takes the resources' time in their windows: unexpired occupancy and external busy time.

        Binds the tenant itself where the connection is in no transaction.
        """
        calendars = Calendars()
        if not windows:
            return calendars
        resource_ids = [window.resource_id for window in windows]
        begins, ends = [window.begins for window in windows], [window.ends for window in windows]
        for row in await self.connection.fetch(_TAKEN, self.organization_id, resource_ids, begins, ends):
            if row["session_id"] is None:
                calendars.add_busy(row["resource_id"], _busy(row))
            else:
                held = Held(taken=_taken(row), session_id=row["session_id"], seat=row["seat"])
                calendars.add(row["resource_id"], held)
        if with_turns:
            await self._note_turns(calendars, set(resource_ids))
        return calendars

    async def _note_turns(self, calendars: Calendars, resource_ids: Collection[UUID]) -> None:
        async with tenant_transaction(self.connection, self.organization_id):
            rows = await self.connection.fetch(_LAST_TAKEN, self.organization_id, sorted(resource_ids))
        for row in rows:
            if row["taken_at"] is not None:
                calendars.take_turn(row["resource_id"], int(row["taken_at"].timestamp() * 1_000_000))

    async def drop_expired_holds(self, windows: Sequence[Window]) -> int:
        """Removes holds that have expired from these windows: they count no more, and stand in the index only."""
        async with tenant_transaction(self.connection, self.organization_id):
            gone = await self.connection.fetch(
                """
                DELETE FROM occupancy o
                USING unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) AS q(resource_id, begins, ends)
                WHERE o.organization_id = $1 AND o.resource_id = q.resource_id
                  AND o.blocked && tstzrange(q.begins, q.ends) AND o.expires_at <= clock_timestamp()
                RETURNING 1
                """,
                self.organization_id,
                [window.resource_id for window in windows],
                [window.begins for window in windows],
                [window.ends for window in windows],
            )
        return len(gone)

    async def take(
        self,
        *,
        policy_version: int,
        holder_id: UUID,
        blocked: tuple[datetime, datetime],
        takes: Sequence[Seat],
        expires_at: datetime | None = None,
        forced: bool = False,
    ) -> bool:
        """Takes all of the resources' time or none of it; whether it was free. Waits for whoever is just taking it.

        Raises StalePolicyError where the policy is not of `policy_version` any more.
        """
        ordered = sorted(takes, key=lambda take: take.resource_id)
        taken = await self.connection.fetchrow(
            """
            WITH policy AS MATERIALIZED (
                SELECT FROM organizations WHERE organization_id = $1 AND policy_version = $10
            ), taken AS (
                INSERT INTO occupancy (organization_id, resource_id, session_id, seat, blocked, holder_id, forced,
                                       expires_at)
                SELECT $1, t.resource_id, t.session_id, t.seat, tstzrange($2, $3), $4, $5, $6
                FROM policy, unnest($7::uuid[], $8::uuid[], $9::int[]) WITH ORDINALITY
                             AS t(resource_id, session_id, seat, n)
                ORDER BY t.n
                ON CONFLICT DO NOTHING RETURNING resource_id
            )
            SELECT EXISTS (SELECT FROM policy) AS is_current, ARRAY(SELECT resource_id FROM taken) AS resource_ids
            """,
            self.organization_id,
            *blocked,
            holder_id,
            forced,
            expires_at,
            [take.resource_id for take in ordered],
            [take.session_id for take in ordered],
            [take.seat for take in ordered],
            policy_version,
        )
        if taken is None or not taken["is_current"]:
            raise StalePolicyError
        if len(taken["resource_ids"]) == len(ordered):
            return True
        await self.free(holder_id, resource_ids=taken["resource_ids"])
        return False

    async def free(self, holder_id: UUID, *, resource_ids: Sequence[UUID] | None = None) -> None:
        """Gives back what an appointment or hold takes, of all its resources or of some."""
        await self._free([holder_id], None if resource_ids is None else list(resource_ids))

    async def free_all(self, holder_ids: Sequence[UUID]) -> None:
        """Gives back what several appointments take."""
        await self._free(list(holder_ids), None)

    async def _free(self, holder_ids: list[UUID], resource_ids: list[UUID] | None) -> None:
        await self.connection.execute(
            "SELECT free_time($1, $2, $3, false)", self.organization_id, holder_ids, resource_ids
        )

    async def free_hold(self, hold_id: UUID, resource_ids: Sequence[UUID], *, forced: bool = False) -> None:
        """Gives back what a hold keeps: what expires, so never the time of an appointment that bears the same id.

        Entries of its resources are locked, for an override where something is to be `forced` in its place.
        """
        await self.connection.execute(
            "SELECT free_held_time($1, $2, $3, $4)", self.organization_id, hold_id, list(resource_ids), forced
        )

    async def takes_of(self, holder_id: UUID) -> tuple[tuple[Seat, bool], ...]:
        """What a holder takes, and for each whether another holder shares its session."""
        rows = await self.connection.fetch(
            """
            SELECT o.resource_id, o.session_id, o.seat, EXISTS (
                SELECT FROM occupancy s WHERE s.organization_id = $1 AND s.resource_id = o.resource_id
                  AND s.session_id = o.session_id AND s.holder_id <> o.holder_id) AS shared
            FROM occupancy o WHERE o.organization_id = $1 AND o.holder_id = $2
            """,
            self.organization_id,
            holder_id,
        )
        return tuple(
            (Seat(resource_id=row["resource_id"], session_id=row["session_id"], seat=row["seat"]), row["shared"])
            for row in rows
        )

    async def lock_entries(self, resources: Mapping[UUID, bool]) -> None:
        """Keeps others from entering sessions of these resources until the transaction ends.

        By resource, whether an override wants to enter: then nobody else may, otherwise only overrides may not. To be
        taken before anything is looked at, taken or given up: whoever holds it waits for those who have.
        """
        if resources:
            await self.connection.execute(
                "SELECT lock_session_entries($1, $2)", list(resources), list(resources.values())
            )

    async def take_turns(self) -> None:
        """Makes an organization's moves that give up time first follow each other, until the transaction ends.

        Two that swap times would each wait for the other to make up its mind about the time that it gave up.
        """
        await self.connection.execute(
            f"SELECT pg_advisory_xact_lock({LockClass.SERIES_MOVE:d}, hashtext($1::text))", str(self.organization_id)
        )

    async def open_session(
        self,
        *,
        resource_id: UUID,
        blocked: tuple[datetime, datetime],
        own: UUID,
    ) -> Opened:
        """Makes room for an override: what it overlaps becomes one session, which it can join.

        Sessions are drawn in whole, since their rows may overlap each other. The session of most rows keeps its id
        and its seats, so that a group goes on filling up; the others get seats of their own above FORCED_SEATS.
        """
        touching = overlapping(organization="$1", resource="$2", begins="$3::timestamptz", ends="$4::timestamptz")
        rows = await self.connection.fetch(
            f"""
            WITH touched AS (SELECT DISTINCT session_id FROM {touching} AS o)
            SELECT o.session_id, o.seat, o.holder_id, o.blocked && tstzrange($3, $4) AS beside
            FROM occupancy o JOIN touched USING (session_id)
            WHERE o.organization_id = $1 AND o.resource_id = $2 ORDER BY o.session_id, o.seat FOR UPDATE OF o
            """,
            self.organization_id,
            resource_id,
            *blocked,
        )
        if not rows:
            return Opened(new_session(resource_id))
        sessions = [row["session_id"] for row in rows]
        kept = max(sorted(set(sessions)), key=sessions.count)
        next_seat = max([FORCED_SEATS, *(row["seat"] + 1 for row in rows)])
        moved = [row for row in rows if row["session_id"] != kept]
        if moved:
            await self.connection.execute(
                _DRAW_IN,
                self.organization_id,
                resource_id,
                kept,
                sorted({row["session_id"] for row in moved}),
                next_seat,
            )
        return Opened(
            Seat(resource_id=resource_id, session_id=kept, seat=next_seat + len(moved)),
            tuple(row["holder_id"] for row in rows if row["beside"] and row["holder_id"] != own),
        )


def _taken(row: asyncpg.Record) -> Taken:
    return Taken(
        id=str(row["holder_id"]),
        blocked_from=to_epoch(row["blocked_from"]),
        blocked_to=to_epoch_up(row["blocked_to"]),
        starts_at=to_epoch(row["starts_at"] or row["blocked_from"]),
        ends_at=to_epoch(row["ends_at"] or row["blocked_to"]),
        service_id=str(row["service_id"]) if row["service_id"] else None,
    )


def _busy(row: asyncpg.Record) -> Busy:
    return Busy(str(row["holder_id"]), to_epoch(row["blocked_from"]), to_epoch_up(row["blocked_to"]))
