"""Where imports is wired together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from imports.settings import ImportsSettings
from slotstream_contracts.envelope import parse
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.http import Authenticator, create_app
from slotstream_servicekit.runtime import Service, Worker, run

if TYPE_CHECKING:
    from slotstream_servicekit.rebuild import Projection

NAME = "imports"


def create_api(settings: ImportsSettings, *, clock: Clock = system_clock) -> FastAPI:
    """The API role: a database and no Kafka client."""
    from imports.api import ApiContext, imports_router, review_router

    database = _database(settings, role="api")
    health = Health()
    health.register("database", database_check(database))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await database.dispose()

    app = create_app(
        service=NAME,
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
    """The worker role: what imports hears and says, and the steps of imports that are under way."""
    from imports.consumers import register
    from imports.worker import ImportWorker, housekeeping
    from slotstream_servicekit.consumer import Consumers
    from slotstream_servicekit.relay import Relay

    database = _database(settings, role="worker")
    health = Health()
    health.register("database", database_check(database))
    consumers = Consumers(
        service=NAME,
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
        service=NAME,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        lanes=settings.relay_lanes,
    )
    return Worker(
        health=health,
        consumers=consumers,
        relay=relay,
        tasks=[worker.run, housekeeping(database)],
        dispose=database.dispose,
    )


def _projections() -> "Sequence[Projection]":
    from imports.consumers import projections

    return projections()


def _database(settings: ImportsSettings, *, role: str) -> Database:
    return Database.connect(
        settings.database_url, pool_size=settings.database_pool_size, application_name=f"{NAME}-{role}"
    )


service = Service(
    name=NAME,
    settings=ImportsSettings,
    create_api=create_api,
    create_worker=create_worker,
    package_dir=Path(__file__).parents[2],
    projections=_projections,
)


def main() -> None:
    run(service)
