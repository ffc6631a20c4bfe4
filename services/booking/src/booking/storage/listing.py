"""Lists of appointments: filters, keyset pages and counts by status."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from booking.domain.model import Appointment
from booking.storage.appointments import RESOURCES, appointment_of


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


@dataclass(frozen=True, slots=True)
class ListedAppointment:
    """A row of the list: the appointment and whom it is for."""

    appointment: Appointment
    client_name: str
    client_phone: str | None
    client_email: str | None


async def list_appointments(
    connection: Any,
    *,
    organization_id: UUID,
    wanted: AppointmentFilter,
    descending: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ListedAppointment]:
    """Up to `limit` rows after `after`, by (starts_at, id)."""
    conditions, values = _conditions(organization_id, wanted)
    if after is not None:
        values += [*after]
        conditions.append(f"(a.starts_at, a.id) {'<' if descending else '>'} (${len(values) - 1}, ${len(values)})")
    order = "DESC" if descending else "ASC"
    values.append(limit)
    rows = await connection.fetch(
        f"""
        SELECT a.*, c.name AS client_name, c.phone AS client_phone, c.email AS client_email, {RESOURCES}
        FROM appointments a JOIN clients c ON c.organization_id = $1 AND c.id = a.client_id
        WHERE {" AND ".join(conditions)}
        ORDER BY a.starts_at {order}, a.id {order} LIMIT ${len(values)}
        """,
        *values,
    )
    return [
        ListedAppointment(appointment_of(row), row["client_name"], row["client_phone"], row["client_email"])
        for row in rows
    ]


async def count_appointments(connection: Any, *, organization_id: UUID, wanted: AppointmentFilter) -> dict[str, int]:
    conditions, values = _conditions(organization_id, wanted)
    rows = await connection.fetch(
        f"SELECT a.status, count(*) AS n FROM appointments a WHERE {' AND '.join(conditions)} GROUP BY a.status",
        *values,
    )
    return {row["status"]: row["n"] for row in rows}


def _conditions(organization_id: UUID, wanted: AppointmentFilter) -> tuple[list[str], list[Any]]:
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
    if wanted.resource_ids:
        add(
            "EXISTS (SELECT FROM appointment_resources ar WHERE ar.organization_id = $1"
            " AND ar.appointment_id = a.id AND ar.resource_id = ANY({n}))",
            list(wanted.resource_ids),
        )
    for pattern in search_patterns(wanted.text):
        add(
            "(a.service_name ILIKE {n} OR a.client_id IN"
            " (SELECT s.id FROM clients s WHERE s.organization_id = $1 AND s.search LIKE lower({n})))",
            pattern,
        )
    return conditions, values


def search_patterns(query: str | None) -> list[str]:
    """One LIKE pattern per word; a phone number is one word of digits, however it is typed."""
    if not query or not query.strip():
        return []
    digits = "".join(letter for letter in query if letter.isdigit())
    letters = any(letter.isalpha() for letter in query)
    words = query.split() if letters or len(digits) < 3 else [digits.lstrip("0") or digits]
    return ["%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%" for word in words[:8]]
