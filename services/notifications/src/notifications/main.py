"""Where notifications is wired together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from notifications.adapters.portal_links import PortalLinks
from notifications.api import ROUTERS, Dependencies, InboundMailDoor
from notifications.channels import (
    create_accounts,
    create_channels,
    create_push_key,
    create_reply_addresses,
    create_sealer,
    sender_address,
)
from notifications.domain.calls import CallPolicy
from notifications.domain.channels import Channels
from notifications.domain.opt_outs import NumberDigests
from notifications.domain.retries import RetryPolicy
from notifications.settings import NotificationsSettings
from notifications.storage import PLANNED_CHANNEL
from notifications.usecases.channel_accounts import AccountRules
from notifications.worker import Replanner, Sender, resealing, sweeps, telling_channels
from slotstream_contracts.envelope import parse
from slotstream_servicekit.background import repeatedly
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.housekeeping import housekeeping
from slotstream_servicekit.http.app import create_app
from slotstream_servicekit.http.auth import Authenticator
from slotstream_servicekit.notify import Listener
from slotstream_servicekit.runtime import Service, Worker, run

if TYPE_CHECKING:
    from notifications.consumers import Handlers
    from slotstream_servicekit.rebuild import Projection

NAME = "notifications"

_HOUSEKEEPING_SECONDS = 600.0


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
        twilio_token=_twilio_token(settings),
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


def _twilio_token(settings: NotificationsSettings) -> str | None:
    """Who stops sending still hears a STOP, where it can be remembered; and the console's texts can be answered."""
    hears = "twilio" in (settings.sms, settings.voice) or bool(settings.number_keys)
    token = settings.twilio_auth_token
    return token.get_secret_value() if token is not None and hears else None


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
            *([] if sealer is None else [resealing(database, sealer)]),
            telling_channels(database, channels, clock),
        ],
        checks=[("sender", sender.check)],
        dispose=[*(channel.aclose for channel in channels), accounts.aclose],
        audited=audited_projections(clock=clock, kept=settings.ledger_retention),
    )


def create_account_rules(settings: NotificationsSettings) -> AccountRules:
    return AccountRules(
        sealer=create_sealer(settings),
        remembers_stops=bool(settings.number_keys),
        hears=bool(settings.twilio_callback_url),
    )


def create_inbound_mail(settings: NotificationsSettings) -> InboundMailDoor | None:
    """None where no mail comes in."""
    addresses, secret = create_reply_addresses(settings), settings.inbound_mail_secret
    if addresses is None or secret is None:
        return None
    return InboundMailDoor(
        secret=secret.get_secret_value(),
        addresses=addresses,
        own_domain=sender_address(settings).rpartition("@")[2],
        most_bytes=settings.inbound_mail_bytes,
    )


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


def projections() -> "Sequence[Projection]":
    from notifications import consumers

    return consumers.projections()


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
