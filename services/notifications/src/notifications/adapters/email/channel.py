"""E-mail as a notification channel."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Final

from notifications.adapters.email.address import checked_address
from notifications.adapters.email.ics import Invitation, Method, Party
from notifications.adapters.email.mime import Mail, message_id_of, write_mail
from notifications.adapters.email.reply_addresses import ReplyAddresses
from notifications.adapters.email.smtp import SmtpGateway
from notifications.domain.channels import InvalidAddressError, Notification, Outgoing, Receipt, without_links
from notifications.domain.contacts import Contact
from notifications.domain.mail_replies import ReplyAddress
from notifications.domain.messages import Audience, Channel, Kind, Message

_RECORDING: Final = timedelta(seconds=30)
"""Beside the server's time to answer: ours to record the answer."""
_METHODS: Mapping[Kind, Method] = {
    Kind.CREATED: "REQUEST",
    Kind.CONFIRMED: "REQUEST",
    Kind.RESCHEDULED: "REQUEST",
    Kind.ASSIGNED: "REQUEST",
    Kind.CANCELLED: "CANCEL",
    Kind.UNASSIGNED: "CANCEL",
    Kind.SERIES_CREATED: "REQUEST",
    Kind.SERIES_CHANGED: "REQUEST",
    Kind.SERIES_ASSIGNED: "REQUEST",
    Kind.SERIES_CANCELLED: "CANCEL",
    Kind.SERIES_UNASSIGNED: "CANCEL",
    Kind.WITHDRAWN: "CANCEL",
}


class EmailChannel:
    """Writes mails from `sender_address`, with an invitation where the news moves something in a calendar.

    Clients and their calendars answer at `replies`, where there is a way in; else at the business's address.
    """

    name = Channel.EMAIL

    def __init__(self, gateway: SmtpGateway, *, sender_address: str, replies: ReplyAddresses | None = None) -> None:
        self._gateway = gateway
        self._sender_address = sender_address
        self._replies = replies

    @property
    def longest_hand_over(self) -> timedelta:
        return timedelta(seconds=self._gateway.server.data_seconds) + _RECORDING

    def address_of(self, contact: Contact) -> str | None:
        return checked_address(contact.email) if contact.email else None

    def compose(self, notification: Notification, *, now: datetime) -> Outgoing:
        message, business, first_mail = notification.message, notification.business, notification.first_mail
        is_agenda = message.kind is Kind.AGENDA
        reference = self._reference_to(message)
        answered_at = self._answered_at(notification)
        invitation = self._invitation(notification, answered_at)
        mail = Mail(
            sender=self._sender_address,
            sender_name=business.name,
            recipient=notification.address,
            recipient_name=notification.recipient.name,
            reply_to=answered_at.address if answered_at is not None else _reply_to(business.email),
            message_id=reference,
            text=notification.text,
            language=notification.language,
            invitation=invitation,
            follows=self._reference_to(first_mail) if first_mail is not None else None,
            unsubscribes_at=notification.unsubscribes_at,
        )
        return Outgoing(
            address=notification.address,
            reference=reference,
            content=write_mail(mail, now=now),
            # An agenda names many clients, whom an erase would not find in it: it is not kept.
            text=None if is_agenda else without_links(notification.text.text, notification.links),
            answered_at=answered_at,
            calendar_sequence=invitation.sequence if invitation is not None else None,
        )

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        reply = await self._gateway.send(
            sender=self._sender_address,
            recipient=outgoing.address,
            content=outgoing.content,
            may_hand_over=may_hand_over,
        )
        return Receipt(provider_id=reply)

    async def aclose(self) -> None:
        await self._gateway.aclose()

    def _reference_to(self, message: Message) -> str:
        return message_id_of(message, domain=self._sender_address.rpartition("@")[2])

    def _answered_at(self, notification: Notification) -> ReplyAddress | None:
        """Of one client and one calendar entry: the same in all that they are told of it."""
        message = notification.message
        if self._replies is None or message.audience is not Audience.CLIENT:
            return None
        entry = notification.series or notification.occurrence or notification.appointment
        client_id = message.client_id or notification.recipient.id
        return self._replies.address_for(message.organization_id, client_id, entry.calendar_uid)

    def _invitation(self, notification: Notification, answered_at: ReplyAddress | None) -> Invitation | None:
        method = _METHODS.get(notification.message.kind)
        if method is None:
            return None
        business, appointment, message = notification.business, notification.appointment, notification.message
        is_of_series = notification.series is not None or notification.occurrence is not None
        is_to_client = message.audience is Audience.CLIENT
        is_at_business = appointment.location_kind == "business" and message.kind is not Kind.WITHDRAWN
        other = business.name if is_to_client else notification.client_name
        return Invitation(
            method=method,
            appointment=appointment,
            organizer=Party(business.name, answered_at.address if answered_at is not None else self._sender_address),
            attendee=Party(notification.recipient.name, notification.address),
            summary=", ".join(part for part in (appointment.service_name, other) if part),
            description=notification.text.text,
            location=notification.location or (business.name if is_at_business else ""),
            sequence=message.calendar_sequence or 0 if is_of_series else appointment.calendar_sequence,
            series=notification.series,
            occurrence=notification.occurrence,
            asks=answered_at is not None and method == "REQUEST" and notification.may_ask,
        )


def _reply_to(address: str | None) -> str | None:
    try:
        return checked_address(parseaddr(address)[1]) if address else None
    except InvalidAddressError:
        return None
