"""The public page of a business: what visitors are shown, and what they carry from step to step."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from dashboard.domain.portal import PortalAppointment, PortalBusiness, PortalSlotDay


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAddress:
    """Whose page it is. Both ids are in its address, so that no table has to say whose a business is."""

    organization_id: UUID
    business_id: UUID

    @property
    def handle(self) -> str:
        both = self.organization_id.bytes + self.business_id.bytes
        return base64.urlsafe_b64encode(both).rstrip(b"=").decode()

    @classmethod
    def of(cls, handle: str) -> "PageAddress | None":
        """None for what is no handle; each page has one spelling."""
        try:
            both = base64.urlsafe_b64decode(handle + "=" * (-len(handle) % 4))
        except (binascii.Error, ValueError):
            return None
        if len(both) != 32:
            return None
        address = cls(organization_id=UUID(bytes=both[:16]), business_id=UUID(bytes=both[16:]))
        return address if address.handle == handle else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisitor:
    """On whose behalf the services are asked: somebody unknown. `key` tells visitors apart, and names nobody."""

    address: PageAddress
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicStaff:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicService:
    id: UUID
    name: str
    duration_minutes: int
    price: tuple[Decimal, str] | None
    needs_approval: bool
    staff: tuple[PublicStaff, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicPage:
    business: PortalBusiness
    verify_by_code: bool
    embed_origins: tuple[str, ...]
    services: tuple[PublicService, ...]

    def service(self, service_id: UUID | None) -> PublicService | None:
        return next((service for service in self.services if service.id == service_id), None)


class FrameMemory:
    """Which origins framed a page when it was last read: for answers to requests that do not get as far as that."""

    def __init__(self, *, most: int = 5_000) -> None:
        self._origins: dict[PageAddress, tuple[str, ...]] = {}
        self._most = most

    def remember(self, address: PageAddress, origins: tuple[str, ...]) -> None:
        if len(self._origins) >= self._most and address not in self._origins:
            self._origins.clear()
        self._origins[address] = origins

    def origins_of(self, address: PageAddress | None) -> tuple[str, ...]:
        return self._origins.get(address, ()) if address is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    id: UUID
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A time that a visitor has chosen, before they say who they are. `id` is the appointment's to be.

    It books one appointment at most, however often it is sent. Sealed, it stands in the form's address.
    """

    id: UUID
    service_id: UUID
    staff_id: UUID | None
    starts_at: datetime
    hold: Hold | None
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What a visitor has booked. `client_id` where they have proved to be the one; `by_mail`: they gave an address."""

    appointment_id: UUID
    client_id: UUID | None
    by_mail: bool
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorDetails:
    name: str
    phone: str | None
    email: str | None
    locale: str


class PublicServices(Protocol):
    """The services, asked as a visitor. Raises PortalRefusedError for what they refuse, else a transient error."""

    async def page(self, visitor: PageVisitor) -> PublicPage: ...

    async def slots(
        self, visitor: PageVisitor, *, service_id: UUID, staff_id: UUID | None, zone: str, first: date, last: date
    ) -> Sequence[PortalSlotDay]: ...

    async def hold(
        self,
        visitor: PageVisitor,
        *,
        service_id: UUID,
        staff_id: UUID | None,
        starts_at: datetime,
        replaces: UUID | None,
        key: str,
    ) -> Hold: ...

    async def book(
        self, visitor: PageVisitor, draft: Draft, details: VisitorDetails, *, asks_approval: bool
    ) -> UUID: ...

    async def booked(self, visitor: PageVisitor, appointment_id: UUID) -> PortalAppointment: ...


class DraftSealer(Protocol):
    """Seals what visitors carry to its page. What was altered, or is another page's, is None when it is opened."""

    def seal_draft(self, address: PageAddress, draft: Draft) -> str: ...

    def open_draft(self, address: PageAddress, token: str) -> Draft | None: ...

    def seal_booked(self, address: PageAddress, booked: Booked) -> str: ...

    def open_booked(self, address: PageAddress, token: str) -> Booked | None: ...


class VisitorSecrets(Protocol):
    """Derives what is kept of visitors instead of what they are."""

    def visitor(self, network: str) -> str: ...

    def recipient(self, email: str) -> bytes: ...

    def network(self, network: str) -> bytes: ...

    def code(self, *, code_id: UUID, draft_id: UUID, email: str) -> str: ...
