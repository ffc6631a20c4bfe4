"""Domain events as contract messages, through the outbox."""

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
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, enqueue, record_of, tombstone

SOURCE = "/slotstream/calendar-sync"


async def publish(session: AsyncSession, events: Sequence[CalendarEvent], *, cause: Cause) -> None:
    """Enqueues the events' messages with the transaction of `session`."""
    await enqueue(session, [record_for(event, cause) for event in events])


def busy_key(*, organization_id: UUID, connection_id: UUID, instance_id: UUID) -> str:
    """The record key of one external instance; no other organization's record can have it.

    `instance_id` is derived from the event's UID and RECURRENCE-ID, which themselves may be long or private.
    """
    return f"{organization_id}:{connection_id}:{instance_id}"


def record_for(event: CalendarEvent, cause: Cause) -> OutboxRecord:
    match event:
        case BusyChanged():
            return _busy_changed(event, cause)
        case BusyGone():
            return _busy_gone(event)
        case CalendarConnected() | ConnectionPaused():
            return _connection(event, cause)


def _busy_changed(event: BusyChanged, cause: Cause) -> OutboxRecord:
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
        subject=_key_of(event),
        sequence=event.revision,
        time=event.occurred_at,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
        id=new_id(),
    )
    return record_of(envelope, aggregatetype="external_busy")


def _busy_gone(event: BusyGone) -> OutboxRecord:
    return tombstone(
        organization_id=event.organization_id,
        topic=EXTERNAL_BUSY.name,
        key=_key_of(event),
        type=ExternalBusyState.type,
        aggregatetype="external_busy",
        aggregateid=_key_of(event),
        version=event.revision,
    )


def _key_of(event: BusyChanged | BusyGone) -> str:
    return busy_key(
        organization_id=event.organization_id, connection_id=event.connection_id, instance_id=event.instance_id
    )


def _connection(event: CalendarConnected | ConnectionPaused, cause: Cause) -> OutboxRecord:
    connection = event.connection
    envelope = wrap(
        _connection_message(event, connection),
        organization=connection.organization_id,
        subject=str(connection.id),
        sequence=connection.version,
        time=event.occurred_at,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
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
        reason=event.reason,
    )
