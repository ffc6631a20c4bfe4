"""`slotstream.calendar-sync.v1`: how appointments and connections stand with external calendars."""

from typing import ClassVar
from uuid import UUID

from slotstream_contracts.base import Instant, Message
from slotstream_contracts.topics import CALENDAR_SYNC, Topic


class SyncEvent(Message):
    topic: ClassVar[Topic] = CALENDAR_SYNC

    organization_id: UUID
    appointment_id: UUID
    connection_id: UUID
    occurred_at: Instant


class AppointmentSynced(SyncEvent):
    type: ClassVar[str] = "slotstream.sync.synced"


class AppointmentSyncPending(SyncEvent):
    type: ClassVar[str] = "slotstream.sync.pending"


class AppointmentSyncFailed(SyncEvent):
    type: ClassVar[str] = "slotstream.sync.failed"

    code: str
    detail: str


class ConnectionEvent(Message):
    topic: ClassVar[Topic] = CALENDAR_SYNC

    organization_id: UUID
    connection_id: UUID
    resource_id: UUID
    occurred_at: Instant


class ConnectionConnected(ConnectionEvent):
    type: ClassVar[str] = "slotstream.connection.connected"


class ConnectionNeedsReauth(ConnectionEvent):
    type: ClassVar[str] = "slotstream.connection.needs_reauth"


class ConnectionPaused(ConnectionEvent):
    type: ClassVar[str] = "slotstream.connection.paused"

    reason: str
