"""A resource's link to an external calendar, and when that is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

from calendar_sync.domain.busy import ReadingWarning

ConnectionId = NewType("ConnectionId", UUID)
ResourceId = NewType("ResourceId", UUID)

MAX_BACKOFF_DOUBLINGS = 6
MOST_CONNECTIONS: Final = 1_000
"""Of an organization."""


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
    pause_reason: PauseReason | None = None
    accepts_deletions: bool = False
    error_code: str | None = None
    error_detail: str | None = None
    failures: int = 0
    warnings: Mapping[str, int]
    warning_examples: tuple[ReadingWarning, ...] = ()
    busy_instances: int = 0
    cursor: Mapping[str, str]
    window_ends_at: datetime | None = None
    revision: int = 0
    last_success_at: datetime | None = None
    last_attempt_at: datetime | None = None
    due_at: datetime
    sync_requested: bool = False
    """Whether to read again as soon as the reading that is under way has ended."""
    created_at: datetime
    updated_at: datetime
    version: int


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
