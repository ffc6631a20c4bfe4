"""Channels of organizations' own accounts. Each account has connections of its own, and shares none of the others'."""

import asyncio
import json
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from notifications.adapters.email import EmailChannel, ReplyAddresses, SmtpGateway, SmtpServer
from notifications.adapters.email.smtp import Dial
from notifications.adapters.sms import SmsChannel, TwilioSmsGateway
from notifications.adapters.twilio import TwilioAccount
from notifications.adapters.voice import TwilioVoiceGateway, VoiceChannel
from notifications.domain.channel_accounts import (
    API_SECRET,
    AUTH_TOKEN,
    PASSWORD,
    ChannelAccount,
    SmtpDetails,
    TwilioDetails,
    sealed_for,
)
from notifications.domain.channels import (
    Notification,
    NotificationChannel,
    Outgoing,
    OwnChannel,
    Receipt,
    RefusedForNowError,
)
from notifications.domain.contacts import Contact
from notifications.domain.messages import Channel
from slotstream_servicekit.sealing import Sealer, UnsealableError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

MAIL_PORTS: Final = (25, 465, 587, 2525)
"""At which mail servers of the public internet take mails of those who sign in."""
CONNECTIONS: Final = 4
"""Of one organization to its own mail server."""
_MOST_KEPT: Final = 500
_CLOSING_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLimits:
    """How organizations' own mail servers are reached: by `dial`, which guards the inner network."""

    dial: Dial
    trusted: ssl.SSLContext
    seconds: float
    data_seconds: float
    replies: ReplyAddresses | None = None
    """Where clients answer the mails, whoever sends them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioPlace:
    """Where Twilio is, and where it reaches us."""

    base_url: str
    callback_url: str | None
    seconds: float


@dataclass(slots=True)
class _Made:
    sealed: bytes
    channels: tuple[OwnChannel, ...] = field(default=())


class OwnAccounts:
    """Makes an account's channels once each time that it is set, and keeps those that were used last.

    Whatever sets an account seals its secrets anew. Versions would not do: those of one that is removed and set again
    begin anew, and what is read in a transaction that fails has one that another account gets.
    """

    def __init__(self, *, sealer: Sealer | None, mail: MailLimits, twilio: TwilioPlace) -> None:
        """`sealer` None: no key is configured, and none of the accounts opens."""
        self._sealer = sealer
        self._mail = mail
        self._twilio = twilio
        self._made: OrderedDict[tuple[UUID, str], _Made] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()
        self._ends = asyncio.Event()

    def secret_of(self, account: ChannelAccount, name: str) -> str | None:
        """None where it is not set. Raises UnsealableError."""
        secret = self._secrets_of(account).get(name)
        return secret if isinstance(secret, str) else None

    def channels_of(self, account: ChannelAccount) -> Sequence[OwnChannel]:
        key = (account.organization_id, account.provider.value)
        made = self._made.get(key)
        if made is None or made.sealed != account.sealed_secrets:
            self._close(self._made.pop(key, None))
            made = self._made[key] = _Made(account.sealed_secrets, tuple(self._channels(account)))
            if len(self._made) > _MOST_KEPT:
                self._close(self._made.popitem(last=False)[1])
        self._made.move_to_end(key)
        # The row may say otherwise by now whether it fails, under the same version.
        return [OwnChannel(each.channel, account) for each in made.channels]

    async def aclose(self) -> None:
        self._ends.set()
        while self._made:
            self._close(self._made.popitem()[1])
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CLOSING_SECONDS)

    def _channels(self, account: ChannelAccount) -> list[OwnChannel]:
        try:
            secrets = self._secrets_of(account)
        except UnsealableError:
            log.exception(
                "account_unreadable", organization=str(account.organization_id), provider=account.provider.value
            )
            made: Sequence[NotificationChannel] = [_UnreadableChannel(name) for name in account.channels]
        else:
            details = account.details
            made = (
                [self._mail_channel(details, secrets)]
                if isinstance(details, SmtpDetails)
                else self._twilio_channels(details, secrets)
            )
        return [OwnChannel(channel, account) for channel in made]

    def _secrets_of(self, account: ChannelAccount) -> dict[str, object]:
        if self._sealer is None:
            raise UnsealableError("no key is configured")
        opened = self._sealer.open(account.sealed_secrets, *sealed_for(account.organization_id, account.provider))
        secrets: dict[str, object] = json.loads(opened)
        return secrets

    def _mail_channel(self, details: SmtpDetails, secrets: dict[str, object]) -> NotificationChannel:
        server = SmtpServer(
            host=details.host,
            port=details.port,
            tls=details.tls,
            username=details.username,
            password=str(secrets.get(PASSWORD, "")),
            seconds=self._mail.seconds,
            data_seconds=self._mail.data_seconds,
            connections=CONNECTIONS,
            dial=self._mail.dial,
            trusted=self._mail.trusted,
        )
        return EmailChannel(SmtpGateway(server), sender_address=details.sender_address, replies=self._mail.replies)

    def _twilio_channels(self, details: TwilioDetails, secrets: dict[str, object]) -> list[NotificationChannel]:
        token, secret = secrets.get(AUTH_TOKEN), secrets.get(API_SECRET)
        # Without its token nothing that Twilio tells can be believed.
        callback_url = self._twilio.callback_url if token is not None else None
        account = TwilioAccount(
            account_sid=details.account_sid,
            username=details.api_key or details.account_sid,
            password=str(secret if details.api_key is not None else token or ""),
            base_url=self._twilio.base_url,
            callback_url=callback_url,
            seconds=self._twilio.seconds,
        )
        made: list[NotificationChannel] = []
        if details.sms_sender is not None:
            gateway = TwilioSmsGateway(account, sender=details.sms_sender)
            made.append(SmsChannel(gateway, sender=details.sms_sender, hears=callback_url is not None))
        if details.voice_sender is not None and callback_url is not None:
            made.append(
                VoiceChannel(TwilioVoiceGateway(account, sender=details.voice_sender, callback_url=callback_url))
            )
        return made

    def _close(self, made: _Made | None) -> None:
        for each in made.channels if made is not None else ():
            closing = asyncio.get_running_loop().create_task(self._closed(each.channel))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _closed(self, channel: NotificationChannel) -> None:
        """Closed once what is in flight on it has ended."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ends.wait(), channel.longest_hand_over.total_seconds())
        await channel.aclose()


class _UnreadableChannel:
    """Of an account whose secrets no key opens: what it is given waits until one does."""

    longest_hand_over = timedelta(seconds=30)

    def __init__(self, name: Channel) -> None:
        self.name = name

    def address_of(self, contact: Contact) -> str | None:
        return contact.email if self.name is Channel.EMAIL else contact.phone

    def compose(self, notification: Notification, *, now: datetime) -> Outgoing:  # noqa: ARG002 - nothing is written
        return Outgoing(address=notification.address, reference=str(notification.message.id), content=b"")

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:  # noqa: ARG002
        detail = "the organization's credentials cannot be opened with the configured keys"
        raise RefusedForNowError("account_unreadable", detail, of_account=True)

    async def aclose(self) -> None: ...
