"""What a client sees of their appointments, and where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, Protocol
from uuid import UUID

Channel = Literal["email", "sms"]
CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms")
"""What clients choose of on the page of messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalBusiness:
    name: str
    zone: str
    locale: str
    phone: str | None
    address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalClient:
    """`locale` and `zone` None: those of the business."""

    id: UUID
    locale: str | None
    zone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalAppointment:
    id: UUID
    business: PortalBusiness
    business_id: UUID
    service_id: UUID | None
    service_name: str
    staff: tuple[str, ...]
    resource_ids: tuple[UUID, ...]
    starts_at: datetime
    ends_at: datetime
    zone: str
    duration_minutes: int
    location: str
    status: str
    asks_confirmation: bool
    verbs: frozenset[str]
    calendar_uid: str
    calendar_sequence: int
    updated_at: datetime
    series_calendar_uid: str | None = None
    recurs_at: datetime | None = None
    """With the UID of a series: which of its dates it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalSlotDay:
    """A day of the client's zone with its free starts."""

    day: date
    starts: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalOffer:
    """A slot of the waiting list that is held for the client until `expires_at`, as long as it is `open`."""

    id: UUID
    business: PortalBusiness
    service_name: str
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime
    status: Literal["open", "booked", "over"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalPreferences:
    opted_out: frozenset[str]
    version: int
    reminders: bool | None = None
    """Whether reminders are mailed; None where the service does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalBrowser:
    """A browser that takes push messages; `service` is the host of its push service."""

    id: UUID
    service: str
    device: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalPush:
    """`key` is what browsers subscribe with."""

    key: str
    browsers: tuple[PortalBrowser, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBrowser:
    """What a browser that has just subscribed says of itself."""

    endpoint: str
    p256dh: str
    auth: str
    device: str | None
    replaces: str | None = None
    """The endpoint that it had before, where the browser has changed its subscription."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """On whose behalf the services are asked."""

    organization_id: UUID
    client_id: UUID


class PortalServices(Protocol):
    """The services, asked as a client. Raises PortalRefusedError for what they refuse, else a transient error."""

    async def appointments(self, visitor: Visitor) -> tuple[PortalClient, Sequence[PortalAppointment]]: ...

    async def appointment(self, visitor: Visitor, appointment_id: UUID) -> tuple[PortalClient, PortalAppointment]: ...

    async def contact(self, visitor: Visitor, appointment_id: UUID | None) -> PortalBusiness | None: ...

    async def confirm(self, visitor: Visitor, appointment_id: UUID, *, shown: datetime) -> None: ...

    async def cancel(self, visitor: Visitor, appointment_id: UUID, *, shown: datetime, reason: str) -> None: ...

    async def move(
        self, visitor: Visitor, appointment_id: UUID, *, shown: datetime, starts_at: datetime, key: str
    ) -> PortalAppointment: ...

    async def slots(
        self, visitor: Visitor, appointment: PortalAppointment, *, zone: str, first: date, last: date
    ) -> Sequence[PortalSlotDay]: ...

    async def offer(self, visitor: Visitor, offer_id: UUID) -> tuple[PortalClient, PortalOffer]: ...

    async def accept_offer(self, visitor: Visitor, offer_id: UUID, *, key: str) -> PortalAppointment: ...

    async def decline_offer(self, visitor: Visitor, offer_id: UUID, *, leave: bool) -> None: ...

    async def preferences(self, visitor: Visitor) -> PortalPreferences: ...

    async def set_preferences(
        self, visitor: Visitor, opted_out: frozenset[str], *, reminders: bool | None, version: int
    ) -> None:
        """`reminders`: whether they are mailed; None leaves it as it is."""
        ...

    async def unsubscribe_by_one_click(self, visitor: Visitor) -> None:
        """No reminders by mail any more; twice is as once."""
        ...

    async def push(self, visitor: Visitor) -> PortalPush | None:
        """None where nothing is pushed."""
        ...

    async def subscribe(self, visitor: Visitor, browser: NewBrowser) -> None: ...

    async def unsubscribe(self, visitor: Visitor, browser_id: UUID) -> None: ...
