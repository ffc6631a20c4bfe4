"""Appointments one by one: reading, locking, and writing a change with its audit row."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from slotstream_servicekit.errors import NotFoundError

from booking.domain.lifecycle import Status
from booking.domain.model import Actor, Appointment, AssignedResource, Change

RESOURCES = """
ARRAY(SELECT json_build_object('id', r.id, 'kind', r.kind, 'name', r.name, 'seat', ar.seat)::text
      FROM appointment_resources ar JOIN resources r ON r.organization_id = $1 AND r.id = ar.resource_id
      WHERE ar.organization_id = $1 AND ar.appointment_id = a.id ORDER BY ar.place) AS resources
"""
COLUMNS = tuple(field.name for field in fields(Appointment) if field.name != "resources")
_MUTABLE = (
    "status",
    "action_id",
    "action_name",
    "notes",
    "internal_notes",
    "share_with_client",
    "notify_client",
    "rescheduled_to",
    "calendar_sequence",
    "quoted_amount",
    "quoted_currency",
    "actual_amount",
    "actual_currency",
    "archived",
    "occupies",
    "updated_at",
    "version",
)
_SAVE = f"""
UPDATE appointments SET {", ".join(f"{name} = ${n}" for n, name in enumerate(_MUTABLE, 3))}
WHERE organization_id = $1 AND id = $2
"""


def appointment_of(row: Any) -> Appointment:
    """A row with its `resources` array as the domain's appointment."""
    values = {name: row[name] for name in COLUMNS}
    values["status"] = Status(values["status"])
    resources = tuple(_assigned(orjson.loads(each)) for each in row["resources"])
    return Appointment(**values, resources=resources)


def _assigned(one: dict[str, Any]) -> AssignedResource:
    return AssignedResource(id=UUID(one["id"]), kind=one["kind"], name=one["name"], seat=one["seat"])


async def read_appointments(
    connection: Any, *, organization_id: UUID, ids: Sequence[UUID], lock: bool = False
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
    connection: Any, *, organization_id: UUID, appointment_id: UUID, lock: bool = False
) -> Appointment:
    found = await read_appointments(connection, organization_id=organization_id, ids=[appointment_id], lock=lock)
    if appointment_id not in found:
        raise NotFoundError(f"There is no appointment {appointment_id}.")
    return found[appointment_id]


async def save_change(
    connection: Any, one: Appointment, *, change: Change, actor: Actor, change_json: dict[str, Any], state: bytes
) -> None:
    """Writes the changed row and its history; an override is a record of its own."""
    await connection.execute(_SAVE, one.organization_id, one.id, *(getattr(one, name) for name in _MUTABLE))
    await connection.execute(
        """
        INSERT INTO history (organization_id, appointment_id, version, verb, at, actor_type, actor_id, call_id,
                             on_behalf_of, reason, fields, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        one.organization_id,
        one.id,
        one.version,
        change.verb,
        one.updated_at,
        actor.type,
        actor.id,
        actor.call_id,
        actor.on_behalf_of,
        change.reason,
        orjson.dumps(change_json, option=orjson.OPT_UTC_Z).decode(),
        state.decode(),
    )
    if change.override:
        await connection.execute(
            """
            INSERT INTO overrides (organization_id, appointment_id, version, at, actor_type, actor_id, reason, rules,
                                   conflicts_with)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            one.organization_id,
            one.id,
            one.version,
            one.updated_at,
            actor.type,
            actor.id,
            change.override.reason,
            list(change.override.rules),
            list(change.override.conflicts_with),
        )


async def replace_resources(connection: Any, one: Appointment) -> None:
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


async def read_history(connection: Any, *, organization_id: UUID, appointment_id: UUID) -> list[Any]:
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


async def read_state_as_of(connection: Any, *, organization_id: UUID, appointment_id: UUID, at: datetime) -> bytes:
    """The appointment's JSON exactly as it was known at `at`."""
    state: str | None = await connection.fetchval(
        """
        SELECT state FROM history WHERE organization_id = $1 AND appointment_id = $2 AND at <= $3
        ORDER BY version DESC LIMIT 1
        """,
        organization_id,
        appointment_id,
        at,
    )
    if state is None:
        raise NotFoundError(f"Nothing was known of an appointment {appointment_id} at that time.")
    return state.encode()
