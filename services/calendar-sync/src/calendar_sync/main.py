"""Where calendar-sync is wired together."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from calendar_sync.adapters.feed_secrets import FeedSecrets
from calendar_sync.adapters.ics.process import ExpansionProcess
from calendar_sync.adapters.ics.reader import IcsReader
from calendar_sync.adapters.ics.writer import IcsWriter
from calendar_sync.adapters.sealing import SecretBox
from calendar_sync.api import Dependencies, connections_router, feeds_router
from calendar_sync.domain import CalendarReader, ConnectionKind
from calendar_sync.settings import CalendarSyncSettings
from calendar_sync.storage import DUE_CHANNEL
from calendar_sync.worker import RESEALING_SECONDS, SWEEPS, Poller
from slotstream_contracts.envelope import parse
from slotstream_servicekit.background import repeatedly
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.housekeeping import housekeeping
from slotstream_servicekit.http.app import create_app
from slotstream_servicekit.http.auth import Authenticator
from slotstream_servicekit.http.guarded import GuardedHttp
from slotstream_servicekit.notify import Listener
from slotstream_servicekit.runtime import Service, Worker, run

if TYPE_CHECKING:
    from slotstream_servicekit.rebuild import Projection


NAME = "calendar_sync"


def create_api(settings: CalendarSyncSettings, *, clock: Clock = system_clock) -> FastAPI:
    database = Database.of_service(settings, service=NAME, role="api")
    health = Health()
    health.register("database", database_check(database))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.dependencies = _dependencies(settings, database, clock)
        yield
        await database.dispose()

    return create_app(
        service=NAME,
        title="Slotstream Calendar Sync",
        routers=[connections_router, feeds_router],
        settings=settings,
        authenticator=Authenticator(settings.issuers),
        health=health,
        lifespan=lifespan,
    )


def create_worker(settings: CalendarSyncSettings, *, clock: Clock = system_clock) -> Worker:
    from calendar_sync.audited import audited_projections
    from calendar_sync.consumers import register
    from slotstream_servicekit import workers

    database = Database.of_service(settings, service=NAME, role="worker")
    http = GuardedHttp(
        allowed=settings.allowed_networks,
        ports=settings.allowed_ports,
        seconds=settings.fetch_seconds,
        max_bytes=settings.fetch_max_bytes,
    )
    poller = create_poller(settings, database=database, readers=_readers(settings, http), clock=clock)
    listener = Listener(database, DUE_CHANNEL, wake=poller.wake)
    return workers.create_worker(
        service=NAME,
        settings=settings,
        database=database,
        decode=parse,
        register=partial(register, clock=clock),
        tasks=[
            poller.run,
            listener.run,
            repeatedly("resealing", poller.reseal, every=RESEALING_SECONDS),
            housekeeping(database, SWEEPS),
        ],
        dispose=[http.aclose],
        audited=audited_projections(clock=clock),
    )


def create_poller(
    settings: CalendarSyncSettings,
    *,
    database: Database,
    readers: Mapping[ConnectionKind, CalendarReader],
    clock: Clock,
) -> Poller:
    return Poller(
        database=database,
        readers=readers,
        box=SecretBox(_keys(settings)),
        clock=clock,
        interval=settings.poll_interval,
        every=settings.poll_every,
        lease=settings.poll_lease,
        concurrency=settings.poll_concurrency,
        most_per_tenant=settings.poll_tenant_concurrency,
        window_refresh=settings.window_refresh,
    )


def projections() -> "Sequence[Projection]":
    from calendar_sync import consumers

    return consumers.projections()


def _dependencies(settings: CalendarSyncSettings, database: Database, clock: Clock) -> Dependencies:
    keys = _keys(settings)
    return Dependencies(
        database=database,
        box=SecretBox(keys),
        feed_secrets=FeedSecrets(keys[0]),
        feed_writer=IcsWriter(),
        public_url=settings.public_url,
        resource_wait=settings.resource_wait,
        clock=clock,
    )


def _readers(settings: CalendarSyncSettings, http: GuardedHttp) -> Mapping[ConnectionKind, CalendarReader]:
    return {ConnectionKind.ICS: IcsReader(http, ExpansionProcess(seconds=settings.expansion_seconds))}


def _keys(settings: CalendarSyncSettings) -> Sequence[str]:
    """The keys that seal secrets. Checked when a role starts: operators' commands do without."""
    if not settings.secret_keys:
        sentence = "CALENDAR_SYNC_SECRET_KEYS is not set: it takes a JSON list of Fernet keys, the newest first"
        raise StartError(sentence)
    return [key.get_secret_value() for key in settings.secret_keys]


service = Service(
    name=NAME,
    settings=CalendarSyncSettings,
    create_api=create_api,
    create_worker=create_worker,
    package_dir=Path(__file__).parents[2],
    projections=projections,
    require=_keys,
)


def main() -> None:
    run(service)
