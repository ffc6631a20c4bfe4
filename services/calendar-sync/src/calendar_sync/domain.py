"""External calendars as Slotstream sees them: connections, busy instances, feeds, and the rules between them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NewType, Protocol
from uuid import UUID, uuid5

from slotstream_servicekit.errors import ErrorKind, SlotstreamError

ConnectionId = NewType("ConnectionId", UUID)
FeedId = NewType("FeedId", UUID)
ResourceId = NewType("ResourceId", UUID)

WINDOW_BEFORE = timedelta(days=1)
WINDOW_AFTER = timedelta(days=180)
FEW_DELETIONS = 5
MASS_DELETION_SHARE = 0.2
MAX_BACKOFF_DOUBLINGS = 6


class ConnectionKind(StrEnum):
    ICS = "ics"


class ConnectionState(StrEnum):
    PENDING = "pending"
    OK = "ok"
    FAILING = "failing"
    PAUSED = "paused"


class PauseReason(StrEnum):
    REQUESTED = "requested"
    MASS_DELETION = "mass_deletion"


class FeedTitle(StrEnum):
    """What an appointment is called in a subscribed calendar; never a client's name."""

    SERVICE = "service"
    BUSY = "busy"


class UnknownResourceError(SlotstreamError):
    code = "resource_not_found"
    kind = ErrorKind.not_found


class ConnectionNotFoundError(SlotstreamError):
    code = "connection_not_found"
    kind = ErrorKind.not_found


class FeedNotFoundError(SlotstreamError):
    code = "feed_not_found"
    kind = ErrorKind.not_found


class DuplicateIdError(SlotstreamError):
    code = "id_already_used"
    kind = ErrorKind.conflict


class ConnectionPausedError(SlotstreamError):
    code = "connection_paused"
    kind = ErrorKind.conflict


class ReadingFailedError(Exception):
    """An external calendar could not be read. `code` is stable and shown; `detail` holds no secret."""

    def __init__(self, code: str, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open span in which external events are of interest."""

    starts_at: datetime
    ends_at: datetime

    @classmethod
    def around(cls, now: datetime) -> "Window":
        return cls(now - WINDOW_BEFORE, now + WINDOW_AFTER)


@dataclass(frozen=True, slots=True)
class BusyInstance:
    """One instance of an external event. `recurrence` is its RECURRENCE-ID in UTC, empty for a single event."""

    uid: str
    recurrence: str
    starts_at: datetime
    ends_at: datetime

    @property
    def instance(self) -> tuple[str, str]:
        return self.uid, self.recurrence


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a calendar's text says about a window.

    `unreadable_uids` are events that could not be understood this time: what is known of them stays.
    `warnings` counts what was read with doubt, by code.
    """

    instances: tuple[BusyInstance, ...]
    warnings: Mapping[str, int]
    unreadable_uids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The calendar says that nothing changed since the cursor."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A complete reading of an external calendar, and the cursor to ask with next time."""

    expansion: Expansion
    cursor: Mapping[str, str]


class CalendarReader(Protocol):
    """Reads one kind of external calendar; raises ReadingFailedError."""

    async def read(
        self, *, secret: str, cursor: Mapping[str, str], zone: str, window: Window
    ) -> Reading | Unchanged: ...


@dataclass(frozen=True, slots=True)
class KnownInstance:
    """A busy instance as it was last published."""

    id: UUID
    uid: str
    recurrence: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class BusyChanges:
    """The difference between what is published and what a complete reading found."""

    upserts: tuple[BusyInstance, ...]
    gone: tuple[KnownInstance, ...]
    lost: int
    upcoming: int

    @property
    def is_mass_deletion(self) -> bool:
        return self.lost > FEW_DELETIONS and self.lost > MASS_DELETION_SHARE * self.upcoming


def instance_id(connection_id: UUID, uid: str, recurrence: str) -> UUID:
    """The same external instance always has the same id, whoever reads it and however often."""
    return uuid5(connection_id, f"{uid}\x00{recurrence}")


def compare(known: Sequence[KnownInstance], expansion: Expansion, *, now: datetime, window: Window) -> BusyChanges:
    """Mark and sweep over a complete reading.

    `lost` is the net loss of instances that are not over yet: an event that moved, or a calendar whose
    exporter makes new UIDs each time, loses none.
    """
    found = {instance.instance: instance for instance in expansion.instances}
    published = {(row.uid, row.recurrence): row for row in known}
    upserts = tuple(instance for key, instance in found.items() if not _says_the_same(published.get(key), instance))
    gone = tuple(
        row
        for key, row in published.items()
        if key not in found and (row.uid not in expansion.unreadable_uids or row.ends_at <= window.starts_at)
    )
    upcoming = sum(row.ends_at > now for row in known)
    lost = sum(row.ends_at > now for row in gone)
    gained = sum(instance.ends_at > now and instance.instance not in published for instance in expansion.instances)
    return BusyChanges(upserts, gone, max(0, lost - gained), upcoming)


def _says_the_same(row: KnownInstance | None, instance: BusyInstance) -> bool:
    return row is not None and (row.starts_at, row.ends_at) == (instance.starts_at, instance.ends_at)


def next_poll(
    *,
    now: datetime,
    interval: timedelta,
    failures: int,
    retry_after: timedelta | None = None,
) -> datetime:
    """When to read again: the interval, doubled per failure up to 64 times."""
    wait: timedelta = interval * (1 << min(failures, MAX_BACKOFF_DOUBLINGS))
    return now + max(wait, retry_after or timedelta())


def digest_of(secret: str) -> bytes:
    """How a feed's secret is kept. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A resource's link to an external calendar, without its secret."""

    id: ConnectionId
    organization_id: UUID
    resource_id: ResourceId
    kind: ConnectionKind
    name: str
    address: str
    state: ConnectionState
    pause_reason: PauseReason | None
    accepts_deletions: bool
    error_code: str | None
    error_detail: str | None
    failures: int
    warnings: Mapping[str, int]
    busy_instances: int
    cursor: Mapping[str, str]
    window_ends_at: datetime | None
    revision: int
    last_success_at: datetime | None
    last_attempt_at: datetime | None
    due_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A secret subscription address for one resource's appointments."""

    id: FeedId
    organization_id: UUID
    resource_id: ResourceId
    name: str
    title: FeedTitle
    rotation: int
    created_at: datetime
    updated_at: datetime
    version: int


EventStatus = Literal["TENTATIVE", "CONFIRMED", "CANCELLED"]

EVENT_STATUS_BY_APPOINTMENT: Mapping[str, EventStatus] = {
    "pending": "TENTATIVE",
    "scheduled": "CONFIRMED",
    "confirmed": "CONFIRMED",
    "completed": "CONFIRMED",
    "no_show": "CONFIRMED",
    "cancelled": "CANCELLED",
    "dismissed": "CANCELLED",
}
"""How an appointment's status reads in a calendar (RFC 5545 §3.8.1.11).

A `rescheduled` one is left out: its replacement carries the same UID and a higher SEQUENCE.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """What a subscribed calendar shows of one appointment."""

    appointment_id: UUID
    calendar_uid: str
    calendar_sequence: int
    service_name: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    status: str
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class BusyGone:
    """An external instance no longer takes time."""

    organization_id: UUID
    connection_id: UUID
    instance_id: UUID


@dataclass(frozen=True, slots=True)
class CalendarConnected:
    """The first successful reading, and the first one after a pause."""

    connection: Connection
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class ConnectionPaused:
    connection: Connection
    why: PauseReason
    occurred_at: datetime


CalendarEvent = BusyChanged | BusyGone | CalendarConnected | ConnectionPaused
