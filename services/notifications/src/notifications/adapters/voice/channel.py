"""Calls as a notification channel, whatever makes them."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from notifications.adapters.twilio import checked_number
from notifications.adapters.voice.addresses import CallAddress
from notifications.adapters.voice.words import language_of
from notifications.domain.calls import spoken
from notifications.domain.channels import Notification, Outgoing, Receipt
from notifications.domain.contacts import Contact
from notifications.domain.messages import Audience, Channel, Kind


class VoiceGateway(Protocol):
    """A way on which calls are made."""

    @property
    def longest_hand_over(self) -> timedelta: ...

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        """As NotificationChannel.send."""
        ...

    async def aclose(self) -> None: ...


class VoiceChannel:
    """Has a text read out, and asks for a key where the client is to answer. What is said beside it: `words`."""

    name = Channel.VOICE

    def __init__(self, gateway: VoiceGateway) -> None:
        self._gateway = gateway

    @property
    def longest_hand_over(self) -> timedelta:
        return self._gateway.longest_hand_over

    def address_of(self, contact: Contact) -> str | None:
        return checked_number(contact.phone) if contact.phone else None

    def compose(self, notification: Notification, *, now: datetime) -> Outgoing:  # noqa: ARG002 - a call has no date
        message = notification.message
        text = spoken(notification.text.text)
        address = CallAddress(
            organization_id=message.organization_id,
            message_id=message.id,
            attempt=message.attempts + 1,
            language=language_of(notification.language),
        )
        return Outgoing(
            address=notification.address,
            reference=address.reference,
            content=text.encode(),
            asks=notification.may_ask and message.kind is Kind.REMINDER and message.audience is Audience.CLIENT,
            text=text,
        )

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        return await self._gateway.send(outgoing, may_hand_over=may_hand_over)

    async def aclose(self) -> None:
        await self._gateway.aclose()
