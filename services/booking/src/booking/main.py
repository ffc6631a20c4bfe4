"""Booking, wired together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from booking.settings import BookingSettings
from booking.storage.policies import PolicyCache
from slotstream_contracts.envelope import parse
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.http import Authenticator, create_app
from slotstream_servicekit.runtime import Service, Worker, run

if TYPE_CHECKING:
    from slotstream_servicekit.rebuild import Projection

NAME = "booking"


def create_api(settings: BookingSettings, *, clock: Clock = system_clock) -> FastAPI:
    """The API role: a database and nothing else, so that booking goes on with Kafka down."""
    from booking.api import routers
    from booking.api.dependencies import Dependencies
    from booking.domain.public import PublicLimits
    from booking.domain.waiting_list import WaitingListLimits

    database = Database.of_service(settings, service=NAME, role="api")
    health = Health()
    health.register("database", database_check(database))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await database.dispose()

    app = create_app(
        service=NAME,
        title="Slotstream booking",
        routers=routers,
        settings=settings,
        authenticator=Authenticator(settings.issuers),
        health=health,
        lifespan=lifespan,
    )
    app.state.dependencies = Dependencies(
        database=database,
        policies=PolicyCache(),
        clock=clock,
        message_channels=settings.message_channels,
        public_limits=PublicLimits(
            hold=settings.public_hold,
            holds_per_visitor=settings.public_holds_per_visitor,
            holds_per_business=settings.public_holds_per_business,
        ),
        waiting_list=WaitingListLimits(
            hold=settings.waiting_list_hold,
            per_client=settings.waiting_list_per_client,
            per_organization=settings.waiting_list_per_organization,
        ),
    )
    return app


def create_worker(settings: BookingSettings, *, clock: Clock = system_clock) -> Worker:
    """The worker role: consumers, the relay, and what is done by the clock."""
    from booking.consumers import audited_projections, register
    from booking.storage.bulk import ORDERED_CHANNEL
    from booking.storage.freed_times import FREED_CHANNEL
    from booking.storage.tables import inbox
    from booking.worker import SWEEPS, auditor, bulk_orders, expired_holds, series_extension, waiting_list
    from slotstream_servicekit import workers
    from slotstream_servicekit.housekeeping import housekeeping
    from slotstream_servicekit.notify import Listener

    database = Database.of_service(settings, service=NAME, role="worker")
    policies, ordered, freed = PolicyCache(), asyncio.Event(), asyncio.Event()
    return workers.create_worker(
        service=NAME,
        settings=settings,
        database=database,
        decode=parse,
        register=lambda consumers: register(consumers, policies=policies, clock=clock),
        inbox=inbox,
        tasks=(
            housekeeping(database, SWEEPS),
            expired_holds(database),
            auditor(database, clock),
            series_extension(database, policies, clock),
            bulk_orders(database, policies, clock, wake=ordered),
            Listener(database, ORDERED_CHANNEL, wake=ordered).run,
            waiting_list(database, policies, clock, hold=settings.waiting_list_hold, wake=freed),
            Listener(database, FREED_CHANNEL, wake=freed).run,
        ),
        audited=audited_projections(clock=clock),
    )


def _projections() -> "Sequence[Projection]":
    from booking.consumers import projections

    return projections()


service = Service(
    name=NAME,
    settings=BookingSettings,
    create_api=create_api,
    create_worker=create_worker,
    package_dir=Path(__file__).parents[2],
    projections=_projections,
)


def main() -> None:
    run(service)
