"""Databases for tests: migrated once per session as a template, copied in tens of milliseconds."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from slotstream_servicekit.database import Database
from slotstream_servicekit.migrations import upgrade
from slotstream_servicekit.runtime import Service
from slotstream_servicekit.testing.brokers import in_a_loop_of_its_own

_PASSWORD: Final = "test"  # noqa: S105 - of roles that exist only in test servers


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
    """Run statements one by one, each in a transaction of its own."""

    async def run() -> None:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    in_a_loop_of_its_own(run())


def installed_service(name: str) -> Service[Any]:
    """The installed service of that package name."""
    found = {point.name: point for point in entry_points(group="slotstream.services")}
    return cast("Service[Any]", found[name].load())


@dataclass(slots=True)
class FreshDatabase:
    """A migrated database of one's own. URLs are SQLAlchemy's (`postgresql+asyncpg://`)."""

    name: str
    app_url: str
    owner_url: str
    database: Database
    """As the application's role, which row-level security binds."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What the service must be told to use it, without its prefix."""
        return {"DATABASE_URL": self.app_url, "OWNER_DATABASE_URL": self.owner_url}


@dataclass(slots=True)
class DatabaseForge:
    """Makes databases on one server; keeps one migrated template per service."""

    admin_url: str
    _templates: dict[str, str] = field(default_factory=dict)
    _made: list[str] = field(default_factory=list)

    def make(self, service: str, *, migrated: bool = True) -> FreshDatabase:
        template = self._template(service) if migrated else "template0"
        name = f"{service}_{uuid4().hex[:12]}"
        execute(self.admin_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER {service}_owner')
        self._made.append(name)
        app_url = self._url(name, f"{service}_app")
        return FreshDatabase(
            name=name,
            app_url=app_url,
            owner_url=self._url(name, f"{service}_owner"),
            database=Database.connect(app_url, pool_size=40, application_name="test"),
        )

    def drop(self, name: str) -> None:
        execute(self.admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        if name in self._made:
            self._made.remove(name)

    def close(self) -> None:
        for name in [*self._made, *self._templates.values()]:
            execute(self.admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _template(self, service: str) -> str:
        if service not in self._templates:
            self.make_roles(service)
            name = f"template_{service}_{uuid4().hex[:8]}"
            execute(self.admin_url, f'CREATE DATABASE "{name}" OWNER {service}_owner')
            self._templates[service] = name
            migrations = installed_service(service).package_dir / "migrations"
            upgrade_in_thread(migrations, self._url(name, f"{service}_owner"))
        return self._templates[service]

    def make_roles(self, service: str) -> None:
        """The owner and the application's role; several sessions may do this at once."""
        for role in (f"{service}_owner", f"{service}_app"):
            execute(
                self.admin_url,
                f"DO $$ BEGIN CREATE ROLE {role} LOGIN PASSWORD '{_PASSWORD}'; "
                "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
            )

    def _url(self, database: str, role: str) -> str:
        parts = urlsplit(self.admin_url)
        address = f"{role}:{_PASSWORD}@{parts.hostname}:{parts.port}"
        return urlunsplit(("postgresql+asyncpg", address, f"/{database}", "", ""))


def upgrade_in_thread(migrations: Any, owner_url: str) -> None:
    """Alembic's environment runs a loop of its own: not inside one that runs already."""

    async def run() -> None:
        import asyncio

        await asyncio.to_thread(upgrade, migrations, owner_url)

    in_a_loop_of_its_own(run())
