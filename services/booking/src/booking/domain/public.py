"""The public page of a business: what visitors may book there, and within which bounds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from booking.domain.catalogue import Business, Resource, Service
from booking.domain.clients import Client, ClientDetails, KnownContact
from booking.domain.errors import InvalidBookingError, NotPublicError
from booking.domain.policy import Policy
from booking.domain.search import folded

SOURCE: Final = "portal"
"""Of appointments that visitors book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicService:
    """A service that visitors may book; `staff` are those who can be asked for."""

    service: Service
    staff: tuple[Resource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicPage:
    business: Business
    services: tuple[PublicService, ...]

    def service(self, service_id: UUID, *, resource_id: UUID | None = None) -> PublicService:
        """Raises NotPublicError for a service, or somebody on it, that the page does not offer."""
        for known in self.services:
            if known.service.id == service_id:
                if resource_id is None or any(resource.id == resource_id for resource in known.staff):
                    return known
                break
        raise NotPublicError


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicLimits:
    """How long a slot is kept for a visitor, and how many at once."""

    hold: timedelta
    holds_per_visitor: int
    holds_per_business: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicHold:
    """A slot to keep; `replaces` is the visitor's earlier hold, which is given back."""

    id: UUID
    service_id: UUID
    starts_at: datetime
    resource_id: UUID | None
    replaces: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicBooking:
    """`asks_approval`: nothing speaks for the visitor, so that staff have to approve."""

    id: UUID
    service_id: UUID
    starts_at: datetime
    resource_id: UUID | None
    hold_id: UUID | None
    client: ClientDetails
    asks_approval: bool


def page_of(policy: Policy, business_id: UUID) -> PublicPage:
    """Raises NotPublicError where there is no such business, or it has no public page."""
    business = policy.businesses.get(business_id)
    if business is None or business.archived or not business.public_booking:
        raise NotPublicError
    services = [
        service
        for service in policy.services.values()
        if service.business_id == business_id and service.public_booking and not service.archived
    ]
    return PublicPage(
        business=business,
        services=tuple(
            PublicService(service=service, staff=_staff_of(policy, service))
            for service in sorted(services, key=lambda service: (service.name, service.id))
        ),
    )


def _staff_of(policy: Policy, service: Service) -> tuple[Resource, ...]:
    requires = [[str(resource_id) for resource_id in place] for place in service.requires]
    candidates = {
        UUID(candidate) for place in policy.rosters[service.business_id].places(requires) for candidate in place
    }
    staff = [policy.resources[resource_id] for resource_id in candidates]
    return tuple(sorted((one for one in staff if one.kind == "staff"), key=lambda one: (one.name, one.id)))


def require_contact(details: ClientDetails) -> None:
    if not details.phone and not details.email:
        raise InvalidBookingError("contact_required", "Give a phone number or an e-mail address.")


def same_person(known: list[KnownContact], details: ClientDetails) -> Client | None:
    """The client of whom nothing was given otherwise than it is kept; whoever else it is becomes a new client.

    A visitor proves nothing by typing somebody's phone number. Were a client found by it alone, the visitor's other
    details would be filled in or lost, and messages would go elsewhere than to what was typed: either tells, or
    changes, something about that client.
    """
    for contact in known:
        client = contact.client
        if (
            not client.archived
            and folded(client.name).split() == folded(details.name).split()
            and details.phone in (None, client.phone)
            and details.email in (None, client.email)
        ):
            return client
    return None
