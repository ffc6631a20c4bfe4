"""Who can be written to: clients, staff and businesses, and what clients have opted out of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from notifications.domain.messages import Channel, Kind
from notifications.domain.opt_outs import UNSUBSCRIBED, Unsubscriber
from notifications.domain.push import PushSubscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What is known of a recipient. Each channel picks the address that it needs."""

    id: UUID
    name: str
    email: str | None = None
    phone: str | None = None
    locale: str | None = None
    zone: str | None = None
    devices: tuple[PushSubscription, ...] = ()
    """Their browsers that take push messages; known only where one is to be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    organization_id: UUID
    id: UUID
    name: str
    email: str | None
    phone: str | None
    locale: str | None
    zone: str | None
    consent: frozenset[str] | None
    """The channels agreed to. None: nobody has asked yet, and messages about the client's appointments still go."""
    merged_into: UUID | None
    version: int

    def may_be_reached_by(self, channel: str) -> bool:
        """Who has a browser subscribed agrees to push by that, unless they refuse all."""
        return self.consent is None or channel in self.consent or (channel == "push" and bool(self.consent))

    @property
    def contact(self) -> Contact:
        return Contact(
            id=self.id, name=self.name, email=self.email, phone=self.phone, locale=self.locale, zone=self.zone
        )


def erased_client(organization_id: UUID, client_id: UUID) -> Client:
    """One of whom nothing is known any more but that there was one."""
    return Client(
        organization_id=organization_id,
        id=client_id,
        name="",
        email=None,
        phone=None,
        locale=None,
        zone=None,
        consent=None,
        merged_into=None,
        version=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueItem:
    """A business, a resource or a service, as far as messages need it."""

    organization_id: UUID
    kind: str
    id: UUID
    name: str
    zone: str | None = None
    locale: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    user_id: str | None = None
    business_id: UUID | None = None
    """Of a service."""
    client_confirms: bool = False
    """Of a service: whether its clients are asked to confirm."""
    archived: bool = False
    version: int

    @property
    def contact(self) -> Contact:
        return Contact(
            id=self.id, name=self.name, email=self.email, phone=self.phone, locale=self.locale, zone=self.zone
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """What a client does not want to be written to about, and since when."""

    organization_id: UUID
    client_id: UUID
    opted_out: Mapping[str, datetime] = field(default_factory=dict)
    """Channels, on which nothing at all is sent."""
    unsubscribed_at: datetime | None = None
    """Since when no reminders and follow-ups are mailed."""
    unsubscribed_by: Unsubscriber | None = None
    stopped: bool = False
    """Whether the phone that is theirs has stopped SMS, as it was last told."""
    version: int = 0

    def stops(self, channel: Channel, kind: Kind) -> bool:
        is_unsubscribed = self.unsubscribed_at is not None and channel is Channel.EMAIL and kind in UNSUBSCRIBED
        return is_unsubscribed or channel in self.opted_out
