"""PostgreSQL through one pool: transactions bound to one tenant, and a raw connection for hot statements.

Row-level security reads the tenant from the setting `slotstream.organization`, which is set for one
transaction only: together with its BEGIN, or inside the hot path's own statement, so that it never costs a
round trip of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Final, Literal, Protocol, Self
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from slotstream_servicekit.errors import DatabaseUnavailableError
from slotstream_servicekit.kept_connections import KeptConnections
from slotstream_servicekit.limits import Tenancy, limit_settings
from slotstream_servicekit.settings import DatabaseLimits, ServiceSettings
from slotstream_servicekit.telemetry import DATABASE_CONNECTIONS, DATABASE_CONNECTIONS_LIMIT
from slotstream_servicekit.wakeups import announce_publication

TENANT_SETTING: Final = "slotstream.organization"
EVERY_TENANT: Final = "*"
"""What workers set: projections, the relay and timers act for every organization."""

_CONNECT_SECONDS = 5
_POOL_SECONDS = 10.0
"""How long to wait for a connection while all are lent out."""
_STATEMENT_SECONDS = 60
PUBLISHES: Final = "slotstream_publishes"
"""The key in `session.info` that says that the transaction writes to the outbox."""
_GRACE_SECONDS = 5
"""How much later than the server the driver gives up: the server's own word is the better one."""

_PASSING_STATES = ("08", "40", "53", "57", "55P03", "25006", "25P03")
"""SQLSTATEs that pass by themselves: connection, rollback, resources, operator, lock, a standby's read-only, idle."""


DATABASE_AWAY: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What the driver's own calls raise when the database goes away under them."""


class Connection(Protocol):
    """The driver's connection, as far as services use it: PostgreSQL's own parameters, rows by name."""

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]: ...

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None: ...

    async def fetchval(self, query: str, *args: object) -> Any: ...

    async def execute(self, query: str, *args: object) -> str: ...

    async def executemany(self, query: str, args: Iterable[Sequence[object]]) -> None: ...

    def transaction(self) -> AbstractAsyncContextManager[Any]: ...

    def is_in_transaction(self) -> bool: ...


class Database:
    """One service's database, as one role."""

    def __init__(self, engine: AsyncEngine, *, turns: "_Turns", direct_url: URL | None = None) -> None:
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
        """A lazily connecting pool for `postgresql+asyncpg://…`; nothing is dialled yet. No limits means for ever.

        Where `url` leads to a pooler that lends servers for one transaction, `direct_url` goes past it.

        No ping before a checkout: connections whose end has been heard of are replaced, and one that breaks in
        use is discarded with the transient error of the request that met it.
        """
        engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            # Who has a turn finds a connection. The pool's own waiting takes a task and a timer for each checkout.
            pool_timeout=None,
            pool_use_lifo=True,
            pool_recycle=1_800,
            # Parameters hold names and phones; an error's text goes to logs.
            hide_parameters=True,
            json_serializer=_to_json,
            json_deserializer=orjson.loads,
            connect_args={
                "connection_class": _Connection,
                "timeout": _CONNECT_SECONDS,
                "command_timeout": _command_seconds(limits),
                "server_settings": {"application_name": application_name, "jit": "off", **server_limits(limits)},
            },
        )
        event.listen(engine.sync_engine, "connect", _read_plain_uuids)
        event.listen(engine.sync_engine, "checkout", _refuse_closed)
        event.listen(engine.sync_engine, "checkin", _unbind)
        return cls(
            engine,
            turns=_Turns(pool_size, _POOL_SECONDS if pool_timeout is None else pool_timeout),
            direct_url=make_url(direct_url) if direct_url is not None else None,
        )

    def connections_in_use(self) -> int:
        """How many connections are lent out now."""
        return self._turns.taken

    @property
    def url(self) -> URL:
        return self.engine.url

    def transaction(self, tenant: Tenancy | UUID) -> AbstractAsyncContextManager[AsyncSession]:
        """One transaction that sees and writes one organization only. Commits at the end of the block.

        Given a principal or a context, it is bound to their limits as well; the bare id of an organization means all
        of it, which no request is given by itself.
        """
        return self._begin(_bound_to(tenant))

    def system_transaction(
        self, *, shared_lock: tuple[int, int] | None = None
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """One transaction across organizations: for workers, never for a request.

        `shared_lock` is an advisory lock that the transaction shares with others of its kind until its end.
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
                await session.run_sync(_bind, prelude)
                yield session
                await session.commit()
            except BaseException:
                await asyncio.shield(session.close())
                raise
            # The commit gave the connection back: what is left to do awaits nothing.
            session.sync_session.close()
            if PUBLISHES in session.info:
                announce_publication()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """The driver's own connection, in autocommit, from the same pool: for single statements.

        Each statement must set the tenant itself (`tenant_cte`); no transaction is opened and no round trip is
        spent besides the statement's own. The driver caches the prepared statement per connection.
        """
        async with self._turns:
            kept = await self._kept.take()
            driver: Any = kept.pooled.driver_connection
            clean = False
            try:
                yield driver
                clean = True
            except Exception as error:
                # A refused statement leaves the connection as good as new; one cut short does not.
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
        """A session of its own, past any pool and acting for every tenant: for locks held for long, and to listen.

        It hears within seconds of a dead server, and a server hears as soon of a dead client.
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


class _Turns:
    """As many at once as there are connections; the others wait in the order in which they came.

    What PostgreSQL or the wait says of "not now" leaves as DatabaseUnavailableError.
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._seconds = seconds
        self.taken = 0
        self.waiting = 0

    async def __aenter__(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
        else:
            self.waiting += 1
            try:
                async with asyncio.timeout(self._seconds):
                    await self._free.acquire()
            except TimeoutError as error:
                raise DatabaseUnavailableError from error
            finally:
                self.waiting -= 1
        self.taken += 1

    async def __aexit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        self.taken -= 1
        self._free.release()
        if isinstance(error, Exception) and is_unavailable(error):
            raise DatabaseUnavailableError from error


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """Says what a transaction begins with in the round trip of its BEGIN, which comes with the first statement."""

    prelude: str | None = None
    """SQL without parameters: built from UUIDs' own text, EVERY_TENANT and integers only."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        if self.prelude is not None and query.startswith("BEGIN"):
            query = f"{query.rstrip(';')}; {self.prelude}"
        status: str = await super().execute(query, *args, timeout=timeout)
        return status


def _bind(session: Session, prelude: str) -> None:
    driver: Any = session.connection().connection.driver_connection
    driver.prelude = prelude


def _unbind(connection: DBAPIConnection | None, _record: object) -> None:
    """A connection that goes back to the pool takes no tenant along."""
    if connection is not None:
        driver: Any = connection.driver_connection
        driver.prelude = None


def _refuse_closed(connection: DBAPIConnection, *_: object) -> None:
    driver: Any = connection.driver_connection
    if driver.is_closed():
        raise DisconnectionError


def _bound_to(tenant: Tenancy | UUID) -> str:
    """The statements that bind a transaction to its tenant, and to the caller's limits where there are some."""
    organization_id = tenant if isinstance(tenant, UUID) else tenant.organization_id
    bound = f"SET LOCAL {TENANT_SETTING} = '{UUID(int=organization_id.int)}'"
    return bound if isinstance(tenant, UUID) else bound + limit_settings(tenant.limits)


@asynccontextmanager
async def tenant_transaction(
    connection: Connection, tenant: Tenancy | UUID, *, locks: Iterable[tuple[int, int]] = ()
) -> AsyncIterator[None]:
    """A transaction on a pooled driver's connection, bound to one tenant; none of its own where one is under way.

    The tenant, and advisory `locks` (class, key) in their order, travel with the BEGIN: what the transaction's first
    statement sees was committed after the locks were had.
    """
    taken = "; ".join("SELECT pg_advisory_xact_lock({:d}, {:d})".format(*lock) for lock in locks)
    if connection.is_in_transaction():
        if taken:
            await connection.execute(taken)
        yield
        return
    prelude = _bound_to(tenant)
    driver: Any = connection
    driver.prelude = f"{prelude}; {taken}" if taken else prelude
    try:
        async with connection.transaction():
            driver.prelude = None
            yield
    finally:
        driver.prelude = None


def tenant_cte(parameter: int = 1) -> str:
    """The CTE by which a hot statement sets its own tenant, from `$parameter` (the organization's id as text).

    A row-security policy reads the setting when rows are checked, so the statement must read `tenant` before it
    writes: `WITH {tenant_cte()}, row AS (INSERT … SELECT … FROM tenant RETURNING …) SELECT … FROM row`.
    """
    return f"tenant AS MATERIALIZED (SELECT set_config('{TENANT_SETTING}', ${parameter}::text, true) AS id)"


@contextmanager
def unavailable_as_transient() -> Iterator[None]:
    """Turns whatever says "not now" into DatabaseUnavailableError, and lets every other error pass."""
    try:
        yield
    except Exception as error:
        if is_unavailable(error):
            raise DatabaseUnavailableError from error
        raise


def is_unavailable(error: BaseException) -> bool:
    """Whether `error` says that the same statement may succeed later."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_unavailable(error.orig))
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_PASSING_STATES)
    # The driver's own complaints carry no SQLSTATE; bad arguments are among them and do not pass.
    complaint = error.__cause__ or error
    if isinstance(complaint, asyncpg.InternalClientError):
        # The server hung up just as a statement was to be sent.
        return True
    return isinstance(complaint, asyncpg.InterfaceError) and "clos" in str(complaint)


def server_limits(limits: DatabaseLimits | None) -> dict[str, str]:
    """PostgreSQL's settings of a connection that has these limits."""
    if limits is None:
        return {}
    return {
        "statement_timeout": _milliseconds(limits.statement_seconds),
        "lock_timeout": _milliseconds(limits.lock_seconds),
        "idle_in_transaction_session_timeout": _milliseconds(limits.idle_in_transaction_seconds),
    }


def _command_seconds(limits: DatabaseLimits | None) -> float | None:
    if limits is None:
        return _STATEMENT_SECONDS
    return limits.statement_seconds + _GRACE_SECONDS if limits.statement_seconds else None


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1_000))


def _to_json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()


def _read_plain_uuids(dbapi_connection: Any, _record: Any) -> None:
    """Gives the standard library's UUID, which serialisers know, instead of the driver's own subclass."""
    dbapi_connection.run_async(
        lambda driver: driver.set_type_codec(
            "uuid",
            schema="pg_catalog",
            format="binary",
            encoder=_uuid_bytes,
            decoder=lambda raw: UUID(bytes=bytes(raw)),
        )
    )


def _uuid_bytes(value: UUID | str) -> bytes:
    return (UUID(value) if isinstance(value, str) else value).int.to_bytes(16, "big")
