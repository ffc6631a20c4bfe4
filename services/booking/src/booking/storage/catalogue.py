"""Businesses, resources, services and actions: rows in and out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from booking.storage.connections import free_ids
from booking.storage.tables import actions, businesses, resource_businesses, resources, services

TABLES: Mapping[str, Table] = {
    "business": businesses,
    "resource": resources,
    "service": services,
    "action": actions,
}


async def insert_entry(session: AsyncSession, kind: str, values: Mapping[str, Any]) -> None:
    """Raises IdTakenError where another organization uses the id."""
    row = dict(values)
    business_ids = row.pop("business_ids", None)
    async with free_ids(session):
        await session.execute(insert(TABLES[kind]).values(**row))
    if business_ids is not None:
        await _link(session, row["organization_id"], row["id"], business_ids)


async def update_entry(
    session: AsyncSession, kind: str, organization_id: UUID, identity: UUID, values: Mapping[str, Any]
) -> None:
    table, row = TABLES[kind], dict(values)
    business_ids = row.pop("business_ids", None)
    await session.execute(
        update(table).where(table.c.organization_id == organization_id, table.c.id == identity).values(**row)
    )
    if business_ids is not None:
        links = resource_businesses
        await session.execute(
            delete(links).where(links.c.organization_id == organization_id, links.c.resource_id == identity)
        )
        await _link(session, organization_id, identity, business_ids)


async def _link(session: AsyncSession, organization_id: UUID, resource_id: UUID, business_ids: Sequence[UUID]) -> None:
    rows = [
        {"organization_id": organization_id, "resource_id": resource_id, "business_id": one} for one in business_ids
    ]
    if rows:
        await session.execute(insert(resource_businesses), rows)


def _selected(kind: str) -> Any:
    table = TABLES[kind]
    if kind != "resource":
        return select(table)
    links = resource_businesses
    business_ids = (
        select(func.array_agg(links.c.business_id))
        .where(links.c.organization_id == table.c.organization_id, links.c.resource_id == table.c.id)
        .scalar_subquery()
    )
    return select(table, business_ids.label("business_ids"))


async def read_entry(
    session: AsyncSession, kind: str, organization_id: UUID, identity: UUID, *, lock: bool = False
) -> dict[str, Any] | None:
    table = TABLES[kind]
    query = _selected(kind).where(table.c.organization_id == organization_id, table.c.id == identity)
    if lock:
        query = query.with_for_update(of=table)
    row = (await session.execute(query)).mappings().first()
    return None if row is None else dict(row)


async def list_entries(
    session: AsyncSession,
    kind: str,
    organization_id: UUID,
    *,
    archived: bool,
    business_id: UUID | None,
    after: tuple[str, UUID] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """By name, then id."""
    table = TABLES[kind]
    query = _selected(kind).where(table.c.organization_id == organization_id, table.c.archived == archived)
    if business_id is not None and kind == "service":
        query = query.where(table.c.business_id == business_id)
    if business_id is not None and kind == "resource":
        links = resource_businesses
        query = query.where(
            table.c.id.in_(
                select(links.c.resource_id).where(
                    links.c.organization_id == organization_id, links.c.business_id == business_id
                )
            )
        )
    if after is not None:
        name, identity = after
        query = query.where(or_(table.c.name > name, and_(table.c.name == name, table.c.id > identity)))
    query = query.order_by(table.c.name, table.c.id).limit(limit)
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def existing_ids(session: AsyncSession, kind: str, organization_id: UUID, ids: Sequence[UUID]) -> frozenset[UUID]:
    table = TABLES[kind]
    rows = await session.execute(
        select(table.c.id).where(table.c.organization_id == organization_id, table.c.id.in_(list(ids)))
    )
    return frozenset(rows.scalars())


def stamped(values: Mapping[str, Any], *, now: datetime, version: int) -> dict[str, Any]:
    return {**values, "updated_at": now, "version": version}


async def read_business_names(connection: Any, organization_id: UUID) -> dict[UUID, str]:
    """All of them, archived ones too."""
    rows = await connection.fetch("SELECT id, name FROM businesses WHERE organization_id = $1", organization_id)
    return {row["id"]: row["name"] for row in rows}
