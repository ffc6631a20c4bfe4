"""Counting what an organization may have so many of."""

from uuid import UUID

from sqlalchemy import ColumnElement, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.locks import LockClass

_LOCK = text("SELECT pg_advisory_xact_lock(:class, hashtext(:key))")


async def count_alone(
    session: AsyncSession, table: Table, organization_id: UUID, *conditions: ColumnElement[bool]
) -> int:
    """How many rows of the organization meet `conditions`, those of this transaction included.

    Until it ends, whoever else counts this table for the organization waits: so two that add one each see each other.
    """
    key = {"class": int(LockClass.COUNTED), "key": f"{table.name} {organization_id}"}
    await session.execute(_LOCK, key)
    query = select(func.count()).select_from(table).where(table.c.organization_id == organization_id, *conditions)
    counted: int = (await session.execute(query)).scalar_one()
    return counted
