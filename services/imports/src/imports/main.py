"""Where imports is wired together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from imports.api import ApiContext, imports_router, review_router
from imports.consumers import CATALOGUE_TYPES, on_catalogue, register
from imports.settings import ImportsSettings
from imports.storage.tables import PROJECTION_TABLES
from imports.worker import ImportWorker
from slotstream_contracts.envelope import parse
from slotstream_contracts.topics import CATALOGUE
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.consumer import Consumers
from slotstream_servicekit.database import Database
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.http.app import create_app
from slotstream_servicekit.http.auth import Authenticator
from slotstream_servicekit.rebuild import Projection
from slotstream_servicekit.relay import Relay
from slotstream_servicekit.runtime import Service, Worker, run


def create_api(settings: ImportsSettings, *, clock: Clock = system_clock) -> FastAPI:
    database = _database(settings)
    health = Health()
    health.register("database", database_check(database))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await database.dispose()

    app = create_app(
        service="imports",
        title="Slotstream Imports",
        routers=[imports_router, review_router],
        settings=settings,
        authenticator=Authenticator(settings.issuers),
        health=health,
        lifespan=lifespan,
    )
    app.state.context = ApiContext(
        database=database,
        clock=clock,
        max_rows=settings.max_rows,
        catalogue_wait=settings.catalogue_wait,
    )
    return app


def create_worker(settings: ImportsSettings, *, clock: Clock = system_clock) -> Worker:
    database = _database(settings)
    health = Health()
    health.register("database", database_check(database))
    consumers = Consumers(
        service="imports",
        bootstrap_servers=settings.kafka_bootstrap_servers,
        database=database,
        decode=parse,
        health=health,
        batch_size=settings.consumer_batch_size,
    )
    register(consumers, clock=clock)
    worker = ImportWorker(database=database, clock=clock, chunk_rows=settings.chunk_rows, every=settings.work_every)
    relay = Relay(
        database,
        service="imports",
        bootstrap_servers=settings.kafka_bootstrap_servers,
        lanes=settings.relay_lanes,
    )
    return Worker(health=health, consumers=consumers, relay=relay, tasks=[worker.run], dispose=database.dispose)


def projections() -> Sequence[Projection]:
    return [
        Projection(
            name="catalogue",
            topics=[CATALOGUE.name],
            handler=on_catalogue,
            tables=list(PROJECTION_TABLES),
            types=CATALOGUE_TYPES,
        )
    ]


def _database(settings: ImportsSettings) -> Database:
    return Database.connect(settings.database_url, pool_size=settings.database_pool_size, application_name="imports")


service = Service(
    name="imports",
    settings=ImportsSettings,
    create_api=create_api,
    create_worker=create_worker,
    package_dir=Path(__file__).parents[2],
    projections=projections,
)


def main() -> None:
    run(service)
