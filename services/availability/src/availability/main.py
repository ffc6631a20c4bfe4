"""The only place where the service is wired together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from availability.api import ROUTERS
from availability.api.dependencies import Dependencies
from availability.api.slot_answers import AnswerCache
from availability.settings import AvailabilitySettings
from availability.storage import AvailabilityReader
from slotstream_contracts.envelope import parse
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.http import Authenticator, create_app
from slotstream_servicekit.runtime import Service, Worker, run

if TYPE_CHECKING:
    from slotstream_servicekit.rebuild import Projection

NAME = "availability"


def create_api(settings: AvailabilitySettings, *, clock: Clock = system_clock) -> FastAPI:
    """The HTTP application; it holds no Kafka client."""
    database = Database.of_service(settings, service=NAME, role="api")
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
    app.state.dependencies = Dependencies(
        database=database,
        reader=AvailabilityReader(
            database=database,
            occupancy_cache_entries=settings.occupancy_cache_entries,
            freshness_seconds=settings.freshness_seconds,
        ),
        answers=AnswerCache(settings.answer_cache_bytes),
        clock=clock,
        catalogue_wait=timedelta(seconds=settings.catalogue_wait_seconds),
        state_wait=timedelta(seconds=settings.state_wait_seconds),
    )
    return app


def create_worker(settings: AvailabilitySettings, *, clock: Clock = system_clock) -> Worker:
    """Projections, the outbox relay, holidays and housekeeping."""
    from availability.audited import audited_projections
    from availability.consumers import register
    from availability.worker import tasks
    from slotstream_servicekit import workers

    database = Database.of_service(settings, service=NAME, role="worker")
    return workers.create_worker(
        service=NAME,
        settings=settings,
        database=database,
        decode=parse,
        register=register,
        tasks=tasks(database, clock, past_days=settings.past_days),
        audited=audited_projections(clock=clock, past_days=settings.past_days),
    )


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
