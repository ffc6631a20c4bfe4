"""The waiting list: clients who want a service in a window that is full, and who are offered what is freed in order."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, Final
from uuid import UUID

from booking.domain.catalogue import Service
from booking.domain.errors import InvalidBookingError, WorkFailure

LONGEST_WINDOW: Final = timedelta(days=366)
_MOST_STARTS: Final = 96
"""Of one freed time that are tried: a day in quarters of an hour."""


class EntryStatus(StrEnum):
    """Only `waiting` and `offered` lead on."""

    WAITING = "waiting"
    OFFERED = "offered"
    BOOKED = "booked"
    EXPIRED = "expired"
    """The window is over."""
    WITHDRAWN = "withdrawn"


ACTIVE: Final = frozenset({EntryStatus.WAITING, EntryStatus.OFFERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A slot that is held for who waits. `id` is the hold's as well, and the appointment's once it is taken."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingListEntry:
    """A client who waits for a service, with one resource or any; the appointment is to lie within the window.

    `offer`: the one that is open, or was taken. `offered_starts`: nobody is offered the same start twice.
    """

    organization_id: UUID
    id: UUID
    business_id: UUID
    service_id: UUID
    client_id: UUID
    resource_id: UUID | None
    window_from: datetime
    window_to: datetime
    status: EntryStatus = EntryStatus.WAITING
    offer: Offer | None = None
    offered_starts: tuple[datetime, ...] = ()
    last_failure: WorkFailure | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def appointment_id(self) -> UUID | None:
        return self.offer.id if self.status is EntryStatus.BOOKED and self.offer is not None else None

    def changed(self, *, now: datetime, **values: Any) -> "WaitingListEntry":
        return replace(self, **values, updated_at=max(now, self.updated_at), version=self.version + 1)

    def offered(self, offer: Offer, *, now: datetime) -> "WaitingListEntry":
        starts = (*self.offered_starts, offer.starts_at)
        return self.changed(now=now, status=EntryStatus.OFFERED, offer=offer, offered_starts=starts)

    def ended(self, status: EntryStatus, *, now: datetime) -> "WaitingListEntry":
        """Without its offer: it waits on, or is over."""
        return self.changed(now=now, status=status, offer=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreedTime:
    """Time that an appointment or an offer without an answer has given back, `freed_by`.

    Those who may take it are looked at in portions, in a round: by whom it has come is `reached`, and `is_wanted` says
    whether one of them may still take it later.
    """

    organization_id: UUID
    id: UUID
    freed_by: UUID
    business_id: UUID
    begins: datetime
    ends: datetime
    reached: tuple[datetime, UUID] | None = None
    is_wanted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingListLimits:
    """How long a slot is held for who waits, and how many may wait."""

    hold: timedelta = timedelta(minutes=15)
    per_client: int = 10
    per_organization: int = 5_000


def check_window(begins: datetime, ends: datetime, *, duration: timedelta, now: datetime) -> None:
    """Raises InvalidBookingError for a window in which no appointment of this length can lie."""
    if ends - begins < duration:
        raise InvalidBookingError("window_too_short", "The window is shorter than the service.")
    if ends - begins > LONGEST_WINDOW:
        raise InvalidBookingError("window_too_long", "The window is longer than a year.")
    if ends - duration <= now:
        raise InvalidBookingError("window_over", "The window is over.")


def possible_starts(
    entry: WaitingListEntry, freed: FreedTime, service: Service, *, now: datetime, hold: timedelta
) -> Iterator[datetime]:
    """Where in the freed time the service could begin for who waits, and still can when the offer runs out.

    From its beginning in steps of the service's slot interval. A service that takes longer than what was freed is
    tried at its beginning alone.
    """
    earliest = max(entry.window_from, now + hold + service.minimum_notice)
    latest = entry.window_to - service.duration
    for start in islice(_steps(freed, service), _MOST_STARTS):
        if earliest <= start <= latest and start not in entry.offered_starts:
            yield start


def _steps(freed: FreedTime, service: Service) -> Iterator[datetime]:
    start = freed.begins
    yield start
    while (start := start + service.slot_interval) + service.duration <= freed.ends:
        yield start
