"""Lists of appointments: filters, keyset pages and counts by status."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from booking.domain.appointments import Appointment
from booking.storage.appointments import RESOURCES, appointment_of
from booking.storage.search import WordMatch, match_text
from slotstream_servicekit.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentFilter:
    """What a list is narrowed to; several values of one field are alternatives. None does not narrow."""

    status: Sequence[str] | None = None
    begins: datetime | None = None
    ends: datetime | None = None
    business_ids: Sequence[UUID] | None = None
    resource_ids: Sequence[UUID] | None = None
    service_ids: Sequence[UUID] | None = None
    sources: Sequence[str] | None = None
    origins: Sequence[str] | None = None
    client_ids: Sequence[UUID] | None = None
    batch_ids: Sequence[UUID] | None = None
    series_ids: Sequence[UUID] | None = None
    ids: Sequence[UUID] | None = None
    text: str | None = None
    archived: bool | None = False
    shared: bool | None = None


@dataclass(frozen=True, slots=True)
class ListedAppointment:
    """A row of the list: the appointment and whom it is for."""

    appointment: Appointment
    client_name: str
    client_phone: str | None
    client_email: str | None


async def list_appointments(
    connection: Connection,
    *,
    organization_id: UUID,
    wanted: AppointmentFilter,
    descending: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ListedAppointment]:
    """Up to `limit` rows after `after`, by (starts_at, id)."""
    conditions, values = await conditions_of(connection, organization_id, wanted)
    if after is not None:
        values += [*after]
        conditions.append(f"(a.starts_at, a.id) {'<' if descending else '>'} (${len(values) - 1}, ${len(values)})")
    order = "DESC" if descending else "ASC"
    values.append(limit)
    rows = await connection.fetch(
        f"""
        SELECT a.*, c.name AS client_name, c.phone AS client_phone, c.email AS client_email, {RESOURCES}
        FROM (
            SELECT a.* FROM appointments a WHERE {" AND ".join(conditions)}
            ORDER BY a.starts_at {order}, a.id {order} LIMIT ${len(values)}
        ) AS a JOIN clients c ON c.organization_id = $1 AND c.id = a.client_id
        ORDER BY a.starts_at {order}, a.id {order}
        """,
        *values,
    )
    return [
        ListedAppointment(appointment_of(row), row["client_name"], row["client_phone"], row["client_email"])
        for row in rows
    ]


async def count_appointments(
    connection: Connection, *, organization_id: UUID, wanted: AppointmentFilter
) -> dict[str, int]:
    conditions, values = await conditions_of(connection, organization_id, wanted)
    rows = await connection.fetch(
        f"SELECT a.status, count(*) AS n FROM appointments a WHERE {' AND '.join(conditions)} GROUP BY a.status",
        *values,
    )
    return {row["status"]: row["n"] for row in rows}


async def conditions_of(
    connection: Connection, organization_id: UUID, wanted: AppointmentFilter
) -> tuple[list[str], list[Any]]:
    """SQL conditions on `appointments a`, and their values from $1, the organization, on."""
    if wanted.client_ids:
        wanted = replace(wanted, client_ids=await _with_merged(connection, organization_id, wanted.client_ids))
    return _conditions(organization_id, wanted, await match_text(connection, organization_id, wanted.text))


async def _with_merged(connection: Connection, organization_id: UUID, client_ids: Sequence[UUID]) -> list[UUID]:
    """A client's appointments are also those of all duplicates that were merged: theirs are one person's."""
    rows = await connection.fetch(
        """
        WITH meant AS (
            SELECT coalesce(merged_into, id) AS id FROM clients WHERE organization_id = $1 AND id = ANY($2)
        )
        SELECT id FROM meant
        UNION SELECT id FROM clients WHERE organization_id = $1 AND merged_into IN (SELECT id FROM meant)
        """,
        organization_id,
        list(client_ids),
    )
    return [*client_ids, *(row["id"] for row in rows if row["id"] not in client_ids)]


def _conditions(
    organization_id: UUID, wanted: AppointmentFilter, words: Sequence[WordMatch]
) -> tuple[list[str], list[Any]]:
    conditions, values = ["a.organization_id = $1"], list[Any]([organization_id])

    def add(condition: str, value: Any) -> None:
        values.append(value)
        conditions.append(condition.format(n=f"${len(values)}"))

    for column, chosen in (
        ("a.status", wanted.status),
        ("a.business_id", wanted.business_ids),
        ("a.service_id", wanted.service_ids),
        ("a.source", wanted.sources),
        ("a.origin_kind", wanted.origins),
        ("a.client_id", wanted.client_ids),
        ("a.batch_id", wanted.batch_ids),
        ("a.series_id", wanted.series_ids),
        ("a.id", wanted.ids),
    ):
        if chosen:
            add(f"{column} = ANY({{n}})", list(chosen))
    if wanted.begins:
        add("a.starts_at >= {n}", wanted.begins)
    if wanted.ends:
        add("a.starts_at < {n}", wanted.ends)
    if wanted.archived is not None:
        add("a.archived = {n}", wanted.archived)
    if wanted.shared is not None:
        add("a.share_with_client = {n}", wanted.shared)
    if wanted.resource_ids:
        add(
            "EXISTS (SELECT FROM appointment_resources ar WHERE ar.organization_id = $1"
            " AND ar.appointment_id = a.id AND ar.resource_id = ANY({n}))",
            list(wanted.resource_ids),
        )
    conditions += [_either(word, values) for word in words]
    return conditions, values


def _either(word: WordMatch, values: list[Any]) -> str:
    """The client has the word, or the service has."""
    parts = []
    if word.client_ids is None or word.custom_names is None:
        values.append(word.pattern)
    pattern = f"${len(values)}"
    if word.client_ids is None:
        # As a join it would read all the many clients first; a truth value is expected of every other row.
        parts.append(
            f"(SELECT s.search LIKE {pattern} FROM clients s WHERE s.organization_id = $1 AND s.id = a.client_id)"
        )
    if word.custom_names is None:
        parts.append(f"(a.service_id IS NULL AND lower(a.service_name) LIKE {pattern})")
    for column, values_found in (
        ("a.client_id", word.client_ids),
        ("a.service_id", word.service_ids),
        ("a.service_id IS NULL AND a.service_name", word.custom_names),
    ):
        if values_found:
            values.append(list(values_found))
            parts.append(f"({column} = ANY(${len(values)}))")
    return f"({' OR '.join(parts)})" if parts else "false"
