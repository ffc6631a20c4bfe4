"""Appointments one by one: reading, locking, and writing a change with its audit row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
from pydantic import TypeAdapter

from booking.domain.appointments import CHANGEABLE, FIELDS, Appointment, AssignedResource
from booking.domain.changes import ChainLink, Change, HistoryEntry, Override
from booking.domain.errors import BusyBookError
from booking.domain.lifecycle import Status
from booking.storage.tables import appointments
from slotstream_servicekit.context import Actor
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.rows import named_columns

RESOURCES = """
ARRAY(SELECT json_build_object('id', r.id, 'kind', r.kind, 'name', r.name, 'seat', ar.seat)::text
      FROM appointment_resources ar JOIN resources r ON r.organization_id = $1 AND r.id = ar.resource_id
      WHERE ar.organization_id = $1 AND ar.appointment_id = a.id ORDER BY ar.place) AS resources
"""
_GET: Final = f"""
SELECT {named_columns(appointments, "a")}, {RESOURCES} FROM appointments a
WHERE a.organization_id = $1 AND a.id = ANY($2)
"""
_CHANGED = ", ".join(f"{name} {FIELDS[name].type}" for name in CHANGEABLE)
_SAVE = f"""
WITH changed AS MATERIALIZED (
    SELECT * FROM json_to_recordset($2::json) AS c(
        id uuid, {_CHANGED}, verb text, actor_type text, actor_id text, call_id text, on_behalf_of uuid, reason text,
        fields json, state json, tell_client boolean, override_reason text, override_rules text[],
        override_conflicts text[])
), new_history AS (
    INSERT INTO history (organization_id, appointment_id, version, verb, at, actor_type, actor_id, call_id,
                         on_behalf_of, reason, fields, state, tell_client)
    SELECT $1, id, version, verb, updated_at, actor_type, actor_id, call_id, on_behalf_of, reason, fields, state,
           tell_client
    FROM changed
), new_overrides AS (
    INSERT INTO overrides (organization_id, appointment_id, version, at, actor_type, actor_id, reason, rules,
                           conflicts_with)
    SELECT $1, id, version, updated_at, actor_type, actor_id, override_reason, override_rules, override_conflicts
    FROM changed WHERE override_reason IS NOT NULL
)
UPDATE appointments a SET {", ".join(f"{name} = c.{name}" for name in CHANGEABLE)}
FROM changed c WHERE a.organization_id = $1 AND a.id = c.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRow:
    """One change as it is written: the row after it, who did what, and the JSON that history keeps."""

    appointment: Appointment
    change: Change
    actor: Actor
    changed_fields: bytes
    state: bytes


_FROM_JSON: Final = TypeAdapter(Appointment)


def appointment_json(appointment: Appointment) -> bytes:
    """The appointment as history keeps it: every field by its name."""
    return orjson.dumps(appointment, default=str, option=orjson.OPT_UTC_Z)


def appointment_of(row: asyncpg.Record) -> Appointment:
    """A row with its `resources` array as the domain's appointment."""
    values = {name: row[name] for name in FIELDS}
    values["status"] = Status(values["status"])
    return Appointment(**values, resources=tuple(_assigned(orjson.loads(resource)) for resource in row["resources"]))


def _assigned(values: dict[str, Any]) -> AssignedResource:
    return AssignedResource(**{**values, "id": UUID(values["id"])})


@dataclass(frozen=True, slots=True)
class AppointmentStore:
    """The appointments of one organization, within the transaction of `connection`."""

    connection: Connection
    organization_id: UUID

    async def get_all(self, ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, Appointment]:
        """Those of `ids` that exist; locked in the order of their ids until the transaction ends."""
        suffix = "ORDER BY a.id FOR UPDATE OF a" if lock else ""
        rows = await self.connection.fetch(
            f"{_GET} {suffix}",
            self.organization_id,
            list(ids),
        )
        return {row["id"]: appointment_of(row) for row in rows}

    async def find_all(self, ids: Sequence[UUID]) -> dict[UUID, Appointment]:
        """As `get_all`, where most of the ids are expected to be unknown."""
        rows = await self.connection.fetch(
            "SELECT id FROM known_appointments($1, $2) AS id", self.organization_id, list(ids)
        )
        return await self.get_all([row["id"] for row in rows]) if rows else {}

    async def get(self, appointment_id: UUID, *, lock: bool = False) -> Appointment:
        """Raises NotFoundError."""
        known = await self.get_all([appointment_id], lock=lock)
        if appointment_id not in known:
            raise NotFoundError(f"There is no appointment {appointment_id}.")
        return known[appointment_id]

    async def save(self, rows: Sequence[ChangedRow]) -> None:
        """Writes changed rows and their history in one statement; an override is a record of its own."""
        lines = orjson.dumps([_changed_line(row) for row in rows], default=str, option=orjson.OPT_UTC_Z)
        try:
            await self.connection.execute(_SAVE, self.organization_id, lines.decode())
        except asyncpg.ExclusionViolationError as error:
            # Somebody took the external id of what is reopened this very moment.
            raise BusyBookError("What was to be changed keeps changing right now; ask again.") from error

    async def replace_resources(self, appointment: Appointment) -> None:
        await self.connection.execute(
            "DELETE FROM appointment_resources WHERE organization_id = $1 AND appointment_id = $2",
            self.organization_id,
            appointment.id,
        )
        await self.connection.execute(
            """
            INSERT INTO appointment_resources (organization_id, appointment_id, place, resource_id, seat, starts_at)
            SELECT $1, $2, t.place, t.resource_id, t.seat, $5
            FROM unnest($3::uuid[], $4::int[]) WITH ORDINALITY AS t(resource_id, seat, place)
            """,
            self.organization_id,
            appointment.id,
            [resource.id for resource in appointment.resources],
            [resource.seat for resource in appointment.resources],
            appointment.starts_at,
        )

    async def history(self, appointment_id: UUID) -> list[HistoryEntry]:
        """The audit trail, oldest first."""
        rows = await self.connection.fetch(_HISTORY, self.organization_id, appointment_id)
        return [_history_entry(row) for row in rows]

    async def chain(self, appointment_id: UUID) -> list[ChainLink]:
        """The appointment among those that it was moved from and to, in their order; itself alone if never moved."""
        rows = await self.connection.fetch(_CHAIN, self.organization_id, appointment_id)
        return [ChainLink(**dict(row)) for row in rows]

    async def as_of(self, appointment_id: UUID, at: datetime) -> Appointment:
        """The appointment exactly as it was known at `at`. Raises NotFoundError where nothing was."""
        state: str | None = await self.connection.fetchval(_AS_OF, self.organization_id, appointment_id, at)
        if state is None:
            raise NotFoundError(f"Nothing was known of an appointment {appointment_id} at that time.")
        return _FROM_JSON.validate_json(state)


_HISTORY: Final = """
SELECT h.version, h.verb, h.at, h.actor_type, h.actor_id, h.call_id, h.on_behalf_of, h.reason, h.fields,
       h.tell_client, o.reason AS override_reason, o.rules, o.conflicts_with
FROM history h LEFT JOIN overrides o USING (organization_id, appointment_id, version)
WHERE h.organization_id = $1 AND h.appointment_id = $2 ORDER BY h.version
"""
_CHAIN: Final = """
WITH RECURSIVE earlier AS (
    SELECT id, rescheduled_from FROM appointments WHERE organization_id = $1 AND id = $2
    UNION ALL
    SELECT a.id, a.rescheduled_from FROM earlier JOIN appointments a ON a.id = earlier.rescheduled_from
    WHERE a.organization_id = $1
), later AS (
    SELECT id, rescheduled_to FROM appointments WHERE organization_id = $1 AND id = $2
    UNION ALL
    SELECT a.id, a.rescheduled_to FROM later JOIN appointments a ON a.id = later.rescheduled_to
    WHERE a.organization_id = $1
)
SELECT id, starts_at, ends_at, status FROM appointments
WHERE organization_id = $1 AND id IN (SELECT id FROM earlier UNION SELECT id FROM later)
ORDER BY reschedule_count
"""
_AS_OF: Final = """
SELECT state::text FROM history WHERE organization_id = $1 AND appointment_id = $2 AND at <= $3
ORDER BY version DESC LIMIT 1
"""


def _history_entry(row: asyncpg.Record) -> HistoryEntry:
    override = None
    if row["override_reason"] is not None:
        override = Override(
            reason=row["override_reason"], rules=tuple(row["rules"]), conflicts_with=tuple(row["conflicts_with"])
        )
    return HistoryEntry(
        version=row["version"],
        verb=row["verb"],
        at=row["at"],
        actor=Actor(
            type=row["actor_type"], id=row["actor_id"], call_id=row["call_id"], on_behalf_of=row["on_behalf_of"]
        ),
        reason=row["reason"],
        fields=row["fields"],
        override=override,
        tell_client=row["tell_client"],
    )


def _changed_line(row: ChangedRow) -> dict[str, Any]:
    override = row.change.override
    line = {name: getattr(row.appointment, name) for name in CHANGEABLE}
    return line | {
        "id": row.appointment.id,
        "verb": row.change.verb,
        "actor_type": row.actor.type,
        "actor_id": row.actor.id,
        "call_id": row.actor.call_id,
        "on_behalf_of": row.actor.on_behalf_of,
        "reason": row.change.reason,
        "fields": orjson.Fragment(row.changed_fields),
        "state": orjson.Fragment(row.state),
        "tell_client": row.change.tell_client,
        "override_reason": override and override.reason,
        "override_rules": override and list(override.rules),
        "override_conflicts": override and list(override.conflicts_with),
    }
