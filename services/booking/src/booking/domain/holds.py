"""Holds: a slot kept for some minutes, in the same exclusion set as appointments."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from slotstream_servicekit.context import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    id: UUID
    business_id: UUID
    service_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    resource_ids: tuple[UUID, ...]
    expires_at: datetime
    blocked: tuple[datetime, datetime]
    """The time that is taken, the service's buffers included."""
    held_by: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedHold:
    """What a hold kept, for the booking that takes its place."""

    business_id: UUID
    starts_at: datetime
    resource_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    id: UUID
    business_id: UUID
    service_id: UUID | None
    starts_at: datetime
    duration: timedelta | None
    resource_ids: tuple[UUID, ...] | None
    lasts: timedelta
    replaces: UUID | None = None
    """A hold that is given up for it, in the same transaction; one that is over already is nothing to give up."""
