"""Where notifications is wired together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from notifications.adapters.email import InvalidAddressError, SmtpGateway, SmtpServer, checked_address
from notifications.api import ROUTERS, ApiContext
from notifications.domain import EmailGateway, RetryPolicy
from notifications.settings import NotificationsSettings
from notifications.storage.tables import inbox
from notifications.worker import Sender
from slotstream_contracts.envelope import parse
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.http.app import create_app
from slotstream_servicekit.http.auth import Authenticator
from slotstream_servicekit.runtime import Service, Worker, run

if TYPE_CHECKING:
    from notifications.consumers import Hearing
    from slotstream_servicekit.rebuild import Projection

_OUTCOME_MARGIN = timedelta(seconds=30)


def create_api(settings: NotificationsSettings, *, clock: Clock = system_clock) -> FastAPI:
    database = _database(settings)
    health = Health()
    health.register("database", database_check(database))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await database.dispose()

    app = create_app(
        service="notifications",
        title="Slotstream Notifications",
        routers=ROUTERS,
        settings=settings,
        authenticator=Authenticator(settings.issuers),
        health=health,
        lifespan=lifespan,
    )
    app.state.context = ApiContext(database, settings.catalogue_wait, clock)
    return app


def create_worker(settings: NotificationsSettings, *, clock: Clock = system_clock) -> Worker:
    from notifications.consumers import register
    from slotstream_servicekit.consumer import Consumers
    from slotstream_servicekit.relay import Relay

    database = _database(settings)
    health = Health()
    health.register("database", database_check(database))
    gateway = SmtpGateway(_smtp_server(settings))
    sender = create_sender(settings, database=database, gateway=gateway, clock=clock)
    health.register("sender", sender.check)
    consumers = Consumers(
        service="notifications",
        bootstrap_servers=settings.kafka_bootstrap_servers,
        database=database,
        decode=parse,
        health=health,
        inbox=inbox,
        batch_size=settings.consumer_batch_size,
    )
    hearing = create_hearing(settings, clock=clock)
    hearing.wake = sender.wake
    register(consumers, hearing)

    async def dispose() -> None:
        await gateway.aclose()
        await database.dispose()

    return Worker(
        health=health,
        consumers=consumers,
        relay=Relay(
            database,
            service="notifications",
            bootstrap_servers=settings.kafka_bootstrap_servers,
            lanes=settings.relay_lanes,
        ),
        tasks=[sender.run],
        dispose=dispose,
    )


def create_sender(
    settings: NotificationsSettings, *, database: Database, gateway: EmailGateway, clock: Clock
) -> Sender:
    return Sender(
        database=database,
        gateway=gateway,
        clock=clock,
        sender_address=_sender_address(settings),
        retries=RetryPolicy(
            first=settings.first_retry,
            longest=settings.longest_retry,
            most_attempts=settings.most_attempts,
            patience=settings.patience,
        ),
        poll_every=settings.poll_every,
        claim_lease=settings.claim_lease,
        outcome_lease=timedelta(seconds=settings.smtp_data_seconds) + _OUTCOME_MARGIN,
        recover_every=settings.recover_every,
        concurrency=2 * settings.smtp_connections,
    )


def create_hearing(settings: NotificationsSettings, *, clock: Clock) -> "Hearing":
    from notifications.consumers import Hearing

    return Hearing(clock=clock, newest_only=settings.newest_only, notify_staff=settings.notify_staff)


def projections() -> "Sequence[Projection]":
    from notifications.consumers import CATALOGUE_TYPES, Hearing
    from slotstream_contracts.topics import APPOINTMENTS, CATALOGUE, CLIENTS
    from slotstream_servicekit.rebuild import Projection

    hearing = Hearing(clock=system_clock, newest_only=timedelta(), notify_staff=False)
    return [
        Projection(
            name="appointments",
            topics=[APPOINTMENTS.name],
            handler=hearing.on_past_appointments,
            tables=["appointments"],
        ),
        Projection(name="clients", topics=[CLIENTS.name], handler=hearing.on_clients, tables=["clients"]),
        Projection(
            name="catalogue",
            topics=[CATALOGUE.name],
            handler=hearing.on_catalogue,
            tables=["catalogue"],
            types=CATALOGUE_TYPES,
        ),
    ]


def _database(settings: NotificationsSettings) -> Database:
    return Database.connect(
        settings.database_url, pool_size=settings.database_pool_size, application_name="notifications"
    )


def _sender_address(settings: NotificationsSettings) -> str:
    try:
        return checked_address(settings.sender_address)
    except InvalidAddressError as error:
        raise StartError("NOTIFICATIONS_SENDER_ADDRESS is not an e-mail address") from error


def _smtp_server(settings: NotificationsSettings) -> SmtpServer:
    password = settings.smtp_password.get_secret_value() if settings.smtp_password is not None else None
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
    name="notifications",
    settings=NotificationsSettings,
    create_api=create_api,
    create_worker=create_worker,
    package_dir=Path(__file__).parents[2],
    projections=projections,
)


def main() -> None:
    run(service)
