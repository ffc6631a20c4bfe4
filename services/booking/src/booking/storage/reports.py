"""Aggregates over appointments: one statement per report, over the range's part of the index on starts.

A rescheduled appointment is left out everywhere: its successor counts. An archived one counts: it happened.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.reports import FollowUp, NoShows, Range, Revenue, Volume
from booking.storage.connections import connection_of
from booking.storage.tables.appointments import LASTS_LONG
from slotstream_scheduling import zone_of

Line = dict[str, Any]
"""One line of a report before it has its type."""

_RESOURCES = """
JOIN appointment_resources ar ON ar.organization_id = a.organization_id AND ar.appointment_id = a.id
"""
_PLANNING = "SET LOCAL parallel_tuple_cost = 0.01"
"""The planner does not know what row-level security costs by row, and takes the workers' shares for too dear."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """How rows are put together: the expression, what it needs joined, which groups count, and where names are.

    Ids are grouped as ids and looked up by group, not by row: a join of few groups is cheap and well estimated.
    """

    key: str
    joins: str = ""
    among: str = "true"
    name: str = "NULL"


GROUPINGS: Mapping[str, Grouping] = {
    "client": Grouping(
        "a.client_id",
        name="(SELECT c.name FROM clients c WHERE c.organization_id = $1 AND c.id = g.key)",
    ),
    "service": Grouping(
        "coalesce(a.service_id::text, a.service_name)",
        name="coalesce((SELECT s.name FROM services s WHERE s.organization_id = $1 AND s.id::text = g.key), g.key)",
    ),
    "staff": Grouping(
        "ar.resource_id",
        joins=_RESOURCES,
        among="key IN (SELECT r.id FROM resources r WHERE r.organization_id = $1 AND r.kind = 'staff')",
        name="(SELECT r.name FROM resources r WHERE r.organization_id = $1 AND r.id = g.key)",
    ),
    "business": Grouping(
        "a.business_id",
        name="(SELECT b.name FROM businesses b WHERE b.organization_id = $1 AND b.id = g.key)",
    ),
    "source": Grouping("a.source"),
}
CLOCK_GROUPINGS: Mapping[str, Callable[[datetime], str]] = {
    "weekday": lambda local: str(local.weekday()),
    "hour": lambda local: str(local.hour),
    "weekday_hour": lambda local: f"{local.weekday()}-{local.hour:02}",
    "day": lambda local: local.date().isoformat(),
    "month": lambda local: f"{local:%Y-%m}",
}
"""Read from the clock of the appointment's business, by the pinned zone rules and not the database's. 0 is Monday."""
_HOURS_OF_A_WEEK = 7 * 24


_WITHIN = """
a.organization_id = $1 AND a.starts_at >= $2 AND a.starts_at < $3 AND ($4::uuid[] IS NULL OR a.business_id = ANY($4))
AND a.status <> 'rescheduled'
"""
_NO_SHOWS = """
count(*) FILTER (WHERE a.status = 'no_show') AS no_shows,
count(*) FILTER (WHERE a.status = 'completed') AS completed
"""
_VOLUME = """
count(*) AS appointments,
count(*) FILTER (WHERE a.status = 'completed') AS completed,
count(*) FILTER (WHERE a.status = 'cancelled') AS cancelled,
count(*) FILTER (WHERE a.status = 'no_show') AS no_shows
"""
_REVENUE = """
sum(coalesce(a.actual_amount, a.quoted_amount)) FILTER (WHERE a.status = 'completed') AS earned,
sum(a.quoted_amount) FILTER (WHERE a.status IN ('scheduled', 'confirmed')) AS expected,
sum(a.quoted_amount) FILTER (WHERE a.status IN ('cancelled', 'no_show')) AS lost
"""
_CURRENCY = "coalesce(a.actual_currency, a.quoted_currency)"
_CAME_TO_NOTHING = "('no_show', 'cancelled', 'dismissed')"
_FOLLOW_UPS = f"""
WITH latest AS (
    SELECT t.client_id, t.starts_at, c.name, c.phone, c.email
    FROM (
        SELECT a.client_id, max(a.starts_at) FILTER (WHERE a.status IN {_CAME_TO_NOTHING}) AS starts_at,
               max(a.starts_at) FILTER (WHERE a.status NOT IN {_CAME_TO_NOTHING}) AS came_to_something_at
        FROM appointments a WHERE {_WITHIN} GROUP BY a.client_id
    ) AS t JOIN clients c ON c.organization_id = $1 AND c.id = t.client_id AND NOT c.erased AND NOT c.archived
    WHERE t.starts_at > coalesce(t.came_to_something_at, '-infinity') AND NOT EXISTS (
        SELECT FROM appointments n
        WHERE n.organization_id = $1 AND n.client_id = t.client_id AND n.starts_at > t.starts_at
          AND n.status IN ('pending', 'scheduled', 'confirmed', 'completed'))
    ORDER BY t.starts_at DESC, t.client_id LIMIT $5
)
SELECT l.client_id, l.name, l.phone, l.email, a.id AS appointment_id, a.status, a.starts_at, a.zone, a.service_name
FROM latest l CROSS JOIN LATERAL (
    SELECT a.* FROM appointments a
    WHERE {_WITHIN} AND a.client_id = l.client_id AND a.starts_at = l.starts_at AND a.status IN {_CAME_TO_NOTHING}
    ORDER BY a.id LIMIT 1
) AS a
ORDER BY l.starts_at DESC, l.client_id
"""
# What reaches beyond all that began before it counts, and nothing twice. Workers sort, where OFFSET 0 keeps the step.
_OCCUPIED = f"""
SELECT e.resource_id, extract(epoch FROM sum(e.ends_at - greatest(e.starts_at, e.taken_until)))::bigint AS seconds
FROM (
    SELECT o.*, max(o.ends_at) OVER (
        PARTITION BY o.resource_id ORDER BY o.starts_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS taken_until
    FROM (
        SELECT ar.resource_id, greatest(a.starts_at, $2) AS starts_at, least(a.ends_at, $3) AS ends_at
        FROM (
            SELECT * FROM appointments
            WHERE organization_id = $1 AND starts_at >= $2::timestamptz - interval '7 days' AND starts_at < $3
              AND ends_at > $2
            UNION ALL
            SELECT * FROM appointments
            WHERE organization_id = $1 AND starts_at < $2::timestamptz - interval '7 days' AND ends_at > $2
              AND {LASTS_LONG}
        ) AS a {_RESOURCES}
        WHERE ($4::uuid[] IS NULL OR a.business_id = ANY($4))
          AND a.status IN ('scheduled', 'confirmed', 'completed', 'no_show')
        ORDER BY 1, 2 OFFSET 0
    ) AS o
) AS e WHERE e.taken_until IS NULL OR e.ends_at > e.taken_until GROUP BY e.resource_id
"""


class ReportStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def no_shows(self, span: Range, *, by: str, limit: int) -> list[NoShows]:
        """Most no-shows first."""
        lines = await self._grouped(span, by=by, figures=_NO_SHOWS, order=("no_shows", "completed"), limit=limit)
        return [NoShows(**line) for line in lines]

    async def volume(self, span: Range, *, by: str, limit: int) -> list[Volume]:
        """Most appointments first."""
        lines = await self._grouped(span, by=by, figures=_VOLUME, order=("appointments",), limit=limit)
        return [Volume(**line) for line in lines]

    async def revenue(self, span: Range, *, by: str, limit: int) -> list[Revenue]:
        """Most earned first, each currency by itself. What has no price is left out."""
        lines = await self._grouped(
            span, by=by, figures=_REVENUE, order=("earned", "lost"), limit=limit, currency=_CURRENCY
        )
        zeros = {"earned": Decimal(0), "expected": Decimal(0), "lost": Decimal(0)}
        return [Revenue(**zeros | {name: value for name, value in line.items() if value is not None}) for line in lines]

    async def follow_ups(self, span: Range, *, limit: int) -> list[FollowUp]:
        """Clients whose last appointment of the range came to nothing and who have had, or booked, none since."""
        rows = await self._fetch(_FOLLOW_UPS, *_values(span), limit)
        return [FollowUp(**dict(row)) for row in rows]

    async def occupied(self, span: Range) -> dict[UUID, int]:
        """Seconds by resource that appointments took in the range, buffers left out; a group's seats count once."""
        rows = await self._fetch(_OCCUPIED, *_values(span))
        return {row["resource_id"]: row["seconds"] for row in rows}

    async def _fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        connection = await connection_of(self._session)
        await connection.execute(_PLANNING)
        rows: list[asyncpg.Record] = await connection.fetch(query, *values)
        return rows

    async def _grouped(
        self,
        span: Range,
        *,
        by: str,
        figures: str,
        order: Sequence[str],
        limit: int,
        currency: str | None = None,
    ) -> list[Line]:
        """Lines of key, name, currency where there is one, and the figures; most of `order` first."""
        column = f", {currency} AS currency" if currency else ""
        priced = f"AND {currency} IS NOT NULL" if currency else ""
        if by in CLOCK_GROUPINGS:
            # Every offset in use is of whole quarters of an hour, and clocks change between them.
            rows = await self._fetch(
                f"""
                SELECT a.zone, date_bin('15 minutes', a.starts_at, '2000-01-01Z') AS since {column}, {figures}
                FROM appointments a WHERE {_WITHIN} {priced} GROUP BY 1, 2 {", 3" if currency else ""}
                """,
                *_values(span),
            )
            # Three years have a hundred thousand quarters of an hour: other requests go on meanwhile.
            lines = await asyncio.to_thread(_by_the_clock, rows, CLOCK_GROUPINGS[by], order)
            # The cells of a week are told whole: a table with the emptiest ones left out would mislead.
            return lines[: max(limit, _HOURS_OF_A_WEEK) if by == "weekday_hour" else limit]
        grouping = GROUPINGS[by]
        ordered = ", ".join(f"{figure} DESC NULLS LAST" for figure in order)
        rows = await self._fetch(
            f"""
            SELECT g.*, {grouping.name} AS name FROM (
                SELECT * FROM (
                    SELECT {grouping.key} AS key {column}, {figures}
                    FROM appointments a {grouping.joins} WHERE {_WITHIN} {priced}
                    GROUP BY 1 {", 2" if currency else ""}
                ) AS every WHERE {grouping.among} ORDER BY {ordered}, key LIMIT $5
            ) AS g ORDER BY {ordered}, key
            """,
            *_values(span),
            limit,
        )
        return [dict(row) | {"key": str(row["key"])} for row in rows]


def _values(span: Range) -> tuple[object, ...]:
    """$1 to $4 of every report."""
    return span.organization_id, span.begins, span.ends, list(span.business_ids) if span.business_ids else None


def _by_the_clock(rows: Sequence[asyncpg.Record], read: Callable[[datetime], str], order: Sequence[str]) -> list[Line]:
    """Quarters of an hour put together by what the wall clock reads; most of `order` first."""
    lines: dict[tuple[str, str | None], Line] = {}
    for row in rows:
        figures = dict(row)
        key = read(figures.pop("since").astimezone(zone_of(figures.pop("zone"))))
        currency = figures.pop("currency", None)
        line = lines.setdefault((key, currency), {"key": key, "name": None})
        if currency:
            line["currency"] = currency
        for name, figure in figures.items():
            line[name] = line.get(name) if figure is None else figure + (line.get(name) or 0)
    return sorted(lines.values(), key=lambda line: (*(-(line[figure] or 0) for figure in order), line["key"]))
