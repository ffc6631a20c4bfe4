"""The public page over HTTP: what a visitor sees of a business, and what they send."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from booking.domain.catalogue import minutes
from booking.domain.clients import ClientDetails
from booking.domain.public import PublicBooking, PublicHold, PublicPage, PublicService
from booking.schemas.portal import OwnAppointmentOut, PortalBusinessOut
from slotstream_servicekit.http.models import (
    InstantIn,
    InstantOut,
    MoneyOut,
    RequestModel,
    ResponseModel,
    ShortText,
)
from slotstream_servicekit.ids import new_id


class PublicStaffOut(ResponseModel):
    id: UUID
    name: str


class PublicServiceOut(ResponseModel):
    """`staff`: who can be asked for; empty where it is nobody's choice."""

    id: UUID
    name: str
    duration_minutes: int
    price: MoneyOut | None
    needs_approval: bool
    staff: list[PublicStaffOut]

    @classmethod
    def of(cls, known: PublicService) -> Self:
        service = known.service
        price = (
            None
            if service.price_amount is None or service.price_currency is None
            else MoneyOut(amount=service.price_amount, currency=service.price_currency)
        )
        return cls(
            id=service.id,
            name=service.name,
            duration_minutes=minutes(service.duration),
            price=price,
            needs_approval=service.needs_approval,
            staff=[PublicStaffOut(id=resource.id, name=resource.name) for resource in known.staff],
        )


class PublicPageOut(ResponseModel):
    business: PortalBusinessOut
    verify_by_code: bool
    embed_origins: list[str]
    services: list[PublicServiceOut]

    @classmethod
    def of(cls, page: PublicPage) -> Self:
        business = page.business
        return cls(
            business=PortalBusinessOut.model_validate(business),
            verify_by_code=business.verify_by_code,
            embed_origins=list(business.embed_origins),
            services=[PublicServiceOut.of(service) for service in page.services],
        )


class PublicHoldIn(RequestModel):
    """`replaces`: the visitor's earlier hold, which is given back."""

    service_id: UUID
    starts_at: InstantIn
    resource_id: UUID | None = None
    replaces: UUID | None = None

    def to_hold(self) -> PublicHold:
        return PublicHold(
            id=new_id(),
            service_id=self.service_id,
            starts_at=self.starts_at,
            resource_id=self.resource_id,
            replaces=self.replaces,
        )


class PublicHoldOut(ResponseModel):
    id: UUID
    expires_at: InstantOut


class VisitorIn(RequestModel):
    name: ShortText
    phone: Annotated[str, Field(max_length=64)] | None = None
    email: Annotated[str, Field(max_length=254)] | None = None
    locale: Annotated[str, Field(max_length=35)] | None = None


class PublicBookingIn(RequestModel):
    """`asks_approval`: nothing speaks for the visitor, so that it waits for staff whatever the service demands."""

    id: UUID
    service_id: UUID
    starts_at: InstantIn
    resource_id: UUID | None = None
    hold_id: UUID | None = None
    client: VisitorIn
    asks_approval: bool

    def to_booking(self) -> PublicBooking:
        values = {name: getattr(self, name) for name in type(self).model_fields if name != "client"}
        return PublicBooking(**values, client=ClientDetails(**self.client.model_dump()))


class PublicAppointmentOut(ResponseModel):
    appointment: OwnAppointmentOut


class PublicBookedOut(PublicAppointmentOut):
    """`client_id` is for the page's own use, and for no visitor who has proved nothing."""

    client_id: UUID
