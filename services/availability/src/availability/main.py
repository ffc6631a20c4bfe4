"""The only place where the service is wired together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from availability.api import ROUTERS
from availability.settings import AvailabilitySettings
from availability.storage import with_holiday_rules
from availability.usecases import World, extend_holidays
from slotstream_contracts.envelope import parse
from slotstream_servicekit.background import BackgroundTask, repeatedly
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.http import Authenticator, create_app
from slotstream_servicekit.http.idempotency import forget_old_keys
from slotstream_servicekit.runtime import Service, Worker, run

if TYPE_CHECKING:
    from slotstream_servicekit.rebuild import Projection

NAME = "availability"
_HOUSEKEEPING_SECONDS = 6 * 3_600.0


def create_api(settings: AvailabilitySettings, *, clock: Clock = system_clock) -> FastAPI:
    """The HTTP application; it holds no Kafka client."""
    database = Database.connect(
        settings.database_url, pool_size=settings.database_pool_size, application_name=f"{NAME}-api"
    )
    health = Health()
    health.register("database", database_check(database))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await database.dispose()

    app = create_app(
        service=NAME,
        title="Slotstream availability",
        routers=ROUTERS,
        settings=settings,
        authenticator=Authenticator(settings.issuers),
        health=health,
        lifespan=lifespan,
    )
    app.state.world = World(
        database=database,
        clock=clock,
        answer_cache_bytes=settings.answer_cache_bytes,
        occupancy_cache_entries=settings.occupancy_cache_entries,
        freshness_seconds=settings.freshness_seconds,
    )
    return app


def create_worker(settings: AvailabilitySettings, *, clock: Clock = system_clock) -> Worker:
    """Projections, the outbox relay and housekeeping."""
    from availability.consumers import register
    from slotstream_servicekit.consumer import Consumers
    from slotstream_servicekit.relay import Relay

    database = Database.connect(
        settings.database_url, pool_size=settings.database_pool_size, application_name=f"{NAME}-worker"
    )
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
    register(consumers)
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
        tasks=(housekeeping(database, clock),),
        dispose=database.dispose,
    )


def housekeeping(database: Database, clock: Clock) -> BackgroundTask:
    """A task that keeps holidays some years ahead and forgets old idempotency keys."""

    async def keep_house() -> None:
        await renew_holidays(database, clock)
        await forget_old_keys(database)

    return repeatedly("housekeeping", keep_house, every=_HOUSEKEEPING_SECONDS)


async def renew_holidays(database: Database, clock: Clock) -> int:
    """Extends every schedule that follows public holidays; how many needed it."""
    async with database.system_transaction() as session:
        following = await with_holiday_rules(session)
    renewed = 0
    for organization_id, owner_id in following:
        async with database.transaction(organization_id) as session:
            renewed += await extend_holidays(
                session=session, organization_id=organization_id, owner_id=owner_id, now=clock()
            )
    return renewed


def _projections() -> "Sequence[Projection]":
    from availability.consumers import projections

    return projections()


service = Service(
    name=NAME,
    settings=AvailabilitySettings,
    create_api=create_api,
    create_worker=create_worker,
    package_dir=Path(__file__).resolve().parents[2],
    projections=_projections,
)


def main() -> None:
    run(service)
