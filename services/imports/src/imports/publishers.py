"""What imports says: events about its imports, and commands to booking."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from imports.domain.imports import Import, command_id_of
from imports.domain.locations import Location
from imports.domain.rows import RequestedAppointment, RowCounts, RowToSend, RowToUndo, Stage
from slotstream_contracts import base
from slotstream_contracts.commands import (
    AppointmentItem,
    AppointmentRequest,
    BookAppointments,
    CheckAppointments,
    ClientDetails,
    Command,
    ForcedOverride,
    UndoAppointments,
)
from slotstream_contracts.envelope import wrap
from slotstream_contracts.imports import (
    ImportCancelled,
    ImportChecked,
    ImportConfirmed,
    ImportEvent,
    ImportFinished,
    ImportUndone,
    ImportUploaded,
)
from slotstream_servicekit.context import Actor, Context
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, record_of

SOURCE = "/slotstream/imports"


class Happened(StrEnum):
    UPLOADED = "uploaded"
    CHECKED = "checked"
    CONFIRMED = "confirmed"
    FINISHED = "finished"
    UNDONE = "undone"
    CANCELLED = "cancelled"


_EVENTS: Mapping[Happened, type[ImportEvent]] = {
    Happened.UPLOADED: ImportUploaded,
    Happened.CHECKED: ImportChecked,
    Happened.CONFIRMED: ImportConfirmed,
    Happened.FINISHED: ImportFinished,
    Happened.UNDONE: ImportUndone,
    Happened.CANCELLED: ImportCancelled,
}


def import_event(
    happened: Happened, imported: Import, counts: RowCounts, *, actor: Actor, context: Context
) -> OutboxRecord:
    """Numbered by the import's `events`; `actor` is who asked for what happened."""
    data = _EVENTS[happened](
        import_id=imported.id,
        organization_id=imported.organization_id,
        business_id=imported.business_id,
        rows=counts.rows,
        ok=counts.ok,
        warnings=counts.warnings,
        conflicts=counts.conflicts,
        invalid=counts.invalid,
        booked=counts.booked,
        failed=counts.failed,
        actor=_actor(actor),
        occurred_at=context.now,
    )
    envelope = wrap(
        data,
        id=new_id(),
        organization=imported.organization_id,
        subject=str(imported.id),
        sequence=imported.events,
        time=context.now,
        source=SOURCE,
        correlation_id=str(imported.id),
        causation_id=context.cause.causation_id,
        traceparent=context.cause.traceparent,
    )
    return record_of(envelope, aggregatetype="import")


def rows_command(
    stage: Stage, imported: Import, rows: Sequence[RowToSend], *, actor: Actor, context: Context
) -> OutboxRecord:
    """Has booking check or book `rows`.

    Keyed by its own id, so that the batches of one import spread over the partitions.
    """
    notify = stage is Stage.BOOK and imported.notify
    items = tuple(
        AppointmentItem(appointment_id=row.appointment_id, request=_request(imported, row, notify=notify))
        for row in rows
    )
    command = CheckAppointments if stage is Stage.CHECK else BookAppointments
    revisions = [(row.number, row.revision) for row in rows]
    command_id = command_id_of(of=imported.id, verb=stage, rows=revisions)
    data = command(actor=_actor(actor), items=items)
    return _command(imported, data, command_id=command_id, subject=str(command_id), context=context)


def undo_command(imported: Import, rows: Sequence[RowToUndo], *, actor: Actor, context: Context) -> OutboxRecord:
    """Has booking take back `rows`. Another undoing, after one that was given up, has commands of its own."""
    revisions = [(row.number, row.revision) for row in rows]
    command_id = command_id_of(of=imported.undo_id or imported.id, verb=Stage.UNDO, rows=revisions)
    data = UndoAppointments(
        actor=_actor(actor),
        batch_id=imported.id,
        appointment_ids=tuple(row.appointment_id for row in rows),
        reason=imported.undo_reason or "",
    )
    return _command(imported, data, command_id=command_id, subject=str(command_id), context=context)


def _request(imported: Import, row: RowToSend, *, notify: bool) -> AppointmentRequest:
    requested: RequestedAppointment = row.requested
    return AppointmentRequest(
        business_id=imported.business_id,
        service_id=requested.service_id,
        client=ClientDetails(name=requested.client_name, phone=requested.phone, email=requested.email),
        starts_at=requested.starts_at,
        duration_minutes=requested.duration_minutes,
        resource_ids=None if requested.resource_id is None else (requested.resource_id,),
        location=_location(requested.location),
        status=requested.status.value,
        notes=requested.notes,
        notify=notify,
        external_id=requested.external_id,
        batch_id=imported.id,
        source="import",
        override=None if row.override is None else ForcedOverride(reason=row.override.reason),
    )


def _location(location: Location | None) -> base.Location | None:
    return None if location is None else base.Location(kind=location.kind, text=location.text, url=location.url)


def _actor(actor: Actor) -> base.Actor:
    return base.Actor(type=actor.type, id=actor.id, call_id=actor.call_id, on_behalf_of=actor.on_behalf_of)


def _command(imported: Import, data: Command, *, command_id: UUID, subject: str, context: Context) -> OutboxRecord:
    envelope = wrap(
        data,
        id=command_id,
        organization=imported.organization_id,
        subject=subject,
        sequence=0,
        time=context.now,
        source=SOURCE,
        correlation_id=str(imported.id),
        causation_id=context.cause.causation_id,
        traceparent=context.cause.traceparent,
    )
    return record_of(envelope, aggregatetype="command")
