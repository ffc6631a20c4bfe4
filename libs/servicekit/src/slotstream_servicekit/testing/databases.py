"""Databases for tests: a migrated template per session, which is copied; after a test a copy is reset for the next."""

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from slotstream_servicekit.database import Database
from slotstream_servicekit.migrations import upgrade
from slotstream_servicekit.runtime import Service
from slotstream_servicekit.settings import DatabaseLimits
from slotstream_servicekit.testing.brokers import T, in_a_loop_of_its_own
from slotstream_servicekit.testing.reuse import Original, TouchedError, end_other_connections, settle

_KEPT: Final = 3
"""How many reset databases of a service are kept for the next test."""

PATIENCE_SECONDS: Final = 120
"""Long, because a server that several test runs use at once may answer slowly."""
PATIENT: Final = DatabaseLimits(
    statement_seconds=PATIENCE_SECONDS, lock_seconds=PATIENCE_SECONDS, idle_in_transaction_seconds=PATIENCE_SECONDS
)
"""For services under test: on a slow machine a request must wait longer, and not be refused."""

PASSWORD: Final = "test"  # noqa: S105 - of roles that exist only in test servers


def wait_for_postgres(url: str, *, within: float) -> None:
    """Block until the server answers a query."""
    deadline = time.monotonic() + within
    while True:
        try:
            execute(url, "SELECT 1")
        except (asyncpg.PostgresError, OSError, TimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def execute(url: str, *statements: str) -> None:
    """Run statements one by one, each in its own transaction."""

    async def run() -> None:
        connection = await asyncpg.connect(url, timeout=PATIENCE_SECONDS)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    in_a_loop_of_its_own(run())


def installed_names() -> list[str]:
    """The package names of all installed services."""
    return sorted(point.name for point in entry_points(group="slotstream.services"))


def installed_service(name: str) -> Service[Any]:
    """The installed service of that package name."""
    found = {point.name: point for point in entry_points(group="slotstream.services")}
    return cast("Service[Any]", found[name].load())


@dataclass(slots=True)
class FreshDatabase:
    """A migrated database for one test. URLs are SQLAlchemy's (`postgresql+asyncpg://`)."""

    name: str
    app_url: str
    owner_url: str
    database: Database
    """The URL for the role of the application, to which row-level security applies."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings with which the service uses it, without its prefix."""
        return {"DATABASE_URL": self.app_url, "OWNER_DATABASE_URL": self.owner_url}


@dataclass(slots=True)
class DatabaseForge:
    """Makes databases on one server. It keeps a migrated template of each service, and a few reset databases."""

    admin_url: str
    _templates: dict[str, str] = field(default_factory=dict)
    _made: list[str] = field(default_factory=list)
    _originals: dict[str, Original] = field(default_factory=dict)
    _spare: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def make(self, service: str, *, migrated: bool = True) -> FreshDatabase:
        spare = self._spare[service] if migrated else []
        name = spare.pop() if spare else self._create(service, migrated=migrated)
        app_url = self._url(name, f"{service}_app")
        return FreshDatabase(
            name=name,
            app_url=app_url,
            owner_url=self._url(name, f"{service}_owner"),
            database=Database.connect(app_url, pool_size=40, application_name="test"),
        )

    def give_back(self, name: str, service: str) -> None:
        """Called after a test: resets its database, or drops it where that cannot be done."""
        if len(self._spare[service]) >= _KEPT:
            self.drop(name)
            return
        new_name = _a_name(service)
        try:
            in_a_loop_of_its_own(self._renew(name, new_name))
        except (TouchedError, asyncpg.PostgresError, OSError):
            self.drop(name)
            self.drop(new_name)
        else:
            self._spare[service].append(new_name)

    def drop(self, name: str) -> None:
        execute(self.admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._originals.pop(name, None)
        if name in self._made:
            self._made.remove(name)

    def close(self) -> None:
        for name in [*self._made, *self._templates.values()]:
            execute(self.admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _create(self, service: str, *, migrated: bool) -> str:
        template = self._template(service) if migrated else "template0"
        name = _a_name(service)
        execute(self.admin_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER {service}_owner')
        self._made.append(name)
        if migrated:
            self._originals[name] = in_a_loop_of_its_own(self._with(name, Original.read))
        return name

    async def _with(self, name: str, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        async with self._connected(name) as connection:
            return await work(connection)

    async def _renew(self, name: str, new_name: str) -> None:
        """Renames the database, so that a task of the former test cannot reach it by its old name."""
        async with self._connected() as connection:
            await end_other_connections(connection, name)
            await connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{new_name}"')
        self._made[self._made.index(name)] = new_name
        original = self._originals[new_name] = self._originals.pop(name)
        await self._with(new_name, original.restore)

    @asynccontextmanager
    async def _connected(self, name: str | None = None) -> AsyncIterator[asyncpg.Connection]:
        """As the administrator, to the database of that name or the one that the administrator's URL names."""
        more = {} if name is None else {"database": name}
        connection = await asyncpg.connect(self.admin_url, timeout=PATIENCE_SECONDS, **more)
        try:
            yield connection
        finally:
            await connection.close()

    def _template(self, service: str) -> str:
        if service not in self._templates:
            self.make_roles(service)
            name = f"template_{service}_{uuid4().hex[:8]}"
            execute(self.admin_url, f'CREATE DATABASE "{name}" OWNER {service}_owner')
            self._templates[service] = name
            migrations = installed_service(service).package_dir / "migrations"
            upgrade_in_thread(migrations, self._url(name, f"{service}_owner"))
            in_a_loop_of_its_own(self._with(name, settle))
        return self._templates[service]

    def make_roles(self, service: str) -> None:
        """Creates the owner and the role of the application. Several sessions may do this at once."""
        for role in (f"{service}_owner", f"{service}_app"):
            execute(
                self.admin_url,
                # To hash a known password thousands of times would take much of the time of each connection.
                "DO $$ BEGIN PERFORM set_config('scram_iterations', '1', true); "
                f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; "
                "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
            )

    def _url(self, database: str, role: str) -> str:
        parts = urlsplit(self.admin_url)
        address = f"{role}:{PASSWORD}@{parts.hostname}:{parts.port}"
        return urlunsplit(("postgresql+asyncpg", address, f"/{database}", "", ""))


def _a_name(service: str) -> str:
    return f"{service}_{uuid4().hex[:12]}"


def upgrade_in_thread(migrations: Any, owner_url: str) -> None:
    """Runs it in a thread, because Alembic's environment starts its own event loop."""

    async def run() -> None:
        import asyncio

        await asyncio.to_thread(upgrade, migrations, owner_url)

    in_a_loop_of_its_own(run())
