"""`slotstream.catalogue.v1` (compacted): businesses, resources, services and actions. Key: `kind:id`."""

from typing import ClassVar, Literal
from uuid import UUID

from slotstream_contracts.base import Currency, Instant, Message, Minutes, Money, Version, Zone
from slotstream_contracts.topics import CATALOGUE, Topic


class CatalogueState(Message):
    topic: ClassVar[Topic] = CATALOGUE

    id: UUID
    organization_id: UUID
    name: str
    archived: bool = False
    updated_at: Instant
    version: Version


class BusinessState(CatalogueState):
    """A location or brand. `phone_region` and `country` are ISO 3166-1 alpha-2."""

    type: ClassVar[str] = "slotstream.business.state"

    zone: Zone
    locale: str = "en"
    phone_region: str
    country: str | None = None
    currency: Currency
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    assignment: Literal["least_loaded", "round_robin", "priority"] = "least_loaded"


class ResourceState(CatalogueState):
    """Staff, a room, equipment, or the business's own calendar. `email`/`phone` are staff's work contacts."""

    type: ClassVar[str] = "slotstream.resource.state"

    business_ids: tuple[UUID, ...]
    kind: Literal["staff", "room", "equipment", "business"]
    zone: Zone
    """The zone its working hours are kept in."""
    priority: int = 0
    email: str | None = None
    phone: str | None = None
    user_id: str | None = None


class ServiceState(CatalogueState):
    """A pre-configured kind of appointment and its constraints.

    `requires` holds one entry per resource that an appointment takes at the same time: the ids that can
    fill that place. Empty: any one staff of the business, or its own calendar where it has none.
    """

    type: ClassVar[str] = "slotstream.service.state"

    business_id: UUID
    duration_minutes: Minutes
    buffer_before_minutes: Minutes = 0
    buffer_after_minutes: Minutes = 0
    minimum_notice_minutes: Minutes = 0
    booking_window_days: int | None = None
    slot_interval_minutes: int = 15
    capacity: int = 1
    requires: tuple[tuple[UUID, ...], ...] = ()
    price: Money | None = None
    needs_approval: bool = False
    pending_occupies: bool = True
    client_confirms: bool = False
    cancellation_notice_minutes: Minutes = 0
    reschedule_notice_minutes: Minutes = 0
    max_reschedules: int | None = None


class ActionState(CatalogueState):
    """Something to be done in an independent appointment: call back, site visit."""

    type: ClassVar[str] = "slotstream.action.state"

    position: int = 0
