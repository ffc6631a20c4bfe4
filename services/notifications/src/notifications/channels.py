"""The channels that this installation has, and what makes those of organizations' own accounts: wired from settings."""

import ssl
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from notifications.adapters.accounts import MAIL_PORTS, MailLimits, OwnAccounts, TwilioPlace
from notifications.adapters.email import EmailChannel, ReplyAddresses, SmtpGateway, SmtpServer, checked_address
from notifications.adapters.push import (
    ConsolePushGateway,
    PushAccount,
    PushChannel,
    PushGateway,
    VapidKey,
    WebPushGateway,
    checked_contact,
)
from notifications.adapters.sms import ConsoleSmsGateway, SmsChannel, SmsGateway, TwilioSmsGateway
from notifications.adapters.twilio import TwilioAccount, checked_number
from notifications.adapters.voice import ConsoleVoiceGateway, TwilioVoiceGateway, VoiceChannel, VoiceGateway
from notifications.domain.channels import AccountChannels, Channels, InvalidAddressError, NotificationChannel
from notifications.domain.mail_domains import DomainLimit, DomainLimits, domain_of
from notifications.domain.messages import Channel
from notifications.domain.quiet_hours import QuietHours
from notifications.settings import NotificationsSettings
from slotstream_servicekit.authorities import authorities
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.http.guarded import CONNECT_SECONDS, GuardedHttp
from slotstream_servicekit.http.guarded_sockets import GuardedSockets
from slotstream_servicekit.sealing import Sealer

_MOST_ANSWERED: Final = 16_384
"""Bytes of a push service's answer, of which only the head is needed."""
_SHORTEST_SECRET: Final = 32


def create_channels(settings: NotificationsSettings, *, accounts: AccountChannels | None = None) -> Channels:
    """Those that this installation has: what needs another one is refused. `accounts` makes organizations' own."""
    channels: list[NotificationChannel] = [
        EmailChannel(
            SmtpGateway(_smtp_server(settings)),
            sender_address=sender_address(settings),
            replies=create_reply_addresses(settings),
        )
    ]
    if (sms := _sms_gateway(settings)) is not None:
        channels.append(SmsChannel(sms, sender=settings.sms_sender, hears=settings.sms_answers))
    if (voice := _voice_gateway(settings)) is not None:
        channels.append(VoiceChannel(voice))
    if (push := _push_gateway(settings)) is not None:
        channels.append(PushChannel(push))
    quiet = QuietHours(begins=settings.voice_quiet_from, ends=settings.voice_quiet_until)
    return Channels(
        channels,
        immediate=[Channel.EMAIL],
        quiet={Channel.VOICE: quiet},
        per_minute=settings.per_minute,
        domains=create_domain_limits(settings),
        accounts=accounts,
    )


def create_accounts(settings: NotificationsSettings) -> OwnAccounts:
    """What makes the channels of organizations' own accounts."""
    sockets = GuardedSockets(
        allowed=settings.smtp_allowed_networks,
        ports=MAIL_PORTS,
        connect_seconds=min(CONNECT_SECONDS, settings.smtp_seconds / 2),
    )
    return OwnAccounts(
        sealer=create_sealer(settings),
        mail=MailLimits(
            dial=sockets.connect,
            trusted=_own_authorities(settings.smtp_own_ca_file),
            seconds=settings.smtp_seconds,
            data_seconds=settings.smtp_data_seconds,
            replies=create_reply_addresses(settings),
        ),
        twilio=TwilioPlace(
            base_url=settings.twilio_base_url,
            callback_url=settings.twilio_callback_url or None,
            seconds=settings.twilio_seconds,
        ),
    )


def _own_authorities(file: str | None) -> ssl.SSLContext:
    """Those that this machine trusts, and one more."""
    if not file:
        return authorities(None)
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(cafile=file)
    return trusted


def create_sealer(settings: NotificationsSettings) -> Sealer | None:
    """None where there is no key: then organizations have no accounts of their own."""
    keys = [key.get_secret_value() for key in settings.secret_keys]
    return Sealer(keys) if keys else None


def create_domain_limits(settings: NotificationsSettings) -> DomainLimits:
    """Raises StartError for what is no domain."""
    usual = DomainLimit(per_minute=settings.domain_per_minute, at_once=settings.domain_at_once)
    by_domain: dict[str, DomainLimit] = {}
    for name, rate in settings.domains.items():
        try:
            domain = domain_of(checked_address(f"postmaster@{name.rstrip('.')}"))
        except InvalidAddressError as error:
            raise StartError(f"NOTIFICATIONS_DOMAINS: {name} is no domain") from error
        by_domain[domain] = DomainLimit(
            per_minute=usual.per_minute if rate.per_minute is None else rate.per_minute,
            at_once=usual.at_once if rate.at_once is None else rate.at_once,
        )
    return DomainLimits(usual=usual, by_domain=by_domain)


def create_reply_addresses(settings: NotificationsSettings) -> ReplyAddresses | None:
    """None where answers go to the business. Raises StartError for what is missing: an address that nobody hears."""
    if not settings.reply_mailbox:
        return None
    secret = _secret(settings.inbound_mail_secret) or ""
    if len(secret) < _SHORTEST_SECRET:
        raise StartError(
            "NOTIFICATIONS_REPLY_MAILBOX needs NOTIFICATIONS_INBOUND_MAIL_SECRET, "
            f"{_SHORTEST_SECRET} characters at least: nobody could hand an answer in"
        )
    try:
        return ReplyAddresses([key.get_secret_value() for key in settings.reply_keys], mailbox=settings.reply_mailbox)
    except ValueError as error:
        raise StartError(f"NOTIFICATIONS_REPLY_MAILBOX and NOTIFICATIONS_REPLY_KEYS: {error}") from error


def create_push_key(settings: NotificationsSettings) -> VapidKey | None:
    """None where nothing is pushed. Raises StartError for a key that is missing, or none."""
    if settings.push == "none":
        return None
    try:
        return VapidKey(_secret(settings.push_key) or "")
    except ValueError as error:
        raise StartError("NOTIFICATIONS_PUSH needs NOTIFICATIONS_PUSH_KEY: 32 bytes in URL-safe base64") from error


def sender_address(settings: NotificationsSettings) -> str:
    try:
        return checked_address(settings.sender_address)
    except InvalidAddressError as error:
        raise StartError("NOTIFICATIONS_SENDER_ADDRESS is not an e-mail address") from error


def _sms_gateway(settings: NotificationsSettings) -> SmsGateway | None:
    if settings.sms == "console":
        return ConsoleSmsGateway(SmtpGateway(_smtp_server(settings)))
    if settings.sms == "none":
        return None
    if not settings.sms_sender:
        raise StartError('NOTIFICATIONS_SMS is "twilio", which needs NOTIFICATIONS_SMS_SENDER')
    return TwilioSmsGateway(_twilio_account(settings), sender=settings.sms_sender)


def _voice_gateway(settings: NotificationsSettings) -> VoiceGateway | None:
    if settings.voice == "console":
        return ConsoleVoiceGateway(SmtpGateway(_smtp_server(settings)))
    if settings.voice == "none":
        return None
    try:
        sender = checked_number(settings.voice_sender)
    except InvalidAddressError as error:
        raise StartError(
            'NOTIFICATIONS_VOICE is "twilio", which needs a number as its NOTIFICATIONS_VOICE_SENDER'
        ) from error
    account = _twilio_account(settings)
    if not account.callback_url:
        raise StartError(
            'NOTIFICATIONS_VOICE is "twilio", which needs NOTIFICATIONS_TWILIO_CALLBACK_URL, where what is said is'
        )
    return TwilioVoiceGateway(account, sender=sender, callback_url=account.callback_url)


def _push_gateway(settings: NotificationsSettings) -> PushGateway | None:
    key = create_push_key(settings)
    if key is None:
        return None
    if settings.push == "console":
        return ConsolePushGateway(SmtpGateway(_smtp_server(settings)))
    try:
        contact = checked_contact(settings.push_contact)
    except ValueError as error:
        raise StartError(
            'NOTIFICATIONS_PUSH is "webpush", which needs NOTIFICATIONS_PUSH_CONTACT: a mailto: or https: address of '
            "a real domain, at which push services reach whoever runs this"
        ) from error
    account = PushAccount(key=key, contact=contact, seconds=settings.push_seconds)
    verify = authorities(settings.push_ca_file) if settings.push_ca_file else None
    http = GuardedHttp(
        allowed=settings.push_allowed_networks,
        verify=verify,
        seconds=settings.push_seconds,
        max_bytes=_MOST_ANSWERED,
        follow_redirects=False,
    )
    return WebPushGateway(account, http)


def _twilio_account(settings: NotificationsSettings) -> TwilioAccount:
    """Raises StartError for what is missing, and for credentials that would travel unencrypted."""
    key, secret = settings.twilio_api_key, settings.twilio_api_secret
    if (key is None) != (secret is None):
        raise StartError("NOTIFICATIONS_TWILIO_API_KEY and NOTIFICATIONS_TWILIO_API_SECRET belong together")
    password = secret or settings.twilio_auth_token
    if not settings.twilio_account_sid or password is None:
        raise StartError(
            "Twilio needs NOTIFICATIONS_TWILIO_ACCOUNT_SID, and NOTIFICATIONS_TWILIO_AUTH_TOKEN or an API key"
        )
    if not settings.number_keys:
        raise StartError("NOTIFICATIONS_NUMBER_KEYS is empty: without a key no number that says STOP is remembered")
    base = urlsplit(settings.twilio_base_url)
    if base.scheme != "https" and base.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise StartError("NOTIFICATIONS_TWILIO_BASE_URL is not https, so that credentials would travel unencrypted")
    if settings.twilio_callback_url and settings.twilio_auth_token is None:
        raise StartError("NOTIFICATIONS_TWILIO_CALLBACK_URL needs NOTIFICATIONS_TWILIO_AUTH_TOKEN, which signs calls")
    return TwilioAccount(
        account_sid=settings.twilio_account_sid,
        username=key or settings.twilio_account_sid,
        password=password.get_secret_value(),
        base_url=settings.twilio_base_url,
        callback_url=settings.twilio_callback_url,
        seconds=settings.twilio_seconds,
    )


def _smtp_server(settings: NotificationsSettings) -> SmtpServer:
    password = _secret(settings.smtp_password)
    if settings.smtp_username is not None and settings.smtp_tls not in ("starttls", "tls"):
        raise StartError(
            "NOTIFICATIONS_SMTP_USERNAME is set, but the password could travel unencrypted: "
            'set NOTIFICATIONS_SMTP_TLS to "starttls" or "tls"'
        )
    return SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        ca_file=settings.smtp_ca_file,
        username=settings.smtp_username,
        password=password,
        seconds=settings.smtp_seconds,
        data_seconds=settings.smtp_data_seconds,
        connections=settings.smtp_connections,
    )


def _secret(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
