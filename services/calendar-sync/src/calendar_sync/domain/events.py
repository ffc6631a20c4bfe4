"""What happened, to be published."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from calendar_sync.domain.connections import Connection, PauseReason


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyChanged:
    """An external instance takes, or goes on taking, the resource's time."""

    organization_id: UUID
    connection_id: UUID
    resource_id: UUID
    instance_id: UUID
    starts_at: datetime
    ends_at: datetime
    revision: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyGone:
    """An external instance no longer takes time."""

    organization_id: UUID
    connection_id: UUID
    instance_id: UUID
    revision: int
    """Higher than that of what was said of it before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarConnected:
    """The first successful reading, and the first one after a pause."""

    connection: Connection
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPaused:
    connection: Connection
    reason: PauseReason
    occurred_at: datetime


CalendarEvent = BusyChanged | BusyGone | CalendarConnected | ConnectionPaused
