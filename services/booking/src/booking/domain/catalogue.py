"""The catalogue: an organization's businesses, resources, services and actions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from booking.domain.search import folded

ResourceKind = Literal["staff", "room", "equipment", "business"]
Assignment = Literal["least_loaded", "round_robin", "priority"]

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What every entry has. Archived ones are hidden from new bookings, and never deleted."""

    organization_id: UUID
    id: UUID
    name: str
    archived: bool = False
    created_at: datetime
    updated_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Business(Entry):
    """A location or brand. `phone_region` and `country` are ISO 3166-1 alpha-2.

    `public_booking`: whether it has a public page, where visitors book the services that are `public_booking` as well.
    `verify_by_code`: whether they prove there that the e-mail address is theirs. `embed_origins`: which sites show the
    page inside their own.
    """

    zone: str
    locale: str
    phone_region: str
    country: str | None = None
    currency: str
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    assignment: Assignment = "least_loaded"
    public_booking: bool = False
    verify_by_code: bool = False
    embed_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Entry):
    """Staff, a room, equipment, or a business's own calendar. `zone` is the one its working hours are kept in."""

    kind: ResourceKind
    zone: str
    business_ids: tuple[UUID, ...]
    priority: int = 0
    email: str | None = None
    phone: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Entry):
    """A pre-configured kind of appointment. `requires`: per place, the resources that can fill it."""

    business_id: UUID
    duration: timedelta
    buffer_before: timedelta = timedelta()
    buffer_after: timedelta = timedelta()
    minimum_notice: timedelta = timedelta()
    booking_window_days: int | None = None
    slot_interval: timedelta = timedelta(minutes=15)
    capacity: int = 1
    requires: tuple[tuple[UUID, ...], ...] = ()
    price_amount: Decimal | None = None
    price_currency: str | None = None
    needs_approval: bool = False
    pending_occupies: bool = True
    client_confirms: bool = False
    cancellation_notice: timedelta = timedelta()
    reschedule_notice: timedelta = timedelta()
    max_reschedules: int | None = None
    public_booking: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Entry):
    """Something to be done in an appointment: call back, site visit. `position` is its place in the list."""

    position: int = 0

    def is_called(self, name: str) -> bool:
        """Whether this is its name, whatever the case and the accents."""
        return folded(self.name).split() == folded(name).split()


def minutes(duration: timedelta) -> int:
    return duration // _MINUTE
