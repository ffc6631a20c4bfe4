"""The pytest plugin: fixtures for PostgreSQL, Kafka, databases, tokens and HTTP clients."""

import asyncio
import gc
import inspect
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import pytest_asyncio

from slotstream_servicekit.clock import use_pinned_zone_rules

if TYPE_CHECKING:
    import httpx2
    from fastapi import FastAPI

    from slotstream_servicekit.settings import IssuerSettings
    from slotstream_servicekit.signing import SigningKey
    from slotstream_servicekit.testing.databases import DatabaseForge, FreshDatabase
    from slotstream_servicekit.testing.pgbouncer import PgBouncer
    from slotstream_servicekit.testing.secured_kafka import SecuredKafka

FreshDatabaseFactory = Callable[[str], "FreshDatabase"]
ApiClientFactory = Callable[..., Awaitable["httpx2.AsyncClient"]]


def pytest_configure() -> None:
    """Tests use the same time-zone rules as the services."""
    use_pinned_zone_rules()


def pytest_collection_finish() -> None:
    """Excludes all that was imported from garbage collection, which took a seventh of the tests' time."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    """Tells where this run gets PostgreSQL and Kafka from."""
    from slotstream_servicekit.testing import infrastructure

    running = [
        f"{what} at {os.environ[variable].rpartition('@')[2]}"
        for what, variable in (
            ("PostgreSQL", infrastructure.POSTGRES_VARIABLE),
            ("Kafka", infrastructure.KAFKA_VARIABLE),
        )
        if os.environ.get(variable)
    ]
    kind, why = infrastructure.choice()
    chosen = {"containers": "testcontainers", "processes": "local processes"}[kind]
    return f"infrastructure: {chosen} ({why})" + (f"; already running: {', '.join(running)}" if running else "")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undoes `configure_logging` after a test, because pytest closes the stream that it logs to."""
    import structlog

    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    if structlog.is_configured():
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The administrator's URL of a PostgreSQL server."""
    from slotstream_servicekit.testing import infrastructure

    running = os.environ.get(infrastructure.POSTGRES_VARIABLE)
    if running:
        yield running
        return
    with infrastructure.a_postgres() as server:
        yield server.url


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap servers of a Kafka cluster. Other tests use it, too: names of topics and groups must be unique."""
    from slotstream_servicekit.testing import infrastructure

    running = os.environ.get(infrastructure.KAFKA_VARIABLE)
    if running:
        yield running
        return
    with infrastructure.a_kafka() as server:
        yield server.bootstrap_servers


@pytest.fixture(scope="session")
def secured_kafka() -> "Iterator[SecuredKafka]":
    """A broker that requires TLS, a login and rights. At first only its administrator has any."""
    from slotstream_servicekit.testing.secured_kafka import a_secured_kafka

    with a_secured_kafka() as server:
        yield server


@pytest.fixture(scope="session")
def database_forge(postgres: str) -> "Iterator[DatabaseForge]":
    from slotstream_servicekit.database import pool
    from slotstream_servicekit.testing.databases import PATIENCE_SECONDS, DatabaseForge

    with pytest.MonkeyPatch.context() as patch:
        # On a slow machine a request must wait for its connection: a timeout would fail the test.
        patch.setattr(pool, "_CONNECT_SECONDS", PATIENCE_SECONDS)
        patch.setattr(pool, "_POOL_SECONDS", PATIENCE_SECONDS)
        forge = DatabaseForge(postgres)
        yield forge
        forge.close()


@pytest_asyncio.fixture
async def fresh_database(database_forge: "DatabaseForge") -> AsyncIterator[FreshDatabaseFactory]:
    """Makes an empty, migrated database of a service for one test: `fresh_database("booking")`."""
    made: list[tuple[str, FreshDatabase]] = []

    def make(service: str) -> "FreshDatabase":
        fresh = database_forge.make(service)
        made.append((service, fresh))
        return fresh

    yield make
    for service, fresh in made:
        await fresh.database.dispose()
        database_forge.give_back(fresh.name, service)


@pytest.fixture(scope="session")
def pgbouncer(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[PgBouncer]":
    """A real PgBouncer in transaction mode in front of the server. Skips the test if none is installed, and says so."""
    from slotstream_servicekit.testing.pgbouncer import MissingError, a_pgbouncer

    try:
        with a_pgbouncer(postgres, tmp_path_factory.mktemp("pgbouncer")) as running:
            yield running
    except MissingError as error:
        pytest.skip(f"NOT TESTED through PgBouncer: {error}")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs tokens for services that have `issuer` in their settings."""

    key: "SigningKey"

    @property
    def issuer(self) -> "IssuerSettings":
        return self.key.issuer

    def token(self, *, organization_id: UUID, role: str = "owner", **more: Any) -> str:
        from slotstream_servicekit.signing import sign_token

        return sign_token(self.key, organization_id=organization_id, role=role, **more)


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    from slotstream_servicekit.signing import ensure_signing_key

    return Signer(ensure_signing_key(tmp_path_factory.mktemp("keys")))


@pytest_asyncio.fixture
async def api_client() -> AsyncIterator[ApiClientFactory]:
    """Makes HTTP clients of an app in this process. The first one starts the lifespan of the app."""
    import httpx2

    async with AsyncExitStack() as stack:
        entered: set[int] = set()

        async def open_client(app: "FastAPI", *, token: str | None = None, **headers: str) -> "httpx2.AsyncClient":
            if id(app) not in entered:
                entered.add(id(app))
                await stack.enter_async_context(app.router.lifespan_context(app))
            if token is not None:
                headers["Authorization"] = f"Bearer {token}"
            client = httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False),
                base_url="http://service.test",
                headers=headers,
            )
            return await stack.enter_async_context(client)

        yield open_client


async def until(condition: Callable[[], Any], *, within: float = 60.0, what: str = "the condition") -> Any:
    """Call a plain or async condition until its result is truthy; returns that result."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"waited {within} s for {what}")
        await asyncio.sleep(0.03)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Awaitable[Any]]:
    return until
