"""External calendars as Slotstream sees them: connections, busy instances, feeds, and the rules between them."""

from calendar_sync.domain.busy import (
    BusyChanges,
    BusyInstance,
    Expansion,
    KnownInstance,
    Window,
    compare,
    instance_id,
)
from calendar_sync.domain.calendars import CalendarReader, CalendarText, CalendarWriter, Reading, Unchanged
from calendar_sync.domain.connections import (
    Connection,
    ConnectionId,
    ConnectionKind,
    ConnectionState,
    PauseReason,
    ResourceId,
    next_poll,
)
from calendar_sync.domain.errors import (
    ConnectionNotFoundError,
    ConnectionPausedError,
    FeedNotFoundError,
    IdTakenError,
    ReadingFailedError,
    UnknownResourceError,
)
from calendar_sync.domain.events import BusyChanged, BusyGone, CalendarConnected, CalendarEvent, ConnectionPaused
from calendar_sync.domain.feeds import (
    EVENT_STATUS_BY_APPOINTMENT,
    Feed,
    FeedEntry,
    FeedId,
    FeedTitle,
    digest_of,
)

__all__ = [
    "EVENT_STATUS_BY_APPOINTMENT",
    "BusyChanged",
    "BusyChanges",
    "BusyGone",
    "BusyInstance",
    "CalendarConnected",
    "CalendarEvent",
    "CalendarReader",
    "CalendarText",
    "CalendarWriter",
    "Connection",
    "ConnectionId",
    "ConnectionKind",
    "ConnectionNotFoundError",
    "ConnectionPaused",
    "ConnectionPausedError",
    "ConnectionState",
    "Expansion",
    "Feed",
    "FeedEntry",
    "FeedId",
    "FeedNotFoundError",
    "FeedTitle",
    "IdTakenError",
    "KnownInstance",
    "PauseReason",
    "Reading",
    "ReadingFailedError",
    "ResourceId",
    "Unchanged",
    "UnknownResourceError",
    "Window",
    "compare",
    "digest_of",
    "instance_id",
    "next_poll",
]
