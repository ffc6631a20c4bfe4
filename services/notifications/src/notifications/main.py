"""Where notifications is wired together."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import FastAPI
from pydantic import SecretStr

from notifications.adapters.accounts import MAIL_PORTS, MailLimits, OwnAccounts, TwilioPlace
from notifications.adapters.email import EmailChannel, ReplyAddresses, SmtpGateway, SmtpServer, checked_address
from notifications.adapters.portal_links import PortalLinks
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
from notifications.api import ROUTERS, Dependencies, InboundMailDoor
from notifications.domain import (
    AccountChannels,
    CallPolicy,
    Channel,
    Channels,
    DomainLimit,
    DomainLimits,
    InvalidAddressError,
    NotificationChannel,
    NumberDigests,
    QuietHours,
    RetryPolicy,
    domain_of,
)
from notifications.settings import NotificationsSettings
from notifications.storage import PLANNED_CHANNEL, ChannelAccountStore
from notifications.usecases.channel_accounts import AccountRules
from notifications.usecases.organization_channels import tell_changed_channels
from notifications.worker import Replanner, Sender
from slotstream_contracts.envelope import parse
from slotstream_servicekit.background import BackgroundTask, repeatedly
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.housekeeping import IDEMPOTENCY_KEYS, Sweep, housekeeping
from slotstream_servicekit.http.app import create_app
from slotstream_servicekit.http.auth import Authenticator
from slotstream_servicekit.http.guarded import CONNECT_SECONDS, GuardedHttp
from slotstream_servicekit.http.guarded_sockets import GuardedSockets
from slotstream_servicekit.notify import Listener
from slotstream_servicekit.runtime import Service, Worker, run
from slotstream_servicekit.sealing import Sealer, reseal
from slotstream_servicekit.telemetry import get_logger

if TYPE_CHECKING:
    from notifications.consumers import Handlers
    from slotstream_servicekit.rebuild import Projection

NAME = "notifications"

log = get_logger(__name__)

_HOUSEKEEPING_SECONDS = 600.0
_DAILY_SECONDS = 86_400.0
_MOST_ANSWERED = 16_384
"""Bytes of a push service's answer, of which only the head is needed."""
_SHORTEST_SECRET = 32
_TEXTS_OF_THE_PAST = """
    EXISTS (
        SELECT FROM appointments a
        WHERE a.organization_id = appointment_texts.organization_id AND a.id = appointment_texts.id
        AND a.ends_at {is_old}
    )
"""
_REMINDERS_OF_NOTHING = """
    created_at {is_old} AND NOT EXISTS (
        SELECT FROM appointments a
        WHERE a.organization_id = reminders.organization_id AND a.calendar_uid = reminders.calendar_uid
    )
"""


_DOMAINS_AT_REST = """
    taken_until < now() - interval '1 hour' AND (rests_until IS NULL OR rests_until < now() - interval '1 hour')
"""


def create_api(settings: NotificationsSettings, *, clock: Clock = system_clock) -> FastAPI:
    database = Database.of_service(settings, service=NAME, role="api")
    health = Health()
    health.register("database", database_check(database))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        for channel in channels:
            await channel.aclose()
        await accounts.aclose()
        await database.dispose()

    accounts = create_accounts(settings)
    channels = create_channels(settings, accounts=accounts)
    app = create_app(
        service=NAME,
        title="Slotstream Notifications",
        routers=ROUTERS,
        settings=settings,
        authenticator=Authenticator(settings.issuers),
        health=health,
        lifespan=lifespan,
    )
    app.state.dependencies = Dependencies(
        database=database,
        channels=channels,
        numbers=create_number_digests(settings),
        # Who stops sending still hears a STOP, where it can be remembered; and the console's texts can be answered.
        twilio_token=_secret(settings.twilio_auth_token) if _hears_the_provider(settings) else None,
        twilio_callback_url=settings.twilio_callback_url or None,
        calls=create_call_policy(settings),
        catalogue_wait=settings.catalogue_wait,
        clock=clock,
        accounts=accounts,
        account_rules=create_account_rules(settings),
        push_key=create_push_key(settings),
        push_networks=settings.push_allowed_networks,
        inbound_mail=create_inbound_mail(settings),
    )
    return app


def _hears_the_provider(settings: NotificationsSettings) -> bool:
    return "twilio" in (settings.sms, settings.voice) or bool(settings.number_keys)


def create_worker(settings: NotificationsSettings, *, clock: Clock = system_clock) -> Worker:
    from notifications.audited import audited_projections
    from notifications.consumers import register
    from slotstream_servicekit import workers

    database = Database.of_service(settings, service=NAME, role="worker")
    accounts = create_accounts(settings)
    channels = create_channels(settings, accounts=accounts)
    sender = create_sender(settings, database=database, channels=channels, clock=clock)
    handlers = create_handlers(settings, channels=channels, clock=clock)
    handlers.wake = sender.wake
    sealer = create_sealer(settings)
    return workers.create_worker(
        service=NAME,
        settings=settings,
        database=database,
        decode=parse,
        register=lambda consumers: register(consumers, handlers),
        tasks=[
            sender.run,
            Listener(database, PLANNED_CHANNEL, wake=sender.wake).run,
            repeatedly("replanning", Replanner(sender).step, every=settings.poll_every.total_seconds()),
            housekeeping(database, sweeps(settings), every=_HOUSEKEEPING_SECONDS),
            *([] if sealer is None else [_resealing(database, sealer)]),
            _telling_channels(database, channels, clock),
        ],
        checks=[("sender", sender.check)],
        dispose=[*(channel.aclose for channel in channels), accounts.aclose],
        audited=audited_projections(clock=clock, kept=settings.ledger_retention),
    )


def _resealing(database: Database, sealer: Sealer) -> BackgroundTask:
    """Keys change at a start only; what a process with older settings has sealed since is found the next day."""

    async def reseal_accounts() -> None:
        resealed = await reseal(database=database, box=sealer, store_of=ChannelAccountStore)
        log.info("secrets_resealed", sealed=resealed.sealed, unreadable=resealed.unreadable)

    return repeatedly("resealing", reseal_accounts, every=_DAILY_SECONDS)


def _telling_channels(database: Database, channels: Channels, clock: Clock) -> BackgroundTask:
    """The installation's channels change at a start only; what a process with older settings told is found the next
    day.
    """

    async def tell() -> None:
        await tell_changed_channels(database=database, channels=channels, clock=clock)

    return repeatedly("telling_channels", tell, every=_DAILY_SECONDS)


def create_sealer(settings: NotificationsSettings) -> Sealer | None:
    """None where there is no key: then organizations have no accounts of their own."""
    keys = [key.get_secret_value() for key in settings.secret_keys]
    return Sealer(keys) if keys else None


def create_account_rules(settings: NotificationsSettings) -> AccountRules:
    return AccountRules(
        sealer=create_sealer(settings),
        remembers_stops=bool(settings.number_keys),
        hears=bool(settings.twilio_callback_url),
    )


def create_accounts(settings: NotificationsSettings) -> OwnAccounts:
    """What makes the channels of organizations' own accounts."""
    trusted = ssl.create_default_context()
    if settings.smtp_own_ca_file:
        trusted.load_verify_locations(cafile=settings.smtp_own_ca_file)
    sockets = GuardedSockets(
        allowed=settings.smtp_allowed_networks,
        ports=MAIL_PORTS,
        connect_seconds=min(CONNECT_SECONDS, settings.smtp_seconds / 2),
    )
    return OwnAccounts(
        sealer=create_sealer(settings),
        mail=MailLimits(
            dial=sockets.connect,
            trusted=trusted,
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


def create_channels(settings: NotificationsSettings, *, accounts: AccountChannels | None = None) -> Channels:
    """Those that this installation has: what needs another one is refused. `accounts` makes organizations' own."""
    channels: list[NotificationChannel] = [
        EmailChannel(
            SmtpGateway(_smtp_server(settings)),
            sender_address=_sender_address(settings),
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


def create_inbound_mail(settings: NotificationsSettings) -> InboundMailDoor | None:
    """None where no mail comes in."""
    addresses, secret = create_reply_addresses(settings), _secret(settings.inbound_mail_secret)
    if addresses is None or secret is None:
        return None
    return InboundMailDoor(
        secret=secret,
        addresses=addresses,
        own_domain=_sender_address(settings).rpartition("@")[2],
        most_bytes=settings.inbound_mail_bytes,
    )


def create_push_key(settings: NotificationsSettings) -> VapidKey | None:
    """None where nothing is pushed. Raises StartError for a key that is missing, or none."""
    if settings.push == "none":
        return None
    try:
        return VapidKey(_secret(settings.push_key) or "")
    except ValueError as error:
        raise StartError("NOTIFICATIONS_PUSH needs NOTIFICATIONS_PUSH_KEY: 32 bytes in URL-safe base64") from error


def create_call_policy(settings: NotificationsSettings) -> CallPolicy:
    return CallPolicy(again=settings.voice_again, pause=settings.voice_pause, within=settings.voice_within)


def create_sender(settings: NotificationsSettings, *, database: Database, channels: Channels, clock: Clock) -> Sender:
    return Sender(
        database=database,
        channels=channels,
        clock=clock,
        numbers=create_number_digests(settings),
        portal=create_portal_links(settings),
        retries=RetryPolicy(
            first=settings.first_retry,
            longest=settings.longest_retry,
            most_attempts=settings.most_attempts,
            state_wait=settings.state_wait,
        ),
        poll_every=settings.poll_every,
        claim_lease=settings.claim_lease,
        recover_every=settings.recover_every,
        concurrency=2 * settings.smtp_connections,
    )


def create_number_digests(settings: NotificationsSettings) -> NumberDigests:
    return NumberDigests([key.get_secret_value() for key in settings.number_keys])


def create_portal_links(settings: NotificationsSettings) -> PortalLinks | None:
    """None where there is no portal, or no key: then messages hold no links."""
    keys = [key.get_secret_value() for key in settings.link_keys]
    return PortalLinks(keys, settings.portal_url) if keys and settings.portal_url else None


def create_handlers(settings: NotificationsSettings, *, channels: Channels, clock: Clock) -> "Handlers":
    from notifications.consumers import Handlers

    return Handlers(
        clock=clock,
        channels=channels,
        news_lifetime=settings.news_lifetime,
        passed_over_after=settings.passed_over_after,
        notify_staff=settings.notify_staff,
        numbers=create_number_digests(settings),
    )


def sweeps(settings: NotificationsSettings) -> Sequence[Sweep]:
    """What is deleted when it has served its time: from every table that grows by itself."""
    age = {"age": settings.ledger_retention}
    is_old = "< now() - CAST(:age AS interval)"
    return [
        IDEMPOTENCY_KEYS,
        Sweep(table="messages", where=f"status NOT IN ('planned', 'claimed') AND updated_at {is_old}", parameters=age),
        Sweep(table="appointment_texts", where=_TEXTS_OF_THE_PAST.format(is_old=is_old), parameters=age),
        Sweep(table="appointments", where=f"ends_at {is_old}", parameters=age),
        Sweep(table="series", where=f"ends_at {is_old}", parameters=age),
        Sweep(table="waiting_list_entries", where=f"applied_at {is_old}", parameters=age),
        Sweep(table="series_sequences", where=f"updated_at {is_old}", parameters=age),
        Sweep(table="inbound_messages", where=f"received_at {is_old}", parameters=age),
        Sweep(table="provider_calls", where=f"received_at {is_old}", parameters=age),
        Sweep(table="reply_addresses", where=f"given_at {is_old}", parameters=age),
        Sweep(table="calendar_replies", where=f"received_at {is_old}", parameters=age),
        Sweep(table="withdrawn_orders", where=f"withdrawn_at {is_old}", parameters=age),
        Sweep(table="mail_domains", where=_DOMAINS_AT_REST),
        Sweep(table="send_allowances", where="taken_until < now() - interval '1 day'"),
        Sweep(table="reminders", where=_REMINDERS_OF_NOTHING.format(is_old=is_old), parameters=age),
    ]


def projections() -> "Sequence[Projection]":
    from notifications import consumers

    return consumers.projections()


def _secret(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _sender_address(settings: NotificationsSettings) -> str:
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
    verify = ssl.create_default_context(cafile=settings.push_ca_file) if settings.push_ca_file else None
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


service = Service(
    name=NAME,
    settings=NotificationsSettings,
    create_api=create_api,
    create_worker=create_worker,
    package_dir=Path(__file__).parents[2],
    projections=projections,
)


def main() -> None:
    run(service)
