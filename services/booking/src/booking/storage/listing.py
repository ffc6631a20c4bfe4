"""Lists of appointments: filters, keyset pages and counts by status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from booking.domain.appointments import Appointment
from booking.storage.appointments import RESOURCES, appointment_of
from booking.storage.search import WordMatch, match_text
from booking.storage.tables import appointments
from slotstream_servicekit.database import Connection
from slotstream_servicekit.http.pagination import BigInt
from slotstream_servicekit.rows import named_columns

_APPOINTMENT: Final = named_columns(appointments, "a")


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
    action_ids: Sequence[UUID] | None = None
    batch_ids: Sequence[UUID] | None = None
    series_ids: Sequence[UUID] | None = None
    ids: Sequence[UUID] | None = None
    text: str | None = None
    archived: bool | None = False
    shared: bool | None = None
    own_resource_id: UUID | None = None
    """The one calendar that the caller is limited to. Row-level security shows no other row, but has no index for
    that: alone, it would look at every row of the book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAppointment:
    """A row of the list: the appointment and whom it is for."""

    appointment: Appointment
    client_name: str
    client_phone: str | None
    client_email: str | None
    client_erased: bool
    key: tuple[Any, ...]
    """Where the row stands in the order of its list: what the next page begins after."""


class Sort(StrEnum):
    """What a list can be sorted by. Rows that are alike follow by their start and id, so that pages are sure."""

    STARTS_AT = "starts_at"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    CLIENT = "client"
    """By the client's name, without case and accents."""
    PRICE = "price"
    """Paid, or else quoted, whatever the currency. What has no price comes last either way."""


_INSTANT: Final = (("a.starts_at", datetime), ("a.id", UUID))
_KEYS: Final[Mapping[Sort, Sequence[tuple[str, type[Any]]]]] = {
    Sort.STARTS_AT: _INSTANT,
    Sort.CREATED_AT: (("a.created_at", datetime), ("a.id", UUID)),
    Sort.UPDATED_AT: (("a.updated_at", datetime), ("a.id", UUID)),
    Sort.CLIENT: (("s.sort_name", str), ("s.id", UUID), *_INSTANT),
    Sort.PRICE: (("a.price_rank", BigInt), ("a.id", UUID)),
}
"""The columns of each order, of which the last is unique; each has an index that begins with the organization."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a list is sorted."""

    by: Sort = Sort.STARTS_AT
    descending: bool = False

    @property
    def key_types(self) -> tuple[type[Any], ...]:
        """Of the key of a row."""
        return tuple(kind for _, kind in _KEYS[self.by])

    @property
    def nullable(self) -> tuple[int, ...]:
        """The places of the key at which a row may have nothing: a price."""
        return (0,) if self.by is Sort.PRICE else ()


EARLIEST_FIRST: Final = Order()


async def list_appointments(
    connection: Connection,
    *,
    organization_id: UUID,
    wanted: AppointmentFilter,
    order: Order = EARLIEST_FIRST,
    after: tuple[Any, ...] | None = None,
    limit: int,
) -> list[ListedAppointment]:
    """Up to `limit` rows that follow the row of the key `after`."""
    conditions, values = await conditions_of(connection, organization_id, wanted)
    if order.by is not Sort.PRICE:
        return await _page(connection, order, conditions, values, after=after, limit=limit)
    # Two walks along one index: NULLs stand at its end, and read backwards they would come first.
    rows: list[ListedAppointment] = []
    if after is None or after[0] is not None:
        priced = [*conditions, "a.price_rank IS NOT NULL"]
        rows = await _page(connection, order, priced, values, after=after, limit=limit)
        after = None
    if len(rows) < limit:
        free = [*conditions, "a.price_rank IS NULL"]
        rows += await _page(connection, order, free, values, after=after, limit=limit - len(rows))
    return rows


async def _page(
    connection: Connection,
    order: Order,
    conditions: Sequence[str],
    values: Sequence[Any],
    *,
    after: tuple[Any, ...] | None,
    limit: int,
) -> list[ListedAppointment]:
    columns = [column for column, _ in _KEYS[order.by]]
    direction = "DESC" if order.descending else "ASC"
    values = [*values]
    if after is not None:
        conditions = [*conditions, _follows(columns, after, values, descending=order.descending)]
    values.append(limit)
    keys = ", ".join(f"{column} AS key_{place}" for place, column in enumerate(columns))
    shown = ", ".join(f"a.key_{place}" for place, _ in enumerate(columns))
    joined = "JOIN clients s ON s.organization_id = $1 AND s.id = a.client_id" if order.by is Sort.CLIENT else ""
    rows = await connection.fetch(
        f"""
        SELECT {_APPOINTMENT}, {shown}, c.name AS client_name, c.phone AS client_phone, c.email AS client_email,
               c.erased AS client_erased, {RESOURCES}
        FROM (
            SELECT a.*, {keys} FROM appointments a {joined} WHERE {" AND ".join(conditions)}
            ORDER BY {", ".join(f"{column} {direction}" for column in columns)} LIMIT ${len(values)}
        ) AS a JOIN clients c ON c.organization_id = $1 AND c.id = a.client_id
        ORDER BY {", ".join(f"key_{place} {direction}" for place, _ in enumerate(columns))}
        """,
        *values,
    )
    return [
        ListedAppointment(
            appointment=appointment_of(row),
            client_name=row["client_name"],
            client_phone=row["client_phone"],
            client_email=row["client_email"],
            client_erased=row["client_erased"],
            key=tuple(row[f"key_{place}"] for place, _ in enumerate(columns)),
        )
        for row in rows
    ]


def _follows(columns: Sequence[str], after: tuple[Any, ...], values: list[Any], *, descending: bool) -> str:
    """The condition that a row comes after this key. Where the key begins with NULL, all rows of the walk do."""
    known = [(column, value) for column, value in zip(columns, after, strict=True) if value is not None]
    first = len(values) + 1
    values += [value for _, value in known]
    sign = "<" if descending else ">"
    row = f"({', '.join(column for column, _ in known)})"
    given = f"({', '.join(f'${first + place}' for place, _ in enumerate(known))})"
    condition = f"{row} {sign} {given}"
    if len(known) > 2:
        # Columns of two tables: the first two, of one table, lead to the place in its index.
        condition += f" AND ({known[0][0]}, {known[1][0]}) {sign}= (${first}, ${first + 1})"
    return condition


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
        ("a.action_id", wanted.action_ids),
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
    for resource_ids in (wanted.resource_ids, wanted.own_resource_id and [wanted.own_resource_id]):
        if resource_ids:
            add(
                "EXISTS (SELECT FROM appointment_resources ar WHERE ar.organization_id = $1"
                " AND ar.appointment_id = a.id AND ar.resource_id = ANY({n}))",
                list(resource_ids),
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
