"""What the Alembic revisions and environments of all services share."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from alembic import command, context
from alembic.config import Config
from alembic.operations import Operations
from sqlalchemy import Connection, MetaData, pool
from sqlalchemy.ext.asyncio import create_async_engine

from slotstream_servicekit.database import server_limits
from slotstream_servicekit.locks import LockClass
from slotstream_servicekit.schema import PRIVILEGES, RowLimit, tenant_isolation
from slotstream_servicekit.settings import DatabaseLimits, ServiceSettings

DEFAULT_LIMITS: Final[DatabaseLimits] = ServiceSettings.model_fields["maintenance_database_limits"].default


def enable_tenant_isolation(op: Operations, *tables: str) -> None:
    """Make rows visible and writable only for the organization of the transaction."""
    for statement in tenant_isolation(tables):
        op.execute(statement)


def grant_app(op: Operations, *, service: str, tables: Sequence[str]) -> None:
    """Let the role of the application use `tables`. Identity columns need no grant of their own."""
    op.execute(f"GRANT {PRIVILEGES} ON {', '.join(tables)} TO {service}_app")


def limit_rows(op: Operations, *limits: RowLimit) -> None:
    """Create the policies for limited callers, in addition to those of the tenant."""
    for limit in limits:
        op.execute(limit.statement())


def run_env(metadata: MetaData) -> None:
    """The body of a service's `migrations/env.py`."""
    url = context.config.get_main_option("sqlalchemy.url")
    if url is None:
        raise SystemExit("alembic needs sqlalchemy.url: run `slotstream migrate`, which passes the owner's URL")
    asyncio.run(_run_online(url, metadata, context.config.attributes.get("limits", DEFAULT_LIMITS)))


async def _run_online(url: str, metadata: MetaData, limits: DatabaseLimits) -> None:
    # The lock of migrations is taken first, and may take long: the limit for locks is set after it.
    settings = server_limits(limits.model_copy(update={"lock_seconds": 0}))
    engine = create_async_engine(url, poolclass=pool.NullPool, connect_args={"server_settings": settings})
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate, metadata, limits)
            await connection.commit()
    finally:
        await engine.dispose()


def _migrate(connection: Connection, metadata: MetaData, limits: DatabaseLimits) -> None:
    """Each revision has its own transaction, so that the ones before a failure stay applied."""
    # Two migrations at the same time take turns, and the second finds nothing to do. Closing the connection frees the
    # lock.
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({LockClass.MIGRATION:d})")
    # While it waits for the lock of a table, all later queries of that table wait as well: better to fail and retry.
    connection.exec_driver_sql(f"SET lock_timeout = {server_limits(limits)['lock_timeout']}")
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_server_default=False,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    _let_the_service_read_its_revision(connection)


def _let_the_service_read_its_revision(connection: Connection) -> None:
    """Let the role of the application read the revision, with which readiness tells whether the schema is old."""
    connection.exec_driver_sql(
        """DO $$ DECLARE app text := regexp_replace(current_user, '_owner$', '_app'); BEGIN
             IF to_regclass('alembic_version') IS NOT NULL AND EXISTS (SELECT FROM pg_roles WHERE rolname = app) THEN
               EXECUTE format('GRANT SELECT ON alembic_version TO %I', app);
             END IF;
           END $$"""
    )
    connection.commit()


def alembic_config(migrations: Path, owner_url: str, limits: DatabaseLimits = DEFAULT_LIMITS) -> Config:
    """Alembic's configuration for the folder `migrations` and the database at `owner_url`."""
    config = Config()
    config.attributes["limits"] = limits
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("sqlalchemy.url", owner_url.replace("%", "%%"))
    return config


def upgrade(migrations: Path, owner_url: str, *, limits: DatabaseLimits = DEFAULT_LIMITS) -> None:
    """Bring the database to the newest revision. It blocks, so it is not for use in an event loop."""
    command.upgrade(alembic_config(migrations, owner_url, limits), "head")
