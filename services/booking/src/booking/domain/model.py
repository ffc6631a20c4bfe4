"""The nouns of booking: the catalogue, and what a verb did to an appointment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, NewType
from uuid import UUID

from booking.domain.lifecycle import Verb
from slotstream_servicekit.context import Actor

OrganizationId = NewType("OrganizationId", UUID)
AppointmentId = NewType("AppointmentId", UUID)
ResourceId = NewType("ResourceId", UUID)

ResourceKind = Literal["staff", "room", "equipment", "business"]


def keeps_notice(actor: Actor) -> bool:
    """Clients and agents keep to the notice periods of a service."""
    return actor.type in {"client", "ai_agent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    id: UUID
    name: str
    zone: str
    phone_region: str
    currency: str
    assignment: Literal["least_loaded", "round_robin", "priority"] = "least_loaded"
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    id: UUID
    name: str
    kind: ResourceKind
    zone: str
    business_ids: tuple[UUID, ...]
    priority: int = 0
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A pre-configured kind of appointment. `requires`: per place, the resources that can fill it."""

    id: UUID
    business_id: UUID
    name: str
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
    cancellation_notice: timedelta = timedelta()
    reschedule_notice: timedelta = timedelta()
    max_reschedules: int | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    id: UUID
    name: str
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedResource:
    """A resource that an appointment takes; `seat` counts from 0 in a group service."""

    id: UUID
    kind: ResourceKind
    name: str
    seat: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A constraint set aside on purpose: why, which rules, and what was in the way."""

    reason: str
    rules: tuple[str, ...]
    conflicts_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one verb did: field-level old and new values, why, and the constraint it set aside."""

    verb: Verb
    fields: Mapping[str, tuple[Any, Any]]
    reason: str | None = None
    override: Override | None = None
