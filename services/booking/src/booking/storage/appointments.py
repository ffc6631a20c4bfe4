"""Appointments one by one: reading, locking, and writing a change with its audit row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from booking.domain.appointments import CHANGEABLE, FIELDS, Appointment
from booking.domain.lifecycle import Status
from booking.domain.model import AssignedResource, Change
from slotstream_servicekit.context import Actor
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import NotFoundError

RESOURCES = """
ARRAY(SELECT json_build_object('id', r.id, 'kind', r.kind, 'name', r.name, 'seat', ar.seat)::text
      FROM appointment_resources ar JOIN resources r ON r.organization_id = $1 AND r.id = ar.resource_id
      WHERE ar.organization_id = $1 AND ar.appointment_id = a.id ORDER BY ar.place) AS resources
"""
_CHANGED = ", ".join(f"{name} {FIELDS[name].type}" for name in CHANGEABLE)
_SAVE = f"""
WITH changed AS MATERIALIZED (
    SELECT * FROM json_to_recordset($2::json) AS c(
        id uuid, {_CHANGED}, verb text, actor_type text, actor_id text, call_id text, on_behalf_of uuid, reason text,
        fields json, state json, override_reason text, override_rules text[], override_conflicts text[])
), new_history AS (
    INSERT INTO history (organization_id, appointment_id, version, verb, at, actor_type, actor_id, call_id,
                         on_behalf_of, reason, fields, state)
    SELECT $1, id, version, verb, updated_at, actor_type, actor_id, call_id, on_behalf_of, reason, fields, state
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


def appointment_of(row: Any) -> Appointment:
    """A row with its `resources` array as the domain's appointment."""
    values = {name: row[name] for name in FIELDS}
    values["status"] = Status(values["status"])
    return Appointment(**values, resources=tuple(_assigned(orjson.loads(each)) for each in row["resources"]))


def _assigned(values: dict[str, Any]) -> AssignedResource:
    return AssignedResource(**{**values, "id": UUID(values["id"])})


async def read_appointments(
    connection: Connection, *, organization_id: UUID, ids: Sequence[UUID], lock: bool = False
) -> dict[UUID, Appointment]:
    """Those of `ids` that exist; locked in the order of their ids until the transaction ends."""
    suffix = "ORDER BY a.id FOR UPDATE OF a" if lock else ""
    rows = await connection.fetch(
        f"SELECT a.*, {RESOURCES} FROM appointments a WHERE a.organization_id = $1 AND a.id = ANY($2) {suffix}",
        organization_id,
        list(ids),
    )
    return {row["id"]: appointment_of(row) for row in rows}


async def read_appointment(
    connection: Connection, *, organization_id: UUID, appointment_id: UUID, lock: bool = False
) -> Appointment:
    found = await read_appointments(connection, organization_id=organization_id, ids=[appointment_id], lock=lock)
    if appointment_id not in found:
        raise NotFoundError(f"There is no appointment {appointment_id}.")
    return found[appointment_id]


async def save_changes(connection: Connection, organization_id: UUID, rows: Sequence[ChangedRow]) -> None:
    """Writes changed rows and their history in one statement; an override is a record of its own."""
    lines = orjson.dumps([_changed_line(row) for row in rows], default=str, option=orjson.OPT_UTC_Z)
    await connection.execute(_SAVE, organization_id, lines.decode())


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
        "override_reason": override and override.reason,
        "override_rules": override and list(override.rules),
        "override_conflicts": override and list(override.conflicts_with),
    }


async def replace_resources(connection: Connection, one: Appointment) -> None:
    await connection.execute(
        "DELETE FROM appointment_resources WHERE organization_id = $1 AND appointment_id = $2",
        one.organization_id,
        one.id,
    )
    await connection.execute(
        """
        INSERT INTO appointment_resources (organization_id, appointment_id, place, resource_id, seat, starts_at)
        SELECT $1, $2, t.place, t.resource_id, t.seat, $5
        FROM unnest($3::uuid[], $4::int[]) WITH ORDINALITY AS t(resource_id, seat, place)
        """,
        one.organization_id,
        one.id,
        [each.id for each in one.resources],
        [each.seat for each in one.resources],
        one.starts_at,
    )


async def read_history(connection: Connection, *, organization_id: UUID, appointment_id: UUID) -> list[Any]:
    """The audit trail, oldest first."""
    rows = await connection.fetch(
        """
        SELECT h.version, h.verb, h.at, h.actor_type, h.actor_id, h.call_id, h.on_behalf_of, h.reason, h.fields,
               o.reason AS override_reason, o.rules, o.conflicts_with
        FROM history h LEFT JOIN overrides o USING (organization_id, appointment_id, version)
        WHERE h.organization_id = $1 AND h.appointment_id = $2 ORDER BY h.version
        """,
        organization_id,
        appointment_id,
    )
    return list(rows)


async def read_appointment_as_of(
    connection: Connection, *, organization_id: UUID, appointment_id: UUID, at: datetime
) -> Appointment:
    """The appointment exactly as it was known at `at`."""
    state: str | None = await connection.fetchval(
        """
        SELECT state::text FROM history WHERE organization_id = $1 AND appointment_id = $2 AND at <= $3
        ORDER BY version DESC LIMIT 1
        """,
        organization_id,
        appointment_id,
        at,
    )
    if state is None:
        raise NotFoundError(f"Nothing was known of an appointment {appointment_id} at that time.")
    return _FROM_JSON.validate_json(state)
