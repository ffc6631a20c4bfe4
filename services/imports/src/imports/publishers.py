"""What imports says: events about its imports, and commands to booking."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from imports.domain.model import command_id_of
from slotstream_contracts.base import Actor
from slotstream_contracts.commands import (
    AppointmentItem,
    AppointmentRequest,
    BookAppointments,
    CheckAppointments,
    ClientDetails,
    Command,
    ForcedOverride,
    UndoBatch,
)
from slotstream_contracts.envelope import wrap
from slotstream_contracts.imports import (
    ImportChecked,
    ImportConfirmed,
    ImportEvent,
    ImportFinished,
    ImportUndone,
    ImportUploaded,
)
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, record_of
from slotstream_servicekit.telemetry import current_traceparent

SOURCE = "/slotstream/imports"

EVENTS: Mapping[str, type[ImportEvent]] = {
    "uploaded": ImportUploaded,
    "checked": ImportChecked,
    "confirmed": ImportConfirmed,
    "finished": ImportFinished,
    "undone": ImportUndone,
}


def event_of(happened: str, found: Row[Any], counts: Mapping[str, int], *, now: datetime) -> OutboxRecord:
    data = EVENTS[happened](
        import_id=found.id,
        organization_id=found.organization_id,
        business_id=found.business_id,
        rows=counts.get("rows", 0),
        ok=counts.get("ok", 0),
        warnings=counts.get("warnings", 0),
        conflicts=counts.get("conflicts", 0),
        invalid=counts.get("invalid", 0),
        booked=counts.get("booked", 0),
        failed=counts.get("failed", 0),
        actor=Actor.model_validate(found.actor),
        occurred_at=now,
    )
    envelope = wrap(
        data,
        id=new_id(),
        organization=found.organization_id,
        subject=str(found.id),
        sequence=found.events,
        time=now,
        source=SOURCE,
        correlation_id=str(found.id),
        traceparent=current_traceparent(),
    )
    return record_of(envelope, aggregatetype="import")


def check_of(found: Row[Any], rows: Sequence[Row[Any]], *, now: datetime) -> OutboxRecord:
    data = CheckAppointments(actor=Actor.model_validate(found.actor), items=_items(found, rows, notify=False))
    return _batch(found, rows, "check", data, now=now)


def booking_of(found: Row[Any], rows: Sequence[Row[Any]], *, now: datetime) -> OutboxRecord:
    data = BookAppointments(actor=Actor.model_validate(found.actor), items=_items(found, rows, notify=found.notify))
    return _batch(found, rows, "book", data, now=now)


def undo_of(found: Row[Any], *, command_id: UUID, reason: str, now: datetime) -> OutboxRecord:
    data = UndoBatch(actor=Actor.model_validate(found.actor), batch_id=found.id, reason=reason)
    return _command(found, data, command_id=command_id, subject=str(found.id), now=now)


def _items(found: Row[Any], rows: Sequence[Row[Any]], *, notify: bool) -> tuple[AppointmentItem, ...]:
    return tuple(
        AppointmentItem(appointment_id=row.appointment_id, request=_request(found, row, notify=notify)) for row in rows
    )


def _request(found: Row[Any], row: Row[Any], *, notify: bool) -> AppointmentRequest:
    wish: Mapping[str, Any] = row.wish
    override = row.override_reason if row.state == "conflict" else None
    return AppointmentRequest.model_validate(
        {
            "business_id": found.business_id,
            "service_id": wish["service_id"],
            "client": ClientDetails(name=wish["client_name"], phone=wish["phone"], email=wish["email"]),
            "starts_at": wish["starts_at"],
            "duration_minutes": wish["duration_minutes"],
            "resource_ids": None if wish["resource_id"] is None else (wish["resource_id"],),
            "notes": wish["notes"],
            "notify": notify,
            "external_id": wish["external_id"],
            "batch_id": found.id,
            "source": "import",
            "override": None if override is None else ForcedOverride(reason=override),
        }
    )


def _batch(found: Row[Any], rows: Sequence[Row[Any]], verb: str, data: Command, *, now: datetime) -> OutboxRecord:
    """Keyed by its own id, so that the batches of one import spread over the partitions."""
    command_id = command_id_of(import_id=found.id, verb=verb, rows=[(row.number, row.revision) for row in rows])
    return _command(found, data, command_id=command_id, subject=str(command_id), now=now)


def _command(found: Row[Any], data: Command, *, command_id: UUID, subject: str, now: datetime) -> OutboxRecord:
    envelope = wrap(
        data,
        id=command_id,
        organization=found.organization_id,
        subject=subject,
        sequence=0,
        time=now,
        source=SOURCE,
        correlation_id=str(found.id),
        traceparent=current_traceparent(),
    )
    return record_of(envelope, aggregatetype="command")
