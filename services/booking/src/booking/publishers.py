"""What booking says: appointments, clients and the catalogue as contract messages for the outbox.

Appointment messages are built as JSON directly, since every booking pays for two of them; tests hold them
equal to what the contracts' own models write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from booking.domain.appointments import FIELDS, Appointment, Shown
from booking.domain.catalogue import Action, Business, Entry, Resource, Service, minutes
from booking.domain.clients import Client
from booking.domain.holds import Hold
from booking.domain.lifecycle import Verb
from booking.domain.model import Change
from slotstream_contracts.appointments import AppointmentState
from slotstream_contracts.base import Actor as ActorSaid
from slotstream_contracts.base import Message
from slotstream_contracts.catalogue import ActionState, BusinessState, CatalogueState, ResourceState, ServiceState
from slotstream_contracts.clients import ClientState
from slotstream_contracts.commands import CommandRefused, CommandSucceeded
from slotstream_contracts.envelope import record_headers, schema_uri, wrap
from slotstream_contracts.holds import HoldState
from slotstream_contracts.messages import SendMessage
from slotstream_contracts.topics import APPOINTMENT_STATES, APPOINTMENTS, BOOKING_RESULTS, CLIENTS, HOLDS
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.errors import Reason, SlotstreamError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, record_of, tombstone
from slotstream_servicekit.rows import columns_of

SOURCE = "/slotstream/booking"
HOLD_VERSION = 1
_OPTIONS = orjson.OPT_UTC_Z

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
_STATE_TYPE = AppointmentState.type
_DATASCHEMAS = {name: schema_uri(name) for name in (*_EVENT_TYPES.values(), _STATE_TYPE)}

PRIVATE = frozenset(name for name, kept in FIELDS.items() if kept.shown is not Shown.EVENTS) | {"service_name"}
"""Free text and such: events say that it changed, never from what to what."""


def _names(*shown: Shown) -> tuple[str, ...]:
    """What a snapshot has: fields by their names, those that belong together under one."""
    return tuple(dict.fromkeys(kept.part_of or name for name, kept in FIELDS.items() if kept.shown in shown))


_SNAPSHOT = (*_names(Shown.EVENTS, Shown.STATE), "resources")


def snapshot_json(appointment: Appointment) -> bytes:
    """The contract's AppointmentSnapshot as events tell it, for ever: of places and origins the kind alone."""
    values = {name: getattr(appointment, name) for name in _SNAPSHOT}
    values["location"] = {"kind": appointment.location_kind, "text": None, "url": None}
    values["origin"] = {"kind": appointment.origin_kind, "reference_id": None, "url": None}
    values["external_id"] = None
    if appointment.service_id is None:
        # The name of a custom service was typed for this appointment.
        values["service_name"] = None
    return orjson.dumps(values, default=str, option=_OPTIONS)


_TYPED = ("location_text", "location_url", "origin_reference_id", "origin_url", "external_id")


def state_json(appointment: Appointment, snapshot: bytes) -> bytes:
    """The snapshot as the compacted state topic tells it. A client's address is personal: no topic has it."""
    if appointment.service_id is not None and not any(getattr(appointment, name) for name in _TYPED):
        return snapshot
    values = {name: getattr(appointment, name) for name in _SNAPSHOT}
    if appointment.location_kind == "client_address":
        values["location"] = {"kind": appointment.location_kind, "text": None, "url": None}
    return orjson.dumps(values, default=str, option=_OPTIONS)


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
    subject, event_type = str(appointment.id), _EVENT_TYPES[change.verb]
    return (
        _record(appointment, subject, event_type, APPOINTMENTS.name, data, cause),
        _record(appointment, subject, _STATE_TYPE, APPOINTMENT_STATES.name, state, cause),
    )


def _record(
    one: Appointment, subject: str, type_name: str, topic: str, data: Mapping[str, object], cause: Cause
) -> OutboxRecord:
    identity = new_id()
    envelope = {
        "specversion": "1.0",
        "id": identity,
        "source": SOURCE,
        "type": type_name,
        "subject": subject,
        "time": one.updated_at,
        "datacontenttype": "application/json",
        "dataschema": _DATASCHEMAS[type_name],
        "organization": one.organization_id,
        "partitionkey": subject,
        "sequence": one.version,
        "correlationid": cause.correlation_id,
        "data": data,
    }
    headers = record_headers(
        id=identity, type=type_name, organization=one.organization_id, traceparent=cause.traceparent
    )
    if cause.causation_id is not None:
        envelope["causationid"] = cause.causation_id
    if cause.traceparent is not None:
        envelope["traceparent"] = cause.traceparent
    return OutboxRecord(
        id=identity,
        organization_id=one.organization_id,
        topic=topic,
        key=subject,
        aggregatetype="appointment",
        aggregateid=subject,
        type=type_name,
        payload=orjson.dumps(envelope, option=_OPTIONS),
        headers=headers,
    )


def change_json(change: Change) -> dict[str, Any]:
    override = change.override
    return {
        "verb": change.verb,
        "fields": {
            name: {} if name in PRIVATE else {"old": plain(old), "new": plain(new)}
            for name, (old, new) in change.fields.items()
        },
        "has_reason": change.reason is not None,
        "override": override and {"rules": list(override.rules), "conflicts_with": list(override.conflicts_with)},
    }


def fields_json(change: Change) -> bytes:
    """The changed fields as history keeps them: all of them, with both values."""
    if not change.fields:
        return b"{}"
    values = {name: {"old": plain(old), "new": plain(new)} for name, (old, new) in change.fields.items()}
    return orjson.dumps(values, option=_OPTIONS)


def plain(value: Any) -> Any:
    """A field's value as JSON has it."""
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, tuple):
        return [str(each.id) for each in value]
    return value


def client_record(client: Client, *, cause: Cause) -> OutboxRecord:
    state = ClientState(
        id=client.id,
        organization_id=client.organization_id,
        name=client.name,
        phone=client.phone,
        email=client.email,
        locale=client.locale,
        zone=client.zone,
        consent=client.consent,
        merged_into=client.merged_into,
        archived=client.archived,
        updated_at=client.updated_at,
        version=client.version,
    )
    return _state_record(
        state, "client", client.organization_id, str(client.id), None, client.version, client.updated_at, cause
    )


def hold_record(hold: Hold, *, organization_id: UUID, now: datetime, cause: Cause) -> OutboxRecord:
    """A slot that is held, for whoever offers slots. A hold never changes: it is released, used or expires."""
    state = HoldState(
        id=hold.id,
        organization_id=organization_id,
        business_id=hold.business_id,
        service_id=hold.service_id,
        resource_ids=hold.resource_ids,
        starts_at=hold.starts_at,
        ends_at=hold.ends_at,
        blocked_from=hold.blocked[0],
        blocked_to=hold.blocked[1],
        expires_at=hold.expires_at,
        version=HOLD_VERSION,
    )
    return _state_record(state, "hold", organization_id, str(hold.id), None, HOLD_VERSION, now, cause)


def hold_tombstone(hold_id: UUID, *, organization_id: UUID) -> OutboxRecord:
    return tombstone(
        organization_id=organization_id,
        topic=HOLDS.name,
        key=str(hold_id),
        type=HoldState.type,
        aggregatetype="hold",
        aggregateid=str(hold_id),
    )


def client_tombstone(*, organization_id: UUID, client_id: UUID) -> OutboxRecord:
    return tombstone(
        organization_id=organization_id,
        topic=CLIENTS.name,
        key=str(client_id),
        type=ClientState.type,
        aggregatetype="client",
        aggregateid=str(client_id),
    )


KINDS: Mapping[type[Entry], str] = {
    Business: "business",
    Resource: "resource",
    Service: "service",
    Action: "action",
}


def catalogue_record(entry: Entry, *, cause: Cause) -> OutboxRecord:
    """A business, resource, service or action on the catalogue topic, keyed `kind:id`."""
    kind = KINDS[type(entry)]
    key = f"{kind}:{entry.id}"
    return _state_record(
        _entry_state(entry), kind, entry.organization_id, str(entry.id), key, entry.version, entry.updated_at, cause
    )


def _entry_state(entry: Entry) -> CatalogueState:
    match entry:
        case Business():
            return BusinessState.model_validate(_state_values(entry))
        case Resource():
            return ResourceState.model_validate(_state_values(entry))
        case Service():
            return ServiceState.model_validate(_service_values(entry))
        case Action():
            return ActionState.model_validate(_state_values(entry))
    raise TypeError(f"{type(entry).__name__} is no kind of catalogue entry")


def _state_values(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in columns_of(entry).items() if name != "created_at"}


def _service_values(service: Service) -> dict[str, Any]:
    """As the contract has it: durations in minutes, the price as one value."""
    values = {
        f"{name}_minutes" if isinstance(value, timedelta) else name: minutes(value)
        if isinstance(value, timedelta)
        else value
        for name, value in _state_values(service).items()
        if name not in {"price_amount", "price_currency"}
    }
    if service.price_amount is not None:
        values["price"] = {"amount": service.price_amount, "currency": service.price_currency}
    return values


def _state_record(
    state: Message,
    kind: str,
    organization_id: UUID,
    subject: str,
    key: str | None,
    version: int,
    now: datetime,
    cause: Cause,
) -> OutboxRecord:
    envelope = wrap(
        state,
        organization=organization_id,
        subject=subject,
        key=key,
        sequence=version,
        time=now,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
        id=new_id(),
    )
    return record_of(envelope, aggregatetype=kind)


def send_message_record(
    *,
    message_id: UUID,
    appointment_id: UUID,
    client_id: UUID | None,
    resource_id: UUID | None,
    text: str,
    context: Context,
) -> OutboxRecord:
    """A text message for notifications to send. The command's id is the message's: sent twice, it is one message."""
    actor, cause = context.actor, context.cause
    command = SendMessage(
        actor=ActorSaid(type=actor.type, id=actor.id, call_id=actor.call_id, on_behalf_of=actor.on_behalf_of),
        message_id=message_id,
        appointment_id=appointment_id,
        client_id=client_id,
        resource_id=resource_id,
        channel="sms",
        text=text,
    )
    envelope = wrap(
        command,
        organization=context.organization_id,
        subject=str(appointment_id),
        sequence=1,
        time=context.now,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
        id=message_id,
    )
    return record_of(envelope, aggregatetype="message")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswer:
    """The result of a command, as it is stored and said: its CloudEvents type and its data as JSON."""

    type: str
    data: bytes


def succeeded(
    *,
    command_id: UUID,
    command_type: str,
    appointment_id: UUID | None = None,
    batch_id: UUID | None = None,
    outcome: str = "done",
    snapshot: bytes | None = None,
    affected: int = 1,
    items: Sequence[Mapping[str, Any]] = (),
) -> CommandAnswer:
    """`items`: of a batch, what became of each, as `item_result` says it."""
    data = {
        "command_id": command_id,
        "command_type": command_type,
        "appointment_id": appointment_id,
        "batch_id": batch_id,
        "outcome": outcome,
        "appointment": None if snapshot is None else orjson.Fragment(snapshot),
        "affected": affected,
        "items": list(items),
    }
    return CommandAnswer(type=CommandSucceeded.type, data=orjson.dumps(data))


def refused(
    *,
    command_id: UUID,
    command_type: str,
    code: str,
    detail: str,
    reasons: Sequence[Reason] = (),
    appointment_id: UUID | None = None,
    batch_id: UUID | None = None,
    verb: str | None = None,
) -> CommandAnswer:
    data = {
        "command_id": command_id,
        "command_type": command_type,
        "appointment_id": appointment_id,
        "batch_id": batch_id,
        "verb": verb,
        "code": code,
        "detail": detail,
        "reasons": _reasons_json(reasons),
    }
    return CommandAnswer(type=CommandRefused.type, data=orjson.dumps(data))


_CONFLICTS_OF_ITEM = 20


def item_result(
    appointment_id: UUID,
    outcome: str,
    *,
    client_id: UUID | None = None,
    error: SlotstreamError | None = None,
    free_resource_ids: Sequence[UUID] = (),
) -> dict[str, Any]:
    """The contract's ItemResult. `error` says why it is refused, each reason with the first of what is in its way:
    a hundred items share one message.
    """
    said: dict[str, Any] = {"appointment_id": appointment_id, "outcome": outcome, "client_id": client_id}
    if free_resource_ids:
        said["free_resource_ids"] = list(free_resource_ids)
    if error is not None:
        reasons = [replace(each, conflicts_with=each.conflicts_with[:_CONFLICTS_OF_ITEM]) for each in error.reasons]
        said |= {"code": error.code, "detail": error.detail, "reasons": _reasons_json(reasons)}
    return said


def _reasons_json(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    return [{"code": one.code, "detail": one.detail, "conflicts_with": list(one.conflicts_with)} for one in reasons]


def result_record(
    answer: CommandAnswer, *, organization_id: UUID, key: str, now: datetime, cause: Cause
) -> OutboxRecord:
    """The answer to a command, keyed as the command was."""
    identity = new_id()
    envelope = {
        "specversion": "1.0",
        "id": identity,
        "source": SOURCE,
        "type": answer.type,
        "subject": key,
        "time": now,
        "datacontenttype": "application/json",
        "dataschema": schema_uri(answer.type),
        "organization": organization_id,
        "partitionkey": key,
        "sequence": 1,
        "correlationid": cause.correlation_id,
        "causationid": cause.causation_id,
        "data": orjson.Fragment(answer.data),
    }
    headers = record_headers(id=identity, type=answer.type, organization=organization_id, traceparent=cause.traceparent)
    if cause.traceparent is not None:
        envelope["traceparent"] = cause.traceparent
    return OutboxRecord(
        id=identity,
        organization_id=organization_id,
        topic=BOOKING_RESULTS.name,
        key=key,
        aggregatetype="command",
        aggregateid=key,
        type=answer.type,
        payload=orjson.dumps(envelope, option=_OPTIONS),
        headers=headers,
    )
