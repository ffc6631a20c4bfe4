"""SMS as a notification channel, whatever hands the texts over."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from notifications.adapters.twilio import texted_number
from notifications.domain.channels import Notification, Outgoing, Receipt, without_links
from notifications.domain.contacts import Contact
from notifications.domain.messages import Audience, Channel, Kind
from notifications.domain.sms import MAX_UNITS, bounded_sms, normalised_sms, sms_size

_HOW_TO_STOP: Final[Mapping[str, str]] = {
    "ar": "للإيقاف أرسل STOP",
    "de": "Keine SMS mehr: STOP",
    "en": "STOP ends texts.",
    "es": "STOP para no recibir SMS",
    "fr": "STOP : plus de SMS",
}
_HOW_TO_ANSWER: Final[Mapping[str, str]] = {
    "ar": "أجب 1 للتأكيد، 2 للإلغاء، 3 لنتصل بك",
    "de": "Antwort 1: ja, 2: absagen, 3: Rückruf",
    "en": "Reply 1 to confirm, 2 to cancel, 3 for a call",
    "es": "Responda 1: confirmar, 2: cancelar, 3: llamada",
    "fr": "Répondez 1 : oui, 2 : annuler, 3 : rappel",
}
"""Digits, since YES and CANCEL mean something else to carriers."""
_WHERE_TO_ANSWER: Final[Mapping[str, str]] = {
    "ar": "للتأكيد أو الإلغاء",
    "de": "Zusagen oder absagen",
    "en": "Confirm or cancel",
    "es": "Confirmar o cancelar",
    "fr": "Confirmer ou annuler ",
}
"""Before a link, where the sender hears no answer."""
_ANSWERABLE: Final = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|MG[0-9a-fA-F]{32}")


class SmsGateway(Protocol):
    """A way on which texts are handed over."""

    @property
    def longest_hand_over(self) -> timedelta: ...

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        """As NotificationChannel.send."""
        ...

    async def aclose(self) -> None: ...


class SmsChannel:
    """Writes texts as cheap as their letters allow. `sender` is a number, a short code, a name or a service's SID.

    `hears`: what is written back to the sender reaches us.
    """

    name = Channel.SMS

    def __init__(self, gateway: SmsGateway, *, sender: str, hears: bool = True) -> None:
        self._gateway = gateway
        self._sender = sender
        self._hears = hears

    @property
    def longest_hand_over(self) -> timedelta:
        return self._gateway.longest_hand_over

    def address_of(self, contact: Contact) -> str | None:
        return texted_number(contact.phone) if contact.phone else None

    def compose(self, notification: Notification, *, now: datetime) -> Outgoing:  # noqa: ARG002 - a text has no date
        message = notification.message
        asks = self._asks(notification)
        closing = f"\n{self._closing(notification, asks=asks)}".rstrip("\n")
        text = bounded_sms(normalised_sms(notification.text.text), units=MAX_UNITS - len(closing)) + closing
        return Outgoing(
            address=notification.address,
            reference=f"{message.organization_id}:{message.id}:{message.attempts + 1}",
            content=text.encode(),
            asks=asks,
            text=without_links(text, notification.links),
            segments=sms_size(text).segments,
        )

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        return await self._gateway.send(outgoing, may_hand_over=may_hand_over)

    async def aclose(self) -> None:
        await self._gateway.aclose()

    @property
    def _is_answerable(self) -> bool:
        return self._hears and can_be_answered(self._sender)

    def _asks(self, notification: Notification) -> bool:
        """Whether a reminder asks to be answered: only where the sender can be."""
        return notification.may_ask and _is_reminder(notification) and self._is_answerable

    def _closing(self, notification: Notification, *, asks: bool) -> str:
        """How a client answers and stops reminders, where the sender can be answered; else where they answer."""
        language = notification.language.partition("-")[0].lower()
        is_asked_for = _is_reminder(notification) or notification.message.kind is Kind.FOLLOW_UP
        if not self._is_answerable:
            return _where_to_answer(notification, language)
        if not is_asked_for:
            return ""
        how_to_stop = _HOW_TO_STOP.get(language, _HOW_TO_STOP["en"])
        if not asks:
            return how_to_stop
        return f"{_HOW_TO_ANSWER.get(language, _HOW_TO_ANSWER['en'])}. {how_to_stop}"


def _is_reminder(notification: Notification) -> bool:
    return notification.message.kind is Kind.REMINDER and notification.message.audience is Audience.CLIENT


def _where_to_answer(notification: Notification, language: str) -> str:
    """Of a reminder that would ask, unless its template has the link already."""
    page = notification.confirms_at
    if not (_is_reminder(notification) and notification.may_ask and page) or page in notification.text.text:
        return ""
    return f"{_WHERE_TO_ANSWER.get(language, _WHERE_TO_ANSWER['en'])}: {page}"


def can_be_answered(sender: str) -> bool:
    """Whether a reply reaches the sender: a name ("SALON") has no number."""
    return _ANSWERABLE.fullmatch(sender) is not None
