"""The driver's connection: what services use of it, and how a pooled one is set up."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session


class Connection(Protocol):
    """What services use of the driver's connection: parameters as `$1`, rows by column name."""

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]: ...

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None: ...

    async def fetchval(self, query: str, *args: object) -> Any: ...

    async def execute(self, query: str, *args: object) -> str: ...

    async def executemany(self, query: str, args: Iterable[Sequence[object]]) -> None: ...

    def transaction(self) -> AbstractAsyncContextManager[Any]: ...

    def is_in_transaction(self) -> bool: ...


class TenantConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """Sends the first statements of a transaction together with its BEGIN, in one round trip."""

    prelude: str | None = None
    """The statements: SQL without parameters, built of UUIDs, EVERY_TENANT and integers only."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        if self.prelude is not None and query.startswith("BEGIN"):
            query = f"{query.rstrip(';')}; {self.prelude}"
        status: str = await super().execute(query, *args, timeout=timeout)
        return status


def bind(session: Session, prelude: str) -> None:
    driver: Any = session.connection().connection.driver_connection
    driver.prelude = prelude


def unbind(connection: DBAPIConnection | None, _record: object) -> None:
    """A connection that goes back to the pool forgets its tenant."""
    if connection is not None:
        driver: Any = connection.driver_connection
        driver.prelude = None


def refuse_closed(connection: DBAPIConnection, *_: object) -> None:
    driver: Any = connection.driver_connection
    if driver.is_closed():
        raise DisconnectionError


def to_json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()


def read_plain_uuids(dbapi_connection: Any, _record: Any) -> None:
    """Makes the driver return `uuid.UUID`, which serialisers know, instead of its own subclass."""
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
