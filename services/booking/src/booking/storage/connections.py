"""The driver's own connection: inside a session's transaction, or alone for one statement."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.errors import IdTakenError
from slotstream_servicekit.database import Connection

_GLOBAL_IDS = "_id_key"
"""How the constraints end that keep ids unique across organizations."""

_BEGIN = text("SELECT 1")


async def connection_of(session: AsyncSession) -> Connection:
    """The connection under a session that is in its transaction: what it does commits with the session."""
    raw = await (await session.connection()).get_raw_connection()
    driver = cast("Any", raw.driver_connection)
    if not driver.is_in_transaction():
        # SQLAlchemy sends BEGIN, and with it the tenant, with its own first statement only.
        await session.execute(_BEGIN)
    return cast("Connection", driver)


@asynccontextmanager
async def free_ids(session: AsyncSession) -> AsyncIterator[None]:
    """Inserts of rows whose ids a caller chose: an id that is in use elsewhere is refused, and nothing is lost."""
    try:
        async with session.begin_nested():
            yield
    except IntegrityError as error:
        if str(getattr(error.orig.__cause__ if error.orig else None, "constraint_name", "")).endswith(_GLOBAL_IDS):
            raise IdTakenError from error
        raise
