"""Appointments: the event and the state of each change.

They are built as JSON directly, since every booking pays for two of them; tests hold them complete and valid by the
contracts' own models.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson

from booking.domain.appointments import FIELDS, Appointment, Shown
from booking.domain.changes import Change
from booking.domain.lifecycle import Verb
from booking.publishers.states import JSON_OPTIONS, json_record
from slotstream_contracts.appointments import AppointmentState
from slotstream_contracts.topics import APPOINTMENT_STATES, APPOINTMENTS
from slotstream_servicekit.context import Actor, Cause
from slotstream_servicekit.outbox import OutboxRecord

_EVENT_TYPES: Mapping[Verb, str] = {
    Verb.CREATE: "slotstream.appointment.created",
    Verb.APPROVE: "slotstream.appointment.approved",
    Verb.DECLINE: "slotstream.appointment.declined",
    Verb.CONFIRM: "slotstream.appointment.confirmed",
    Verb.CANCEL: "slotstream.appointment.cancelled",
    Verb.RESCHEDULE: "slotstream.appointment.rescheduled",
    Verb.COMPLETE: "slotstream.appointment.completed",
    Verb.NO_SHOW: "slotstream.appointment.no_show",
    Verb.DISMISS: "slotstream.appointment.dismissed",
    Verb.REOPEN: "slotstream.appointment.reopened",
    Verb.UPDATE: "slotstream.appointment.updated",
    Verb.ASSIGN: "slotstream.appointment.assigned",
    Verb.ARCHIVE: "slotstream.appointment.archived",
    Verb.UNARCHIVE: "slotstream.appointment.unarchived",
}

PRIVATE = frozenset(name for name, kept in FIELDS.items() if kept.shown is not Shown.EVENTS) | {"service_name"}
"""Free text and such: events say that it changed, never from what to what."""


def _names(*shown: Shown) -> tuple[str, ...]:
    """What a snapshot has: fields by their names, those that belong together under one."""
    return tuple(dict.fromkeys(kept.part_of or name for name, kept in FIELDS.items() if kept.shown in shown))


_SNAPSHOT = (*_names(Shown.EVENTS, Shown.STATE), "series_calendar_uid", "resources")
_TOLD_IN_PART = frozenset({"location", "origin", "external_id"})
"""Of which events tell less than states."""
_TOLD_WHOLE = tuple(name for name in _SNAPSHOT if name not in _TOLD_IN_PART)
_values_told_whole = attrgetter(*_TOLD_WHOLE)


def snapshot_json(appointment: Appointment) -> bytes:
    """The contract's AppointmentSnapshot as events tell it, for ever: of places and origins the kind alone."""
    values: dict[str, object] = dict(zip(_TOLD_WHOLE, _values_told_whole(appointment), strict=True))
    values["location"] = {"kind": appointment.location_kind, "text": None, "url": None}
    values["origin"] = {"kind": appointment.origin_kind, "reference_id": None, "url": None}
    values["external_id"] = None
    if appointment.service_id is None:
        # The name of a custom service was typed for this appointment.
        values["service_name"] = None
    return orjson.dumps(values, default=str, option=JSON_OPTIONS)


_TYPED = ("location_text", "location_url", "origin_reference_id", "origin_url", "external_id")


def state_json(appointment: Appointment, snapshot: bytes) -> bytes:
    """The snapshot as the compacted state topic tells it. A client's address is personal: no topic has it."""
    if appointment.service_id is not None and not any(getattr(appointment, name) for name in _TYPED):
        return snapshot
    values = {name: getattr(appointment, name) for name in _SNAPSHOT}
    if appointment.location_kind == "client_address":
        values["location"] = {"kind": appointment.location_kind, "text": None, "url": None}
    return orjson.dumps(values, default=str, option=JSON_OPTIONS)


def appointment_records(
    appointment: Appointment,
    *,
    change: Change,
    actor: Actor,
    cause: Cause,
    snapshot: bytes,
    replacement: bytes | None = None,
) -> tuple[OutboxRecord, OutboxRecord]:
    """The event and the state of one change. `replacement`: the snapshot that a rescheduling led to."""
    data: dict[str, object] = {
        "appointment": orjson.Fragment(snapshot),
        "change": change_json(change),
        "actor": {
            "type": actor.type,
            "id": actor.id,
            "call_id": actor.call_id,
            "on_behalf_of": actor.on_behalf_of,
        },
    }
    if replacement is not None:
        data["replacement"] = orjson.Fragment(replacement)
    state: dict[str, object] = {"appointment": orjson.Fragment(state_json(appointment, snapshot))}
    record = partial(
        json_record,
        kind="appointment",
        organization_id=appointment.organization_id,
        subject=str(appointment.id),
        version=appointment.version,
        now=appointment.updated_at,
        cause=cause,
    )
    return (
        record(data, type_name=_EVENT_TYPES[change.verb], topic=APPOINTMENTS.name),
        record(state, type_name=AppointmentState.type, topic=APPOINTMENT_STATES.name),
    )


def change_json(change: Change) -> dict[str, Any]:
    override = change.override
    return {
        "verb": change.verb,
        "fields": {
            name: {} if name in PRIVATE else {"old": plain(old), "new": plain(new)}
            for name, (old, new) in change.fields.items()
            if old != new or name not in PRIVATE
        },
        "has_reason": change.reason is not None,
        "override": override and {"rules": list(override.rules), "conflicts_with": list(override.conflicts_with)},
        "series_version": change.series_version,
        "tell_client": change.tell_client,
    }


def fields_json(change: Change) -> bytes:
    """The changed fields as history keeps them: all of them, with both values."""
    if not change.fields:
        return b"{}"
    values = {name: {"old": plain(old), "new": plain(new)} for name, (old, new) in change.fields.items()}
    return orjson.dumps(values, option=JSON_OPTIONS)


def plain(value: Any) -> Any:
    """A field's value as JSON has it."""
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, tuple):
        return [str(resource.id) for resource in value]
    return value
