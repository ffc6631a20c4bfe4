"""Series and their dates: rows in and out."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from booking.domain.appointments import DETAILS
from booking.domain.errors import AlreadyExistsError, IdTakenError
from booking.domain.series import Occurrence, OnConflict, Series, SeriesDate
from booking.storage.appointments import read_appointments
from slotstream_scheduling.recurrence import Frequency, NthWeekday, Recurrence, ShortMonths
from slotstream_scheduling.wallclock import LocalKind
from slotstream_servicekit.context import Actor
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import NotFoundError, Reason

_PLAIN = (
    "status",
    "business_id",
    "zone",
    "client_id",
    "service_id",
    "service_name",
    "duration_minutes",
    *DETAILS,
    "on_conflict",
    "override_reason",
    "extended_to",
    "extend_at",
    "created_at",
    "updated_at",
    "version",
)
_COLUMNS = (
    "organization_id",
    "id",
    *_PLAIN,
    "resource_ids",
    "rule",
    "first_local",
    "until_on",
    "actor_type",
    "actor_id",
    "call_id",
)
_PLACES = ", ".join(f"${n + 1}" for n in range(len(_COLUMNS)))
_ADD = f"INSERT INTO series ({', '.join(_COLUMNS)}) VALUES ({_PLACES}) ON CONFLICT DO NOTHING RETURNING 1"
_SAVE = f"UPDATE series SET ({', '.join(_COLUMNS)}) = ({_PLACES}) WHERE organization_id = $1 AND id = $2"


async def add_series(connection: Connection, one: Series) -> None:
    if await connection.fetchval(_ADD, *_values(one)) is None:
        own = await connection.fetchval(
            "SELECT 1 FROM series WHERE organization_id = $1 AND id = $2", one.organization_id, one.id
        )
        raise AlreadyExistsError(f"There is a series {one.id} already.") if own else IdTakenError


async def save_series(connection: Connection, one: Series) -> None:
    await connection.execute(_SAVE, *_values(one))


def _values(one: Series) -> list[Any]:
    special = {
        "organization_id": one.organization_id,
        "id": one.id,
        "resource_ids": None if one.resource_ids is None else list(one.resource_ids),
        "rule": orjson.dumps(_rule_json(one.rule)).decode(),
        "first_local": one.first,
        "until_on": one.rule.until,
        "actor_type": one.creator.type,
        "actor_id": one.creator.id,
        "call_id": one.creator.call_id,
    }
    return [special[name] if name in special else getattr(one, name) for name in _COLUMNS]


def series_of(row: Any) -> Series:
    values = {name: row[name] for name in _PLAIN}
    values["on_conflict"] = OnConflict(values["on_conflict"])
    return Series(
        **values,
        id=row["id"],
        organization_id=row["organization_id"],
        resource_ids=None if row["resource_ids"] is None else tuple(row["resource_ids"]),
        rule=_rule_of(row["rule"], until=row["until_on"]),
        first=row["first_local"],
        creator=Actor(type=row["actor_type"], id=row["actor_id"], call_id=row["call_id"]),
    )


def _rule_json(rule: Recurrence) -> dict[str, Any]:
    nth = rule.nth_weekday
    return {
        "freq": rule.freq,
        "interval": rule.interval,
        "weekdays": sorted(rule.weekdays),
        "month_day": rule.month_day,
        "short_months": rule.short_months,
        "nth_weekday": nth and [nth.nth, nth.weekday],
    }


def _rule_of(said: dict[str, Any], *, until: date | None) -> Recurrence:
    nth = said["nth_weekday"]
    return Recurrence(
        freq=Frequency(said["freq"]),
        interval=said["interval"],
        weekdays=frozenset(said["weekdays"]),
        month_day=said["month_day"],
        short_months=ShortMonths(said["short_months"]),
        nth_weekday=NthWeekday(*nth) if nth else None,
        until=until,
    )


async def read_series(connection: Connection, organization_id: UUID, series_id: UUID, *, lock: bool = False) -> Series:
    row = await connection.fetchrow(
        f"SELECT * FROM series WHERE organization_id = $1 AND id = $2 {'FOR UPDATE' if lock else ''}",
        organization_id,
        series_id,
    )
    if row is None:
        raise NotFoundError(f"There is no series {series_id}.")
    return series_of(row)


async def list_series(
    connection: Connection,
    organization_id: UUID,
    *,
    business_id: UUID | None,
    client_id: UUID | None,
    status: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Series]:
    """Newest first."""
    rows = await connection.fetch(
        """
        SELECT * FROM series WHERE organization_id = $1
          AND ($2::uuid IS NULL OR business_id = $2) AND ($3::uuid IS NULL OR client_id = $3)
          AND ($4::text IS NULL OR status = $4)
          AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $7
        """,
        organization_id,
        business_id,
        client_id,
        status,
        *(after or (None, None)),
        limit,
    )
    return [series_of(row) for row in rows]


async def next_to_extend(connection: Connection, *, now: datetime) -> Series | None:
    """A series whose horizon has moved on, for this worker alone until its transaction ends."""
    row = await connection.fetchrow(
        """
        SELECT * FROM series WHERE extend_at <= $1 AND status = 'active'
        ORDER BY extend_at LIMIT 1 FOR UPDATE SKIP LOCKED
        """,
        now,
    )
    return None if row is None else series_of(row)


async def replace_dates(
    connection: Connection, one: Series, dates: Sequence[SeriesDate], *, not_before: date | None = None
) -> None:
    """The dates from `not_before` on; without it they are added to those there are."""
    if not_before is not None:
        await connection.execute(
            "DELETE FROM series_occurrences WHERE organization_id = $1 AND series_id = $2 AND occurs_on >= $3",
            one.organization_id,
            one.id,
            not_before,
        )
    await connection.execute(
        """
        INSERT INTO series_occurrences (organization_id, series_id, occurs_on, starts_at, clock, outcome,
                                        appointment_id, reasons)
        SELECT $1, $2, r.occurs_on, r.starts_at, r.clock, r.outcome, r.appointment_id, r.reasons::jsonb
        FROM unnest($3::date[], $4::timestamptz[], $5::text[], $6::text[], $7::uuid[], $8::text[])
             AS r(occurs_on, starts_at, clock, outcome, appointment_id, reasons)
        """,
        one.organization_id,
        one.id,
        [each.occurs_on for each in dates],
        [each.starts_at for each in dates],
        [str(each.clock) for each in dates],
        [each.outcome for each in dates],
        [each.appointment_id for each in dates],
        [orjson.dumps([_reason_json(reason) for reason in each.reasons]).decode() for each in dates],
    )


async def read_occurrences(
    connection: Connection,
    organization_id: UUID,
    series_id: UUID,
    *,
    not_before: date | None = None,
    lock: bool = False,
) -> list[Occurrence]:
    """The dates in order, each with its appointment as it is by now: the last of its reschedulings."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE chain AS (
            SELECT o.occurs_on, o.appointment_id AS id, 0 AS moves FROM series_occurrences o
            WHERE o.organization_id = $1 AND o.series_id = $2 AND ($3::date IS NULL OR o.occurs_on >= $3)
              AND o.appointment_id IS NOT NULL
            UNION ALL
            SELECT c.occurs_on, a.rescheduled_to, c.moves + 1 FROM chain c
            JOIN appointments a ON a.organization_id = $1 AND a.id = c.id WHERE a.rescheduled_to IS NOT NULL
        )
        SELECT o.occurs_on, o.starts_at, o.clock, o.outcome, o.appointment_id, o.reasons, l.id AS latest
        FROM series_occurrences o
        LEFT JOIN (SELECT DISTINCT ON (occurs_on) occurs_on, id FROM chain ORDER BY occurs_on, moves DESC) l
             USING (occurs_on)
        WHERE o.organization_id = $1 AND o.series_id = $2 AND ($3::date IS NULL OR o.occurs_on >= $3)
        ORDER BY o.occurs_on
        """,
        organization_id,
        series_id,
        not_before,
    )
    latest = [row["latest"] for row in rows if row["latest"]]
    known = await read_appointments(connection, organization_id=organization_id, ids=latest, lock=lock)
    return [Occurrence(_date_of(row), known.get(row["latest"])) for row in rows]


def _date_of(row: Any) -> SeriesDate:
    return SeriesDate(
        occurs_on=row["occurs_on"],
        starts_at=row["starts_at"],
        clock=LocalKind(row["clock"]),
        outcome=row["outcome"],
        appointment_id=row["appointment_id"],
        reasons=tuple(Reason(each["code"], each["detail"], tuple(each["conflicts_with"])) for each in row["reasons"]),
    )


def _reason_json(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "detail": reason.detail, "conflicts_with": list(reason.conflicts_with)}
