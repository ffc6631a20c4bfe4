"""Series and their dates: rows in and out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from booking.domain.appointments import DETAILS, Appointment
from booking.domain.errors import AlreadyExistsError, IdTakenError, WorkFailure
from booking.domain.series import Occurrence, OnConflict, Series, SeriesDate
from booking.storage.appointments import AppointmentStore
from booking.storage.failures import PutOff, failure_of
from booking.storage.tables import series as table
from slotstream_scheduling.recurrence import Frequency, NthWeekday, Recurrence, ShortMonths
from slotstream_scheduling.wallclock import LocalKind
from slotstream_servicekit.context import Actor
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import NotFoundError, Reason
from slotstream_servicekit.rows import named_columns

_READ: Final = named_columns(table)
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
    "calendar_uid",
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
    "failure_code",
    "failed_at",
)
_PLACES = ", ".join(f"${n + 1}" for n in range(len(_COLUMNS)))
_ADD = f"INSERT INTO series ({', '.join(_COLUMNS)}) VALUES ({_PLACES}) ON CONFLICT DO NOTHING RETURNING 1"
_SAVE = f"UPDATE series SET ({', '.join(_COLUMNS)}) = ({_PLACES}) WHERE organization_id = $1 AND id = $2"
_put_off: Final = PutOff("series", due="extend_at", only="extend_at < $3 AND status = 'active'")


@dataclass(frozen=True, slots=True)
class SeriesStore:
    """The series of one organization with their dates, within the transaction of `connection`."""

    connection: Connection
    organization_id: UUID

    async def add(self, series: Series) -> None:
        """Raises AlreadyExistsError, and IdTakenError where another organization uses the id."""
        if await self.connection.fetchval(_ADD, *_values(series)) is None:
            own = await self.connection.fetchval(
                "SELECT 1 FROM series WHERE organization_id = $1 AND id = $2", self.organization_id, series.id
            )
            raise AlreadyExistsError(f"There is a series {series.id} already.") if own else IdTakenError

    async def save(self, series: Series) -> None:
        await self.connection.execute(_SAVE, *_values(series))

    async def get(self, series_id: UUID, *, lock: bool = False) -> Series:
        """Locked until the transaction ends, where asked for. Raises NotFoundError."""
        row = await self.connection.fetchrow(
            f"SELECT {_READ} FROM series WHERE organization_id = $1 AND id = $2 {'FOR UPDATE' if lock else ''}",
            self.organization_id,
            series_id,
        )
        if row is None:
            raise NotFoundError(f"There is no series {series_id}.")
        return _series_of(row)

    async def page(
        self,
        *,
        business_id: UUID | None,
        client_id: UUID | None,
        status: str | None,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[Series]:
        """Newest first."""
        rows = await self.connection.fetch(
            f"""
            SELECT {_READ} FROM series WHERE organization_id = $1
              AND ($2::uuid IS NULL OR business_id = $2) AND ($3::uuid IS NULL OR client_id = $3)
              AND ($4::text IS NULL OR status = $4)
              AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6::uuid))
            ORDER BY created_at DESC, id DESC LIMIT $7
            """,
            self.organization_id,
            business_id,
            client_id,
            status,
            *(after or (None, None)),
            limit,
        )
        return [_series_of(row) for row in rows]

    async def recurs_at(self, appointments: Sequence[Appointment]) -> dict[UUID, datetime]:
        """By appointment, when its series' rule has the date, of those whose entry in calendars is the series'."""
        chains = {item.calendar_uid: item for item in appointments if item.series_calendar_uid is not None}
        if not chains:
            return {}
        rows = await self.connection.fetch(
            """
            SELECT a.calendar_uid, o.starts_at FROM series_occurrences AS o
            JOIN appointments AS a ON a.organization_id = o.organization_id AND a.id = o.appointment_id
            WHERE o.organization_id = $1 AND o.series_id = ANY ($2::uuid[]) AND a.calendar_uid = ANY ($3::text[])
            """,
            self.organization_id,
            list({item.series_id for item in chains.values()}),
            list(chains),
        )
        return {
            item.id: row["starts_at"]
            for row in rows
            for item in appointments
            if item.calendar_uid == row["calendar_uid"]
        }

    async def replace_dates(
        self, series_id: UUID, dates: Sequence[SeriesDate], *, not_before: date | None = None
    ) -> None:
        """The dates from `not_before` on; without it they are added to those there are."""
        if not_before is not None:
            await self.connection.execute(
                "DELETE FROM series_occurrences WHERE organization_id = $1 AND series_id = $2 AND occurs_on >= $3",
                self.organization_id,
                series_id,
                not_before,
            )
        await self.connection.execute(
            """
            INSERT INTO series_occurrences (organization_id, series_id, occurs_on, starts_at, clock, outcome,
                                            appointment_id, reasons)
            SELECT $1, $2, r.occurs_on, r.starts_at, r.clock, r.outcome, r.appointment_id, r.reasons::jsonb
            FROM unnest($3::date[], $4::timestamptz[], $5::text[], $6::text[], $7::uuid[], $8::text[])
                 AS r(occurs_on, starts_at, clock, outcome, appointment_id, reasons)
            """,
            self.organization_id,
            series_id,
            [date_of_series.occurs_on for date_of_series in dates],
            [date_of_series.starts_at for date_of_series in dates],
            [str(date_of_series.clock) for date_of_series in dates],
            [date_of_series.outcome for date_of_series in dates],
            [date_of_series.appointment_id for date_of_series in dates],
            [_reasons_json(date_of_series.reasons) for date_of_series in dates],
        )

    async def occurrences(
        self,
        series_id: UUID,
        *,
        not_before: date | None = None,
        lock: bool = False,
    ) -> list[Occurrence]:
        """The dates in order, each with its appointment as it is by now: the last of its reschedulings."""
        rows = await self.connection.fetch(
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
            self.organization_id,
            series_id,
            not_before,
        )
        latest = [row["latest"] for row in rows if row["latest"]]
        known = await AppointmentStore(self.connection, self.organization_id).get_all(latest, lock=lock)
        return [Occurrence(_date_of(row), known.get(row["latest"])) for row in rows]

    async def put_off(self, series_id: UUID, *, until: datetime, failure: WorkFailure) -> None:
        await _put_off(self.connection, self.organization_id, series_id, until=until, failure=failure)


async def next_to_extend(connection: Connection, *, now: datetime) -> tuple[UUID, UUID] | None:
    """Organization and id of a series whose horizon has moved on, for this worker alone until its transaction ends."""
    row = await connection.fetchrow(
        """
        SELECT organization_id, id FROM series WHERE extend_at <= $1 AND status = 'active'
        ORDER BY extend_at LIMIT 1 FOR UPDATE SKIP LOCKED
        """,
        now,
    )
    return None if row is None else (row["organization_id"], row["id"])


def _values(series: Series) -> list[Any]:
    special = {
        "organization_id": series.organization_id,
        "id": series.id,
        "resource_ids": None if series.resource_ids is None else list(series.resource_ids),
        "rule": orjson.dumps(_rule_json(series.rule) | {"second_pass": bool(series.first.fold)}).decode(),
        "first_local": series.first,
        "until_on": series.rule.until,
        "actor_type": series.creator.type,
        "actor_id": series.creator.id,
        "call_id": series.creator.call_id,
        "failure_code": series.last_failure and series.last_failure.code,
        "failed_at": series.last_failure and series.last_failure.failed_at,
    }
    return [special[name] if name in special else getattr(series, name) for name in _COLUMNS]


def _series_of(row: asyncpg.Record) -> Series:
    values = {name: row[name] for name in _PLAIN}
    values["on_conflict"] = OnConflict(values["on_conflict"])
    return Series(
        **values,
        id=row["id"],
        organization_id=row["organization_id"],
        resource_ids=None if row["resource_ids"] is None else tuple(row["resource_ids"]),
        rule=_rule_of(row["rule"], until=row["until_on"]),
        first=row["first_local"].replace(fold=int(row["rule"].get("second_pass", False))),
        creator=Actor(type=row["actor_type"], id=row["actor_id"], call_id=row["call_id"]),
        last_failure=failure_of(row),
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


def _date_of(row: asyncpg.Record) -> SeriesDate:
    return SeriesDate(
        occurs_on=row["occurs_on"],
        starts_at=row["starts_at"],
        clock=LocalKind(row["clock"]),
        outcome=row["outcome"],
        appointment_id=row["appointment_id"],
        reasons=tuple(
            Reason(reason["code"], reason["detail"], tuple(reason["conflicts_with"])) for reason in row["reasons"]
        ),
    )


def _reasons_json(reasons: Sequence[Reason]) -> str:
    return orjson.dumps(list(reasons)).decode()
