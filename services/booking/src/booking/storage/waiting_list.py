"""The waiting list: entries in and out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zlib import crc32

import asyncpg

from booking.domain.errors import WorkFailure
from booking.domain.waiting_list import EntryStatus, FreedTime, Offer, WaitingListEntry
from booking.storage.failures import PutOff, failure_of
from booking.storage.tables import waiting_list_entries
from slotstream_scheduling.spans import Span, Spans, normalize, to_epoch
from slotstream_servicekit.database import Connection
from slotstream_servicekit.locks import LockClass
from slotstream_servicekit.rows import named_columns

_put_off: Final = PutOff("waiting_list_entries", due="put_off_until")
_COLUMNS: Final = named_columns(waiting_list_entries)
_VALUES: Final = (
    "organization_id",
    "id",
    "business_id",
    "service_id",
    "client_id",
    "resource_id",
    "window_from",
    "window_to",
    "status",
    "offer_id",
    "offer_starts_at",
    "offer_ends_at",
    "offer_expires_at",
    "offered_starts",
    "created_at",
    "updated_at",
    "version",
)
_ADD: Final = f"""
INSERT INTO waiting_list_entries ({", ".join(_VALUES)})
VALUES ({", ".join(f"${number}" for number, _ in enumerate(_VALUES, start=1))})
ON CONFLICT DO NOTHING RETURNING 1
"""
_SAVE: Final = f"""
UPDATE waiting_list_entries
SET {", ".join(f"{name} = ${number}" for number, name in enumerate(_VALUES, start=1) if number > 2)},
    put_off_until = NULL, failure_code = NULL, failed_at = NULL
WHERE organization_id = $1 AND id = $2
"""
_SHOWN: Final = f"""
SELECT {named_columns(waiting_list_entries, "e")}, c.name AS client_name, c.phone AS client_phone
FROM waiting_list_entries e
JOIN clients c ON c.organization_id = e.organization_id AND c.id = e.client_id
WHERE e.organization_id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """None does not narrow."""

    business_ids: Sequence[UUID] | None = None
    service_ids: Sequence[UUID] | None = None
    client_ids: Sequence[UUID] | None = None
    statuses: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEntry:
    """An entry with whom it is for, as staff see them."""

    entry: WaitingListEntry
    client_name: str
    client_phone: str | None


@dataclass(frozen=True, slots=True)
class WaitingListStore:
    """One organization's waiting list, within the transaction of `connection`."""

    connection: Connection
    organization_id: UUID

    async def take_turns(self) -> None:
        """One at a time adds to the list or offers by it, until the transaction ends: so order and bounds hold."""
        key = crc32(self.organization_id.bytes) & 0x7FFF_FFFF
        await self.connection.execute("SELECT pg_advisory_xact_lock($1, $2)", int(LockClass.WAITING_LIST), key)

    async def add(self, entry: WaitingListEntry) -> bool:
        """Whether the id was free in all organizations."""
        return await self.connection.fetchval(_ADD, *_row(entry)) is not None

    async def save(self, entry: WaitingListEntry) -> None:
        """Of one that this transaction has locked. What had failed before is forgotten."""
        await self.connection.execute(_SAVE, *_row(entry))

    async def has(self, entry_id: UUID) -> bool:
        found = await self.connection.fetchval(
            "SELECT true FROM waiting_list_entries WHERE organization_id = $1 AND id = $2",
            self.organization_id,
            entry_id,
        )
        return found is not None

    async def counts(self, client_id: UUID) -> tuple[int, int]:
        """How often this client waits, and how many wait altogether."""
        row = await self.connection.fetchrow(
            """
            SELECT count(*) FILTER (WHERE client_id = $2) AS own, count(*) AS all_of_them FROM waiting_list_entries
            WHERE organization_id = $1 AND status IN ('waiting', 'offered')
            """,
            self.organization_id,
            client_id,
        )
        assert row is not None  # noqa: S101 - an aggregate has a row
        return row["own"], row["all_of_them"]

    async def same_as(self, entry: WaitingListEntry) -> UUID | None:
        """Another by which the client waits for the service in an overlapping window."""
        found: UUID | None = await self.connection.fetchval(
            """
            SELECT id FROM waiting_list_entries
            WHERE organization_id = $1 AND client_id = $2 AND service_id = $3 AND status IN ('waiting', 'offered')
              AND window_from < $5 AND window_to > $4 LIMIT 1
            """,
            self.organization_id,
            entry.client_id,
            entry.service_id,
            entry.window_from,
            entry.window_to,
        )
        return found

    async def get(self, entry_id: UUID, *, lock: bool = False) -> WaitingListEntry | None:
        row = await self.connection.fetchrow(
            f"""
            SELECT {_COLUMNS} FROM waiting_list_entries
            WHERE organization_id = $1 AND id = $2 {"FOR UPDATE" if lock else ""}
            """,
            self.organization_id,
            entry_id,
        )
        return _entry(row) if row is not None else None

    async def of_offer(self, offer_id: UUID, *, lock: bool = False) -> WaitingListEntry | None:
        """The entry whose offer is open or was taken under this id."""
        row = await self.connection.fetchrow(
            f"""
            SELECT {_COLUMNS} FROM waiting_list_entries WHERE organization_id = $1 AND offer_id = $2
            {"FOR UPDATE" if lock else ""}
            """,
            self.organization_id,
            offer_id,
        )
        return _entry(row) if row is not None else None

    async def active_of(self, client_ids: Sequence[UUID]) -> list[WaitingListEntry]:
        rows = await self.connection.fetch(
            f"""
            SELECT {_COLUMNS} FROM waiting_list_entries
            WHERE organization_id = $1 AND client_id = ANY($2) AND status IN ('waiting', 'offered') ORDER BY id
            """,
            self.organization_id,
            list(client_ids),
        )
        return [_entry(row) for row in rows]

    async def next_for(self, freed: FreedTime, *, now: datetime, limit: int) -> list[tuple[WaitingListEntry, bool]]:
        """Behind those by whom its round has come, in the order in which they came, those whose window the freed time
        meets; and whether each waits. Whoever has an offer, or was put off, does not now and may again.
        """
        rows = await self.connection.fetch(
            f"""
            SELECT {_COLUMNS}, status = 'waiting' AND (put_off_until IS NULL OR put_off_until <= $5) AS waits
            FROM waiting_list_entries
            WHERE organization_id = $1 AND business_id = $2 AND status IN ('waiting', 'offered')
              AND window_from < $4 AND window_to > $3
              AND ($6::timestamptz IS NULL OR (created_at, id) > ($6, $7))
            ORDER BY created_at, id LIMIT $8
            """,
            self.organization_id,
            freed.business_id,
            freed.begins,
            freed.ends,
            now,
            *(freed.reached or (None, None)),
            limit,
        )
        return [(_entry(row), row["waits"]) for row in rows]

    async def shown(self, entry_id: UUID) -> ListedEntry | None:
        row = await self.connection.fetchrow(f"{_SHOWN} AND e.id = $2", self.organization_id, entry_id)
        return _listed(row) if row is not None else None

    async def find(self, wanted: EntryFilter, *, after: tuple[datetime, UUID] | None, limit: int) -> list[ListedEntry]:
        """In the order in which they came."""
        rows = await self.connection.fetch(
            f"""
            {_SHOWN} AND ($2::uuid[] IS NULL OR e.business_id = ANY($2))
              AND ($3::uuid[] IS NULL OR e.service_id = ANY($3))
              AND ($4::uuid[] IS NULL OR e.client_id = ANY($4)) AND ($5::text[] IS NULL OR e.status = ANY($5))
              AND ($6::timestamptz IS NULL OR (e.created_at, e.id) > ($6, $7))
            ORDER BY e.created_at, e.id LIMIT $8
            """,
            self.organization_id,
            wanted.business_ids,
            wanted.service_ids,
            wanted.client_ids,
            wanted.statuses,
            *(after or (None, None)),
            limit,
        )
        return [_listed(row) for row in rows]

    async def put_off(self, entry_id: UUID, *, until: datetime, failure: WorkFailure) -> None:
        await _put_off(self.connection, self.organization_id, entry_id, until=until, failure=failure)


async def read_waited(
    connection: Connection, organization_ids: Collection[UUID], *, now: datetime
) -> dict[UUID, dict[UUID, Spans]]:
    """When somebody on the list wants something from now on, by organization and business."""
    rows = await connection.fetch(
        """
        SELECT organization_id, business_id, window_from, window_to FROM waiting_list_entries
        WHERE organization_id = ANY($1) AND status IN ('waiting', 'offered') AND window_to > $2
        """,
        list(organization_ids),
        now,
    )
    windows: dict[UUID, dict[UUID, list[Span]]] = {}
    for row in rows:
        span = (to_epoch(max(row["window_from"], now)), to_epoch(row["window_to"]))
        windows.setdefault(row["organization_id"], {}).setdefault(row["business_id"], []).append(span)
    return {
        organization_id: {business_id: normalize(spans) for business_id, spans in of_businesses.items()}
        for organization_id, of_businesses in windows.items()
    }


async def next_lapsed(connection: Connection, *, now: datetime) -> WaitingListEntry | None:
    """Of all organizations, the entry whose offer ran out first, by the clock that judges holds; locked."""
    row = await connection.fetchrow(
        f"""
        SELECT {_COLUMNS} FROM waiting_list_entries
        WHERE status = 'offered' AND offer_expires_at <= clock_timestamp()
          AND (put_off_until IS NULL OR put_off_until <= $1)
        ORDER BY offer_expires_at LIMIT 1 FOR UPDATE SKIP LOCKED
        """,
        now,
    )
    return _entry(row) if row is not None else None


async def next_over(connection: Connection, *, now: datetime, limit: int) -> list[WaitingListEntry]:
    """Of all organizations, those who wait and whose window is over, locked."""
    rows = await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM waiting_list_entries WHERE status = 'waiting' AND window_to <= $1
        ORDER BY window_to, id LIMIT $2 FOR UPDATE SKIP LOCKED
        """,
        now,
        limit,
    )
    return [_entry(row) for row in rows]


def _row(entry: WaitingListEntry) -> list[object]:
    offer = entry.offer
    return [
        entry.organization_id,
        entry.id,
        entry.business_id,
        entry.service_id,
        entry.client_id,
        entry.resource_id,
        entry.window_from,
        entry.window_to,
        entry.status.value,
        offer and offer.id,
        offer and offer.starts_at,
        offer and offer.ends_at,
        offer and offer.expires_at,
        list(entry.offered_starts),
        entry.created_at,
        entry.updated_at,
        entry.version,
    ]


def _entry(row: asyncpg.Record) -> WaitingListEntry:
    offer = None
    if row["offer_id"] is not None:
        offer = Offer(
            id=row["offer_id"],
            starts_at=row["offer_starts_at"],
            ends_at=row["offer_ends_at"],
            expires_at=row["offer_expires_at"],
        )
    return WaitingListEntry(
        organization_id=row["organization_id"],
        id=row["id"],
        business_id=row["business_id"],
        service_id=row["service_id"],
        client_id=row["client_id"],
        resource_id=row["resource_id"],
        window_from=row["window_from"],
        window_to=row["window_to"],
        status=EntryStatus(row["status"]),
        offer=offer,
        offered_starts=tuple(row["offered_starts"]),
        last_failure=failure_of(row),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def _listed(row: asyncpg.Record) -> ListedEntry:
    return ListedEntry(entry=_entry(row), client_name=row["client_name"], client_phone=row["client_phone"])
