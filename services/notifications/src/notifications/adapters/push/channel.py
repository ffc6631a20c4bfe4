"""Web Push as a notification channel, whatever hands the messages over."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from notifications.adapters.push.payload import payload_of
from notifications.domain.channels import Notification, Outgoing, Receipt, without_links
from notifications.domain.contacts import Contact
from notifications.domain.messages import Channel

_LONGEST: Final = timedelta(days=1)
"""How long a push service keeps what is about an appointment that is far away, or over."""


class PushGateway(Protocol):
    """A way on which push messages are handed over."""

    @property
    def longest_hand_over(self) -> timedelta: ...

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        """As NotificationChannel.send."""
        ...

    async def aclose(self) -> None: ...


class PushChannel:
    """One message to all browsers of a person: it is sent where one of them is told."""

    name = Channel.PUSH

    def __init__(self, gateway: PushGateway) -> None:
        self._gateway = gateway

    @property
    def longest_hand_over(self) -> timedelta:
        return self._gateway.longest_hand_over

    def address_of(self, contact: Contact) -> str | None:
        """For the ledger: the push services, and not the browsers' own addresses, which let anybody write to them."""
        return ", ".join(sorted({device.service for device in contact.devices})) or None

    def compose(self, notification: Notification, *, now: datetime) -> Outgoing:
        message, text = notification.message, notification.text
        ahead = notification.appointment.starts_at - now
        return Outgoing(
            address=notification.address,
            reference=f"{message.organization_id}:{message.id}",
            content=payload_of(notification),
            text=without_links(f"{text.subject}\n{text.text.strip()}\n", notification.links),
            devices=notification.recipient.devices,
            lifetime=min(ahead, _LONGEST) if ahead > timedelta() else _LONGEST,
        )

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        return await self._gateway.send(outgoing, may_hand_over=may_hand_over)

    async def aclose(self) -> None:
        await self._gateway.aclose()
