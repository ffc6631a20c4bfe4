"""What calendar-sync says: domain events as contract messages, through the outbox."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.domain import (
    BusyChanged,
    BusyGone,
    CalendarConnected,
    CalendarEvent,
    Connection,
    ConnectionPaused,
)
from slotstream_contracts.calendar_sync import ConnectionConnected
from slotstream_contracts.calendar_sync import ConnectionPaused as ConnectionPausedMessage
from slotstream_contracts.envelope import wrap
from slotstream_contracts.schedules import ExternalBusyState
from slotstream_contracts.topics import EXTERNAL_BUSY
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, enqueue, record_of, tombstone
from slotstream_servicekit.telemetry import current_traceparent

SOURCE = "/slotstream/calendar-sync"


async def publish(session: AsyncSession, events: Sequence[CalendarEvent], *, correlation_id: str) -> None:
    """Enqueues the events' messages with the transaction of `session`."""
    traceparent = current_traceparent()
    await enqueue(session, [_record(event, correlation_id, traceparent) for event in events])


def busy_key(connection_id: UUID, instance_id: UUID) -> str:
    """The record key of one external instance.

    `instance_id` is derived from the event's UID and RECURRENCE-ID, which themselves may be long or private.
    """
    return f"{connection_id}:{instance_id}"


def _record(event: CalendarEvent, correlation_id: str, traceparent: str | None) -> OutboxRecord:
    match event:
        case BusyChanged():
            return _busy(event, correlation_id, traceparent)
        case BusyGone():
            key = busy_key(event.connection_id, event.instance_id)
            return tombstone(
                organization_id=event.organization_id,
                topic=EXTERNAL_BUSY.name,
                key=key,
                type=ExternalBusyState.type,
                aggregatetype="external_busy",
                aggregateid=key,
            )
        case CalendarConnected() | ConnectionPaused():
            return _connection(event, correlation_id, traceparent)


def _busy(event: BusyChanged, correlation_id: str, traceparent: str | None) -> OutboxRecord:
    key = busy_key(event.connection_id, event.instance_id)
    state = ExternalBusyState(
        id=event.instance_id,
        organization_id=event.organization_id,
        resource_id=event.resource_id,
        connection_id=event.connection_id,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        updated_at=event.occurred_at,
        version=event.revision,
    )
    envelope = wrap(
        state,
        organization=event.organization_id,
        subject=key,
        sequence=event.revision,
        time=event.occurred_at,
        source=SOURCE,
        correlation_id=correlation_id,
        traceparent=traceparent,
        id=new_id(),
    )
    return record_of(envelope, aggregatetype="external_busy")


def _connection(
    event: CalendarConnected | ConnectionPaused, correlation_id: str, traceparent: str | None
) -> OutboxRecord:
    connection = event.connection
    envelope = wrap(
        _connection_message(event, connection),
        organization=connection.organization_id,
        subject=str(connection.id),
        sequence=connection.version,
        time=event.occurred_at,
        source=SOURCE,
        correlation_id=correlation_id,
        traceparent=traceparent,
        id=new_id(),
    )
    return record_of(envelope, aggregatetype="connection")


def _connection_message(
    event: CalendarConnected | ConnectionPaused, connection: Connection
) -> ConnectionConnected | ConnectionPausedMessage:
    if isinstance(event, CalendarConnected):
        return ConnectionConnected(
            organization_id=connection.organization_id,
            connection_id=connection.id,
            resource_id=connection.resource_id,
            occurred_at=event.occurred_at,
        )
    return ConnectionPausedMessage(
        organization_id=connection.organization_id,
        connection_id=connection.id,
        resource_id=connection.resource_id,
        occurred_at=event.occurred_at,
        reason=event.why,
    )
