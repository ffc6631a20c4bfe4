"""Applying what others say: set-based, by version, so that repeats and stragglers change nothing.

Triggers count every change up in `projection_versions` (see the migration), whoever makes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import Column, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from availability.storage import tables


class Versioned(Protocol):
    @property
    def organization_id(self) -> UUID: ...
    @property
    def version(self) -> int: ...


RowT = TypeVar("RowT", bound=Versioned)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessRow:
    organization_id: UUID
    id: UUID
    name: str
    zone: str
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    organization_id: UUID
    id: UUID
    name: str
    kind: str
    zone: str
    business_ids: Sequence[UUID]
    priority: int
    user_id: str | None
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    organization_id: UUID
    id: UUID
    business_id: UUID
    name: str
    duration_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    minimum_notice_minutes: int
    booking_window_days: int | None
    slot_interval_minutes: int
    capacity: int
    requires: Sequence[Sequence[UUID]]
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRow:
    organization_id: UUID
    id: UUID
    business_id: UUID
    service_id: UUID | None
    service_name: str
    status: str
    resource_ids: Sequence[UUID]
    starts_at: datetime
    ends_at: datetime
    blocked_from: datetime
    blocked_to: datetime
    occupies: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalBusyRow:
    key: str
    organization_id: UUID
    id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    version: int


async def apply_businesses(session: AsyncSession, rows: Iterable[BusinessRow]) -> None:
    await _apply(session, tables.businesses, {(row.organization_id, row.id): row for row in _rising(rows)})


async def apply_resources(session: AsyncSession, rows: Iterable[ResourceRow]) -> None:
    await _apply(session, tables.resources, {(row.organization_id, row.id): row for row in _rising(rows)})


async def apply_services(session: AsyncSession, rows: Iterable[ServiceRow]) -> None:
    await _apply(session, tables.services, {(row.organization_id, row.id): row for row in _rising(rows)})


async def apply_appointments(session: AsyncSession, rows: Iterable[AppointmentRow]) -> None:
    """The appointments, and by a second statement what they take of their resources.

    It is a statement of its own because its snapshot must come after the first has locked the appointments: a
    rebuild and a consumer may apply two versions of one at once.
    """
    newest = {(row.organization_id, row.id): row for row in _rising(rows)}
    await _apply(session, tables.appointments, newest)
    if newest:
        organizations, ids = zip(*newest, strict=True)
        await session.execute(_OCCUPY, {"organizations": list(organizations), "ids": list(ids)})


async def apply_external_busy(session: AsyncSession, rows: Iterable[ExternalBusyRow]) -> None:
    newest = {(row.organization_id, row.key): row for row in _rising(rows)}
    await _apply(session, tables.external_busy, newest)


async def forget_external_busy(session: AsyncSession, keys: Sequence[str]) -> None:
    """What a tombstone says: the external event is gone."""
    if keys:
        await session.execute(_FORGET, {"keys": list(keys)})


def _rising(rows: Iterable[RowT]) -> list[RowT]:
    """By version, so that a dict keeps the newest of each key."""
    return sorted(rows, key=lambda row: row.version)


async def _apply(session: AsyncSession, table: Table, newest: dict[Any, Any]) -> None:
    if newest:
        rows = orjson.dumps(list(newest.values())).decode()
        await session.execute(_UPSERTS[table.name], {"rows": rows})


def _upsert_of(table: Table) -> str:
    """Inserts or replaces rows whose version is not older; an equal one only renews `applied_at`.

    Rows come as one JSON array and are written in key order.
    """
    columns = [column for column in table.columns if column.name != "applied_at"]
    key = [column.name for column in table.primary_key.columns]
    names = ", ".join(column.name for column in columns)
    values = ", ".join(f"r.{column.name}" for column in columns)
    record = ", ".join(f"{column.name} {_json_type(column)}" for column in columns)
    changes = ", ".join(f"{column.name} = excluded.{column.name}" for column in columns if column.name not in key)
    return f"""
        INSERT INTO {table.name} AS t ({names}, applied_at)
        SELECT {values}, clock_timestamp() FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({record})
        ORDER BY {", ".join(key)}
        ON CONFLICT ({", ".join(key)}) DO UPDATE SET {changes}, applied_at = excluded.applied_at
        WHERE excluded.version >= t.version
    """


def _json_type(column: Column[Any]) -> str:
    return str(column.type.compile(dialect=_DIALECT))


_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]
_UPSERTS: Final = {
    table.name: text(_upsert_of(table))
    for table in (
        tables.businesses,
        tables.resources,
        tables.services,
        tables.appointments,
        tables.external_busy,
    )
}
_OCCUPY: Final = text(
    """
    WITH takes AS MATERIALIZED (
        SELECT DISTINCT a.organization_id, a.id AS appointment_id, r.id AS resource_id, a.service_id,
               floor(extract(epoch FROM a.blocked_from))::bigint AS blocked_from,
               ceil(extract(epoch FROM a.blocked_to))::bigint AS blocked_to,
               floor(extract(epoch FROM a.starts_at))::bigint AS starts_at,
               ceil(extract(epoch FROM a.ends_at))::bigint AS ends_at
        FROM unnest(CAST(:organizations AS uuid[]), CAST(:ids AS uuid[])) AS q(organization_id, id)
        JOIN appointments a USING (organization_id, id)
        LEFT JOIN LATERAL unnest(a.resource_ids) AS r(id) ON a.occupies),
    freed AS (
        DELETE FROM occupancy o USING (SELECT DISTINCT organization_id, appointment_id FROM takes) AS t
        WHERE o.organization_id = t.organization_id AND o.appointment_id = t.appointment_id
          AND NOT EXISTS (SELECT FROM takes k WHERE k.organization_id = o.organization_id
                          AND k.appointment_id = o.appointment_id AND k.resource_id = o.resource_id))
    INSERT INTO occupancy AS o
    (organization_id, appointment_id, resource_id, service_id, blocked_from, blocked_to, starts_at, ends_at)
    SELECT * FROM takes WHERE resource_id IS NOT NULL ORDER BY organization_id, appointment_id, resource_id
    ON CONFLICT (organization_id, appointment_id, resource_id) DO UPDATE
    SET service_id = excluded.service_id, blocked_from = excluded.blocked_from, blocked_to = excluded.blocked_to,
        starts_at = excluded.starts_at, ends_at = excluded.ends_at
    WHERE (o.service_id, o.blocked_from, o.blocked_to, o.starts_at, o.ends_at)
          IS DISTINCT FROM
          (excluded.service_id, excluded.blocked_from, excluded.blocked_to, excluded.starts_at, excluded.ends_at)
    """
)
"""Only what is different is written, so that a replay counts nothing up."""
_FORGET: Final = text("DELETE FROM external_busy WHERE key = ANY(CAST(:keys AS text[]))")
