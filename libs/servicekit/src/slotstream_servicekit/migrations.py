"""What Alembic revisions and environments of every service share."""

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
    """Rows are visible and writable only to the organization that the transaction is bound to."""
    for statement in tenant_isolation(tables):
        op.execute(statement)


def grant_app(op: Operations, *, service: str, tables: Sequence[str]) -> None:
    """Let the service's application role use `tables`; identity columns need no grant of their own."""
    op.execute(f"GRANT {PRIVILEGES} ON {', '.join(tables)} TO {service}_app")


def limit_rows(op: Operations, *limits: RowLimit) -> None:
    """What limited callers see, besides the tenant's isolation."""
    for limit in limits:
        op.execute(limit.statement())


def run_env(metadata: MetaData) -> None:
    """The body of a service's `migrations/env.py`."""
    url = context.config.get_main_option("sqlalchemy.url")
    if url is None:
        raise SystemExit("alembic needs sqlalchemy.url: run `slotstream migrate`, which passes the owner's URL")
    asyncio.run(_run_online(url, metadata, context.config.attributes.get("limits", DEFAULT_LIMITS)))


async def _run_online(url: str, metadata: MetaData, limits: DatabaseLimits) -> None:
    # The lock comes first and may be waited for; its own limit is set after it.
    settings = server_limits(limits.model_copy(update={"lock_seconds": 0}))
    engine = create_async_engine(url, poolclass=pool.NullPool, connect_args={"server_settings": settings})
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate, metadata, limits)
            await connection.commit()
    finally:
        await engine.dispose()


def _migrate(connection: Connection, metadata: MetaData, limits: DatabaseLimits) -> None:
    """Each revision in a transaction of its own, so that one that fails leaves those before it applied."""
    # Two migrating processes take turns: the second finds nothing left to do. The connection's end frees the lock.
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({LockClass.MIGRATION:d})")
    # Whoever waits for a table's lock makes every later query of that table wait as well: better to fail and retry.
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
    """To the application's role of the owner who migrates: readiness tells whether the schema is old."""
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
    """Bring the database to the newest revision. Blocks; not for use inside a running event loop."""
    command.upgrade(alembic_config(migrations, owner_url, limits), "head")
