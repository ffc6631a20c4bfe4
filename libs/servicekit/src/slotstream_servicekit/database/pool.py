"""The database of one service: transactions and connections of a pool, and sessions outside of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Literal, Self
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from slotstream_servicekit.database.connections import (
    Connection,
    TenantConnection,
    bind,
    read_plain_uuids,
    refuse_closed,
    to_json,
    unbind,
)
from slotstream_servicekit.database.kept_connections import KeptConnections
from slotstream_servicekit.database.lending import Turns
from slotstream_servicekit.database.tenants import EVERY_TENANT, TENANT_SETTING, tenant_prelude
from slotstream_servicekit.database.time_limits import command_seconds, server_limits
from slotstream_servicekit.database.unavailable import is_unavailable, unavailable_as_transient
from slotstream_servicekit.limits import Tenancy
from slotstream_servicekit.settings import DatabaseLimits, ServiceSettings
from slotstream_servicekit.telemetry import DATABASE_CONNECTIONS, DATABASE_CONNECTIONS_LIMIT
from slotstream_servicekit.wakeups import announce_publication

_CONNECT_SECONDS = 5
_POOL_SECONDS = 10.0
"""How long to wait for a connection while all are in use."""

PUBLISHES: Final = "slotstream_publishes"
"""The key in `session.info` of a transaction that writes to the outbox."""


class Database:
    """The database of one service, used as one role."""

    def __init__(self, engine: AsyncEngine, *, turns: Turns, direct_url: URL | None = None) -> None:
        self.engine = engine
        self._turns = turns
        self._kept = KeptConnections(engine)
        self._direct_url = direct_url or engine.url

    @classmethod
    def of_service(cls, settings: ServiceSettings, *, service: str, role: Literal["api", "worker"]) -> Self:
        """The pool of one role of a service, with the limits that its settings give that role."""
        database = cls.connect(
            settings.database_url,
            direct_url=settings.database_direct_url,
            pool_size=settings.database_pool_size,
            application_name=f"{service}-{role}",
            limits=settings.api_database_limits if role == "api" else settings.worker_database_limits,
        )
        DATABASE_CONNECTIONS.labels(service, role).set_function(database.connections_in_use)
        DATABASE_CONNECTIONS_LIMIT.labels(service, role).set(settings.database_pool_size)
        return database

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        direct_url: str | None = None,
        pool_size: int = 10,
        application_name: str = "slotstream",
        pool_timeout: float | None = None,
        limits: DatabaseLimits | None = None,
    ) -> Self:
        """A pool for `postgresql+asyncpg://…` that connects when it is first used.

        Without `limits` the driver gives a statement up after a minute, and PostgreSQL none.

        Where `url` is that of a pooler (PgBouncer in transaction mode), `direct_url` is that of PostgreSQL itself.

        A connection is not pinged before it is lent. One that is known to be closed is replaced; one that breaks in use
        is discarded, and its request gets a transient error.
        """
        engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            # `Turns` lets no more in than there are connections, so the pool never waits: its own waiting costs a task
            # and a timer for each checkout.
            pool_timeout=None,
            pool_use_lifo=True,
            pool_recycle=1_800,
            # Parameters hold names and phones, and the text of an error is logged.
            hide_parameters=True,
            json_serializer=to_json,
            json_deserializer=orjson.loads,
            connect_args={
                "connection_class": TenantConnection,
                "timeout": _CONNECT_SECONDS,
                "command_timeout": command_seconds(limits),
                "server_settings": {"application_name": application_name, "jit": "off", **server_limits(limits)},
            },
        )
        event.listen(engine.sync_engine, "connect", read_plain_uuids)
        event.listen(engine.sync_engine, "checkout", refuse_closed)
        event.listen(engine.sync_engine, "checkin", unbind)
        return cls(
            engine,
            turns=Turns(pool_size, _POOL_SECONDS if pool_timeout is None else pool_timeout),
            direct_url=make_url(direct_url) if direct_url is not None else None,
        )

    def connections_in_use(self) -> int:
        """How many connections are in use now."""
        return self._turns.taken

    @property
    def url(self) -> URL:
        return self.engine.url

    def transaction(self, tenant: Tenancy | UUID) -> AbstractAsyncContextManager[AsyncSession]:
        """One transaction that reads and writes one organization only. Commits at the end of the block.

        With a principal or a context the limits of the caller apply as well. The id of an organization alone means all
        of it: for jobs, not for requests.
        """
        return self._begin(tenant_prelude(tenant))

    def system_transaction(
        self, *, shared_lock: tuple[int, int] | None = None
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """One transaction across organizations: for workers, never for requests.

        `shared_lock` is an advisory lock that the transaction holds in shared mode until its end.
        """
        prelude = f"SET LOCAL {TENANT_SETTING} = '{EVERY_TENANT}'"
        if shared_lock is not None:
            prelude += "; SELECT pg_advisory_xact_lock_shared({:d}, {:d})".format(*shared_lock)
        return self._begin(prelude)

    @asynccontextmanager
    async def _begin(self, prelude: str) -> AsyncIterator[AsyncSession]:
        async with self._turns:
            self._kept.give_one_back()
            session = AsyncSession(self.engine, expire_on_commit=False)
            try:
                await session.run_sync(bind, prelude)
                yield session
                await session.commit()
            except BaseException:
                await asyncio.shield(session.close())
                raise
            # The commit has given the connection back, so that closing awaits nothing.
            session.sync_session.close()
            if PUBLISHES in session.info:
                announce_publication()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """The driver's connection, in autocommit, from the same pool: for single statements.

        Each statement must set the tenant itself (`tenant_cte`). No transaction is opened, so a statement costs one
        round trip. The driver caches the prepared statements of a connection.
        """
        async with self._turns:
            kept = await self._kept.take()
            driver: Any = kept.pooled.driver_connection
            clean = False
            try:
                yield driver
                clean = True
            except Exception as error:
                # After a refused statement the connection can be used again; after one that was cut short it cannot.
                clean = not is_unavailable(error)
                raise
            finally:
                if not clean or driver.is_in_transaction():
                    kept.pooled.invalidate()
                    kept.pooled.close()
                elif self._turns.waiting:
                    self._kept.keep(kept)
                else:
                    kept.pooled.close()
                    self._kept.give_all_back()
                announce_publication()

    async def dial(self, *, application_name: str) -> asyncpg.Connection:
        """A connection outside of any pool that acts for every tenant: to hold locks for long, and to listen.

        Client and server notice within seconds that the other side is dead.
        """
        url = self._direct_url
        with unavailable_as_transient():
            connection = await asyncpg.connect(
                host=url.host,
                port=url.port,
                user=url.username,
                password=url.password,
                database=url.database,
                timeout=_CONNECT_SECONDS,
                command_timeout=10,
                server_settings={
                    "application_name": application_name,
                    "tcp_keepalives_idle": "10",
                    "tcp_keepalives_interval": "5",
                    "tcp_keepalives_count": "2",
                    "idle_session_timeout": "60000",
                },
                **url.query,
            )
            await connection.execute(f"SET {TENANT_SETTING} = '{EVERY_TENANT}'")
        return connection

    async def ping(self) -> None:
        """Raises DatabaseUnavailableError unless the database answers."""
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1")

    async def dispose(self) -> None:
        """Close every pooled connection."""
        self._kept.give_all_back()
        await self.engine.dispose()
