"""Writing bookings, and looking up why one was not written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from booking.storage.booking_statement import BookingRow, Shape, booking_text, booking_values
from booking.storage.policies import StalePolicyError
from slotstream_servicekit.database import Connection

ROWS_PER_STATEMENT = 250
"""A message of one megabyte. With two, passing it from driver to server took each row nearly twice as long."""


@dataclass(frozen=True, slots=True)
class BookingStore:
    """Writes one organization's bookings through `connection`, in its transaction or in none."""

    connection: Connection
    organization_id: UUID

    async def insert(self, rows: Sequence[BookingRow], *, policy_version: int) -> frozenset[UUID]:
        """Writes the rows whose time is free, each whole or not at all; returns the ids of those.

        A row is left out whose slot is taken or externally busy, whose client is unknown, or whose id exists.
        Raises StalePolicyError, and asyncpg's UniqueViolationError where a key or id is being used right now, or an id
        by another organization: then part of the rows may be written, and the caller rolls back. More than one row, or
        one that takes more than one resource, needs a transaction.
        """
        booked: set[UUID] = set()
        for part in _parts(rows):
            alone, with_clients = len(part) == 1, any(row.new_client for row in part)
            gate = part[0].gate if alone and not self.connection.is_in_transaction() else None
            won = await self.connection.fetchrow(
                booking_text(Shape.of(part), with_clients=with_clients),
                self.organization_id,
                policy_version,
                gate,
                *booking_values(part, with_clients=with_clients),
            )
            if won is None or won["is_stale"]:
                raise StalePolicyError
            if won["partial"]:
                await self.connection.execute(
                    "DELETE FROM occupancy WHERE organization_id = $1 AND holder_id = ANY($2)",
                    self.organization_id,
                    won["partial"],
                )
            booked.update(won["booked"])
        return frozenset(booked)

    async def existing(self, ids: Sequence[UUID]) -> dict[UUID, bool]:
        """Which of these ids are appointments or live holds already, and whether of this organization."""
        rows = await self.connection.fetch(
            "SELECT id, own FROM existing_appointments($1, $2)", self.organization_id, list(ids)
        )
        return {row["id"]: row["own"] for row in rows}

    async def bookable_clients(self, ids: Sequence[UUID]) -> frozenset[UUID]:
        """Which of these ids are clients who can be booked for: not merged away, not erased."""
        rows = await self.connection.fetch(
            """
            SELECT id FROM clients
            WHERE organization_id = $1 AND id = ANY($2) AND merged_into IS NULL AND NOT erased
            """,
            self.organization_id,
            list(ids),
        )
        return frozenset(row["id"] for row in rows)

    async def current_client(self, client_id: UUID) -> UUID | None:
        """The client that this one was merged into, if any; None where they were erased."""
        survivor_id: UUID | None = await self.connection.fetchval(
            """
            WITH RECURSIVE chain AS (
                SELECT id, merged_into, erased FROM clients WHERE organization_id = $1 AND id = $2
                UNION
                SELECT c.id, c.merged_into, c.erased FROM clients c JOIN chain ON c.id = chain.merged_into
                WHERE c.organization_id = $1
            )
            SELECT id FROM chain WHERE merged_into IS NULL AND NOT erased
            """,
            self.organization_id,
            client_id,
        )
        return survivor_id


def _parts(rows: Sequence[BookingRow]) -> Iterator[Sequence[BookingRow]]:
    """What one statement takes, in an order in which no two batches can come to wait for each other.

    Each statement takes time by resource and start, and so do statements that follow each other, as long as no row
    takes more than one resource. Where one does, a single statement takes all.
    """
    size = ROWS_PER_STATEMENT if all(len(row.takes) <= 1 for row in rows) else len(rows)
    ordered = sorted(rows, key=_place)
    for begin in range(0, len(ordered), size):
        yield ordered[begin : begin + size]


def _place(row: BookingRow) -> tuple[Sequence[UUID], datetime]:
    return [take.resource_id for take in row.takes], row.blocked[0]
