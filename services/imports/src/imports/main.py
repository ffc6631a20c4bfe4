"""Where imports is wired together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from imports.adapters.csv.reader import CsvReader
from imports.adapters.phones import find_phones, read_phone
from imports.domain.tables import TableReaders
from imports.domain.validation import Judging
from imports.settings import ImportsSettings
from slotstream_contracts.envelope import parse
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.http import Authenticator, create_app
from slotstream_servicekit.runtime import Service, Worker, run

if TYPE_CHECKING:
    from imports.worker import ImportWorker
    from slotstream_servicekit.rebuild import Projection

NAME = "imports"


def table_readers() -> TableReaders:
    """Every format that can be imported. CSV takes whatever no other recognises: it comes last."""
    return TableReaders(CsvReader())


def create_api(settings: ImportsSettings, *, clock: Clock = system_clock) -> FastAPI:
    """The API role: a database and no Kafka client."""
    from imports.api import Dependencies, imports_router, progress_router, rows_router

    database = Database.of_service(settings, service=NAME, role="api")
    health = Health()
    health.register("database", database_check(database))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await database.dispose()

    app = create_app(
        service=NAME,
        title="Slotstream Imports",
        routers=[imports_router, rows_router, progress_router],
        settings=settings,
        authenticator=Authenticator(settings.issuers),
        health=health,
        lifespan=lifespan,
    )
    app.state.dependencies = Dependencies(
        database=database,
        clock=clock,
        readers=table_readers(),
        judging=_judging(),
        max_rows=settings.max_rows,
        catalogue_wait=settings.catalogue_wait,
    )
    return app


def create_worker(settings: ImportsSettings, *, clock: Clock = system_clock) -> Worker:
    """The worker role: what imports hears and says, and the steps of imports that are under way."""
    from imports.audited import audited_projections
    from imports.consumers import register
    from imports.worker import tasks
    from slotstream_servicekit import workers

    database = Database.of_service(settings, service=NAME, role="worker")
    worker = create_import_worker(settings, database=database, clock=clock)
    return workers.create_worker(
        service=NAME,
        settings=settings,
        database=database,
        decode=parse,
        register=lambda consumers: register(consumers, clock=clock),
        tasks=tasks(worker, every=settings.work_every, kept=settings.keep_imports),
        audited=audited_projections(),
    )


def create_import_worker(settings: ImportsSettings, *, database: Database, clock: Clock) -> "ImportWorker":
    from imports.usecases.commands import ImportSteps
    from imports.usecases.reading import FileCursor
    from imports.usecases.retention import Retention
    from imports.worker import ImportWorker

    steps = ImportSteps(
        cursor=FileCursor(table_readers()),
        judging=_judging(),
        chunk_rows=settings.chunk_rows,
        awaited_rows=settings.awaited_rows,
        answer_timeout=settings.answer_timeout,
    )
    retention = Retention(unconfirmed=settings.keep_unconfirmed, settled=settings.keep_settled)
    return ImportWorker(database=database, clock=clock, steps=steps, retention=retention)


def _judging() -> Judging:
    return Judging(read_phone=read_phone, find_phones=find_phones)


def _projections() -> "Sequence[Projection]":
    from imports.consumers import projections

    return projections(clock=system_clock)


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
