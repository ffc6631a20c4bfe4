"""Counts rows of which an organization may have a limited number."""

from uuid import UUID

from sqlalchemy import ColumnElement, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.locks import LockClass

_LOCK = text("SELECT pg_advisory_xact_lock(:class, hashtext(:key))")


async def count_alone(
    session: AsyncSession, table: Table, organization_id: UUID, *conditions: ColumnElement[bool]
) -> int:
    """How many rows of the organization meet `conditions`, including those of this transaction.

    Another transaction that counts this table for the organization waits until this one ends: so of two that add a row,
    the second sees that of the first.
    """
    key = {"class": int(LockClass.COUNTED), "key": f"{table.name} {organization_id}"}
    await session.execute(_LOCK, key)
    query = select(func.count()).select_from(table).where(table.c.organization_id == organization_id, *conditions)
    counted: int = (await session.execute(query)).scalar_one()
    return counted
