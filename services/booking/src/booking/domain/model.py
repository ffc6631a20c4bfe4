"""The nouns of booking: catalogue, clients, appointments and who did what to them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NewType
from uuid import UUID

from booking.domain.lifecycle import TAKES_TIME, TRANSITIONS, Status, Verb

OrganizationId = NewType("OrganizationId", UUID)
AppointmentId = NewType("AppointmentId", UUID)
ResourceId = NewType("ResourceId", UUID)

ResourceKind = Literal["staff", "room", "equipment", "business"]
ActorType = Literal["user", "client", "ai_agent", "system", "integration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did it. `call_id` names the AI call; `on_behalf_of` the client somebody acted for."""

    type: ActorType
    id: str
    call_id: str | None = None
    on_behalf_of: UUID | None = None

    @property
    def may_override(self) -> bool:
        """Only members of staff set constraints aside: never an agent, never a client."""
        return self.type == "user"

    @property
    def keeps_notice(self) -> bool:
        """Clients and agents keep to the notice periods of a service."""
        return self.type in {"client", "ai_agent"}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """One appointment with everything known about it. Times are half-open and without buffers."""

    id: UUID
    organization_id: UUID
    business_id: UUID
    zone: str
    client_id: UUID
    service_id: UUID | None
    service_name: str
    action_id: UUID | None
    action_name: str | None
    starts_at: datetime
    ends_at: datetime
    buffer_before_minutes: int
    buffer_after_minutes: int
    status: Status
    source: str
    origin_kind: str
    origin_reference_id: str | None
    origin_url: str | None
    notes: str | None
    internal_notes: str | None
    share_with_client: bool
    notify_client: bool
    series_id: UUID | None
    rescheduled_from: UUID | None
    rescheduled_to: UUID | None
    previous_starts_at: datetime | None
    reschedule_count: int
    calendar_uid: str
    calendar_sequence: int
    quoted_amount: Decimal | None
    quoted_currency: str | None
    actual_amount: Decimal | None
    actual_currency: str | None
    external_id: str | None
    batch_id: UUID | None
    archived: bool
    occupies: bool
    created_at: datetime
    updated_at: datetime
    version: int
    resources: tuple[AssignedResource, ...] = ()

    @property
    def blocked(self) -> tuple[datetime, datetime]:
        """The time its resources are taken, buffers included."""
        return (
            self.starts_at - timedelta(minutes=self.buffer_before_minutes),
            self.ends_at + timedelta(minutes=self.buffer_after_minutes),
        )

    @property
    def duration(self) -> timedelta:
        return self.ends_at - self.starts_at


BOOKKEEPING = frozenset({"updated_at", "version", "occupies", "calendar_sequence", "calendar_uid", "created_at"})


def changed(
    old: Appointment,
    *,
    verb: Verb,
    now: datetime,
    reason: str | None = None,
    override: Override | None = None,
    **values: Any,
) -> tuple[Appointment, Change]:
    """The appointment after `verb` with `values`, one version on, and the change on record.

    A change that waited for another's commit is not older than it: versions and times go on together.
    """
    row = TRANSITIONS[verb]
    new = replace(
        old,
        **values,
        updated_at=max(now, old.updated_at),
        version=old.version + 1,
        calendar_sequence=old.calendar_sequence + int(row.moves_calendar),
    )
    return new, Change(verb=verb, fields=differences(old, new), reason=reason, override=override)


def differences(old: Appointment, new: Appointment) -> dict[str, tuple[Any, Any]]:
    """Field by field: (old, new), without the bookkeeping that every change touches."""
    return {
        field.name: (getattr(old, field.name), getattr(new, field.name))
        for field in fields(Appointment)
        if field.name not in BOOKKEEPING and getattr(old, field.name) != getattr(new, field.name)
    }


def takes_time(status: Status, *, pending_occupies: bool) -> bool:
    """Whether an appointment of this status occupies its resources."""
    return status in TAKES_TIME or (status is Status.PENDING and pending_occupies)
