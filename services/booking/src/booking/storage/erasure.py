"""What is kept of a person outside the table of clients, and how it is cleared.

Every table with text that somebody typed is named here; a test greps all of them after an erase.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.erasure import CLOCK_SKEW, ErasedPeople
from booking.storage.bulk import BulkStore
from slotstream_contracts.topics import CLIENTS
from slotstream_servicekit.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What clients still have ahead of them."""

    appointment_ids: tuple[UUID, ...]
    series_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """Everything that clients ever had: what an erase changes."""

    order_ids: frozenset[UUID]
    """Of running bulk orders that name appointments of theirs."""
    series_ids: frozenset[UUID]
    appointment_ids: tuple[UUID, ...]
    """In the order of the ids."""
    former_ids: tuple[UUID, ...]
    """Of appointments that were theirs until that was corrected, and of those that replace them."""
    entry_ids: frozenset[UUID]
    """By which they wait, or have an offer."""


class ErasureStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ahead_of(self, organization_id: UUID, client_ids: Sequence[UUID], *, now: datetime) -> Ahead:
        """Open appointments that have not ended, by their start, and series that go on."""
        values = {"organization_id": organization_id, "client_ids": list(client_ids), "now": now}
        appointments = await self._session.execute(_OPEN_APPOINTMENTS, values)
        series = await self._session.execute(_ACTIVE_SERIES, values)
        return Ahead(appointment_ids=tuple(appointments.scalars()), series_ids=tuple(series.scalars()))

    async def records_of(self, organization_id: UUID, client_ids: Sequence[UUID]) -> frozenset[UUID]:
        """The ids of all their appointments, also of those that were theirs until it was corrected, and series."""
        values = {"organization_id": organization_id, "client_ids": list(client_ids)}
        return frozenset((await self._session.execute(_RECORDS, values)).scalars())

    async def lock_theirs(self, organization_id: UUID, client_ids: Sequence[UUID]) -> Theirs:
        """All running orders, series, appointments and places on the waiting list of these clients, locked in this
        order and each in the order of their ids: an order is held by whoever does it before the appointments are.
        """
        values = {"organization_id": organization_id, "client_ids": list(client_ids)}
        orders = await BulkStore(self._session).lock_running(organization_id, list(client_ids))
        series = await self._session.execute(_LOCK_SERIES, values)
        appointments = await self._session.execute(_LOCK_APPOINTMENTS, values)
        entries = await self._session.execute(_LOCK_ENTRIES, values)
        return _theirs(orders, series.scalars(), appointments.all(), entries.scalars())

    async def read_theirs(self, organization_id: UUID, client_ids: Sequence[UUID]) -> Theirs:
        values = {"organization_id": organization_id, "client_ids": list(client_ids)}
        orders = await BulkStore(self._session).running_about(organization_id, list(client_ids))
        series = await self._session.execute(_SERIES, values)
        appointments = await self._session.execute(_APPOINTMENTS, values)
        entries = await self._session.execute(_ENTRIES, values)
        return _theirs(orders, series.scalars(), appointments.all(), entries.scalars())

    async def mark(self, organization_id: UUID, digests: Iterable[str], *, now: datetime) -> None:
        """Remembers for a time who was erased, by digests."""
        values = {"organization_id": organization_id, "digests": sorted(digests), "now": now}
        await self._session.execute(_MARK, values)

    async def forget(self, organization_id: UUID, client_ids: Sequence[UUID]) -> None:
        """Clears all free text about these clients; rows, ids and times stay."""
        values = {
            "organization_id": organization_id,
            "client_ids": list(client_ids),
            "texts": [str(client_id) for client_id in client_ids],
            "topic": CLIENTS.name,
        }
        for statement in _FORGET:
            named = {name: value for name, value in values.items() if f":{name}" in statement}
            await self._session.execute(text(statement), named)


def _theirs(
    order_ids: frozenset[UUID],
    series_ids: Iterable[UUID],
    appointments: Sequence[Row[Any]],
    entry_ids: Iterable[UUID],
) -> Theirs:
    return Theirs(
        order_ids=order_ids,
        series_ids=frozenset(series_ids),
        appointment_ids=tuple(row.id for row in appointments if row.is_own),
        former_ids=tuple(row.id for row in appointments if not row.is_own),
        entry_ids=frozenset(entry_ids),
    )


async def read_erased(connection: Connection, organization_id: UUID, *, since: datetime) -> ErasedPeople:
    """Who was erased since an instant; usually nobody."""
    rows = await connection.fetch(
        "SELECT digest, erased_at FROM erased_people WHERE organization_id = $1 AND erased_at >= $2",
        organization_id,
        since - CLOCK_SKEW,
    )
    return ErasedPeople(erased_at={row["digest"]: row["erased_at"] for row in rows})


async def appointments_of_erased(
    connection: Connection, organization_id: UUID, appointment_ids: Sequence[UUID]
) -> frozenset[UUID]:
    """Those of these appointments whose client was erased."""
    rows = await connection.fetch(
        """
        SELECT a.id FROM appointments a JOIN clients c ON c.organization_id = a.organization_id AND c.id = a.client_id
        WHERE a.organization_id = $1 AND a.id = ANY($2) AND c.erased
        """,
        organization_id,
        list(appointment_ids),
    )
    return frozenset(row["id"] for row in rows)


_THEIRS: Final = "organization_id = :organization_id AND client_id = ANY(CAST(:client_ids AS uuid[]))"
_THEIR_APPOINTMENTS: Final = f"""
organization_id = :organization_id AND appointment_id IN (SELECT id FROM appointments WHERE {_THEIRS})
"""
_NAMED: Final = """
organization_id = :organization_id
AND EXISTS (SELECT FROM unnest(CAST(:texts AS text[])) AS given(id) WHERE {found})
"""

_MARK = text(
    """
    INSERT INTO erased_people AS e (organization_id, digest, erased_at)
    SELECT :organization_id, d, :now FROM unnest(CAST(:digests AS text[])) AS d
    ON CONFLICT (organization_id, digest) DO UPDATE SET erased_at = greatest(e.erased_at, excluded.erased_at)
    """
)
# What replaces an appointment has its texts. Two halves: an OR would read the whole table.
_EVER_THEIRS: Final = f"""
WITH RECURSIVE former AS (
    SELECT a.id, a.rescheduled_to FROM former_clients f
    JOIN appointments a ON a.organization_id = f.organization_id AND a.id = f.appointment_id
    WHERE f.organization_id = :organization_id AND f.client_id = ANY(CAST(:client_ids AS uuid[]))
    UNION
    SELECT a.id, a.rescheduled_to FROM former
    JOIN appointments a ON a.organization_id = :organization_id AND a.id = former.rescheduled_to
)
SELECT id FROM former UNION SELECT id FROM appointments WHERE {_THEIRS}
"""
_ALL_APPOINTMENTS: Final = f"""
SELECT a.id, a.client_id = ANY(CAST(:client_ids AS uuid[])) AS is_own FROM appointments a
WHERE a.organization_id = :organization_id AND a.id IN ({_EVER_THEIRS}) ORDER BY a.id
"""
_RECORDS = text(
    f"""
    SELECT id FROM ({_EVER_THEIRS}) AS theirs UNION SELECT id FROM series WHERE {_THEIRS}
    UNION SELECT id FROM waiting_list_entries WHERE {_THEIRS} AND status IN ('waiting', 'offered')
    """
)
_APPOINTMENTS = text(_ALL_APPOINTMENTS)
_LOCK_APPOINTMENTS = text(f"{_ALL_APPOINTMENTS} FOR UPDATE OF a")
_WAITING: Final = f"""
SELECT id FROM waiting_list_entries WHERE {_THEIRS} AND status IN ('waiting', 'offered') ORDER BY id
"""
_ENTRIES = text(_WAITING)
_LOCK_ENTRIES = text(f"{_WAITING} FOR UPDATE")
_SERIES = text(f"SELECT id FROM series WHERE {_THEIRS} ORDER BY id")
_LOCK_SERIES = text(f"SELECT id FROM series WHERE {_THEIRS} ORDER BY id FOR UPDATE")
_OPEN_APPOINTMENTS = text(
    f"""
    SELECT id FROM appointments
    WHERE {_THEIRS} AND status IN ('pending', 'scheduled', 'confirmed') AND ends_at > :now ORDER BY starts_at, id
    """
)
_ACTIVE_SERIES = text(
    f"""
    SELECT id FROM series s WHERE {_THEIRS} AND status = 'active' AND (extend_at IS NOT NULL OR EXISTS (
        SELECT FROM appointments a WHERE a.organization_id = s.organization_id AND a.series_id = s.id
          AND a.status IN ('pending', 'scheduled', 'confirmed') AND a.ends_at > :now))
    ORDER BY created_at, id
    """
)

_FORGET: Final = (
    # Of a custom service the name was typed for this one appointment.
    f"""
    UPDATE appointments SET notes = NULL, internal_notes = NULL, origin_reference_id = NULL, origin_url = NULL,
           external_id = NULL, location_text = NULL, location_url = NULL, cancellation_reason = NULL,
           service_name = CASE WHEN service_id IS NULL THEN '' ELSE service_name END
    WHERE {_THEIRS}
    """,
    f"""
    UPDATE series SET notes = NULL, internal_notes = NULL, origin_reference_id = NULL, origin_url = NULL,
           location_text = NULL, location_url = NULL, override_reason = NULL,
           service_name = CASE WHEN service_id IS NULL THEN '' ELSE service_name END
    WHERE {_THEIRS}
    """,
    f"""
    UPDATE history SET
        reason = NULL,
        fields = (fields::jsonb - 'notes' - 'internal_notes' - 'origin_reference_id' - 'origin_url' - 'external_id'
                  - 'location_text' - 'location_url' - 'service_name')::json,
        state = (state::jsonb
                 || '{{"notes": null, "internal_notes": null, "external_id": null, "origin_reference_id": null,
                       "origin_url": null, "location_text": null, "location_url": null,
                       "cancellation_reason": null}}'
                 || CASE WHEN state ->> 'service_id' IS NULL THEN '{{"service_name": ""}}'::jsonb
                         ELSE '{{}}'::jsonb END)::json
    WHERE {_THEIR_APPOINTMENTS}
    """,
    f"UPDATE overrides SET reason = 'erased' WHERE {_THEIR_APPOINTMENTS}",
    f"UPDATE message_events SET detail = NULL WHERE {_THEIR_APPOINTMENTS}",
    f"UPDATE message_events SET detail = NULL WHERE {_THEIRS}",
    f"""
    UPDATE bulk_jobs SET arguments = arguments || '{{"reason": null, "text": null}}'
    WHERE organization_id = :organization_id AND status <> 'running' AND id IN (
        SELECT job_id FROM bulk_items WHERE {_THEIR_APPOINTMENTS})
    """,
    # Answers that are kept for repetitions: the keys stay, so that nothing happens twice, without what was said.
    "UPDATE idempotency_keys SET body = convert_to('{}', 'UTF8') WHERE "
    + _NAMED.format(found="position(convert_to(given.id, 'UTF8') IN body) > 0"),
    f"""
    UPDATE command_results SET data = (data::jsonb || '{{"appointment": null}}')::json
    WHERE {_NAMED.format(found="position(given.id IN data::text) > 0")}
    """,
    # What was not sent yet; the tombstone is, and an older state after it would bring the person back.
    """
    DELETE FROM outbox WHERE organization_id = :organization_id AND topic = :topic AND key = ANY(CAST(:texts AS text[]))
    """,
)
