"""Secret subscription addresses, and what they show."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, NewType
from uuid import UUID

from calendar_sync.domain.connections import ResourceId

FeedId = NewType("FeedId", UUID)

MOST_FEEDS: Final = 1_000
"""Of an organization."""


class FeedTitle(StrEnum):
    """What an appointment is called in a subscribed calendar; never a client's name."""

    SERVICE = "service"
    BUSY = "busy"


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


def digest_of(secret: str) -> bytes:
    """How a feed's secret is kept. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


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
    """What a subscribed calendar shows of one appointment. `location` None: nothing is said of it."""

    appointment_id: UUID
    calendar_uid: str
    calendar_sequence: int
    service_name: str
    location: str | None
    starts_at: datetime
    ends_at: datetime
    zone: str
    status: str
    created_at: datetime
    updated_at: datetime
    version: int
