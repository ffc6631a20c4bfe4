"""PostgreSQL through one pool: transactions bound to one tenant, and a raw connection for hot statements.

Row-level security reads the tenant from the setting `slotstream.organization`, which is set for one
transaction only. The hot path sets it inside its own statement and needs no further round trip.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Self
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from slotstream_servicekit.errors import DatabaseUnavailableError

TENANT_SETTING: Final = "slotstream.organization"
EVERY_TENANT: Final = "*"
"""What workers set: projections, the relay and timers act for every organization."""

_SET_TENANT = text(f"SELECT set_config('{TENANT_SETTING}', :tenant, true)")

_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.ReadOnlySQLTransactionError,
    ConnectionError,
    TimeoutError,
    PoolTimeoutError,
)
_UNAVAILABLE_STATES = ("08", "40", "53", "55P03", "57")
"""SQLSTATE classes that pass by themselves: connection, rollback, resources, lock, operator intervention."""


class Database:
    """One service's database, as one role."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        pool_size: int = 10,
        application_name: str = "slotstream",
        pool_timeout: float = 10.0,
    ) -> Self:
        """A lazily connecting pool for `postgresql+asyncpg://…`; nothing is dialled yet.

        Connections are checked by use, not by a ping before each checkout: a broken one is discarded with the
        transient error of the request that met it.
        """
        engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout,
            pool_use_lifo=True,
            pool_recycle=1_800,
            connect_args={
                "timeout": 5,
                "command_timeout": 60,
                "server_settings": {"application_name": application_name, "jit": "off"},
            },
        )
        return cls(engine)

    @asynccontextmanager
    async def transaction(self, organization_id: UUID) -> AsyncIterator[AsyncSession]:
        """One transaction that sees and writes one organization only."""
        async with self._begin(str(organization_id)) as session:
            yield session

    @asynccontextmanager
    async def system_transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction across organizations: for workers, never for a request."""
        async with self._begin(EVERY_TENANT) as session:
            yield session

    @asynccontextmanager
    async def _begin(self, tenant: str) -> AsyncIterator[AsyncSession]:
        with unavailable_as_transient():
            async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
                await session.execute(_SET_TENANT, {"tenant": tenant})
                yield session

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """The driver's own connection, in autocommit, from the same pool: for single statements.

        Each statement must set the tenant itself, as `hot_tenant()` shows; no transaction is opened and no
        round trip is spent besides the statement's own.
        """
        with unavailable_as_transient():
            pooled = await self.engine.raw_connection()
            try:
                driver = pooled.driver_connection
                assert driver is not None  # noqa: S101 (a checked-out connection has a driver)
                yield driver
            except BaseException:
                # The statement may still be running on it: such a connection is not given to anybody else.
                pooled.invalidate()
                raise
            finally:
                pooled.close()

    async def ping(self) -> None:
        """Raises DatabaseUnavailableError unless the database answers."""
        with unavailable_as_transient():
            async with self.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def dispose(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


class unavailable_as_transient:  # noqa: N801 (reads as the statement it is used in)
    """Turns whatever says "not now" into DatabaseUnavailableError, and lets every other error pass."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if error is not None and is_unavailable(error):
            raise DatabaseUnavailableError from error


def is_unavailable(error: BaseException) -> bool:
    """Whether `error` says that the same statement may succeed later."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return (
            error.connection_invalidated
            or isinstance(error, InterfaceError | OperationalError)
            or str(state).startswith(_UNAVAILABLE_STATES)
        )
    return isinstance(error, _UNAVAILABLE)
