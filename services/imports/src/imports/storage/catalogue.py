"""The projection of businesses, services and resources."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.model import Business, Catalogue, OfferedService, fold
from imports.storage.tables import businesses, resources, services

_TABLES: Mapping[str, Table] = {"business": businesses, "service": services, "resource": resources}


async def apply_states(session: AsyncSession, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Upserts states of one kind (one per id); an older version changes nothing but vouches for the row."""
    if not rows:
        return
    table = _TABLES[kind]
    statement = insert(table).values([{**row, "applied_at": func.clock_timestamp()} for row in rows])
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in {"organization_id", "id"}
    }
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["organization_id", "id"], set_=changed, where=table.c.version <= statement.excluded.version
        )
    )


async def business_of(session: AsyncSession, *, organization_id: UUID, business_id: UUID) -> Business | None:
    row = (
        await session.execute(
            select(businesses).where(
                businesses.c.organization_id == organization_id,
                businesses.c.id == business_id,
                ~businesses.c.archived,
            )
        )
    ).one_or_none()
    return None if row is None else Business(id=row.id, name=row.name, zone=row.zone, phone_region=row.phone_region)


async def catalogue_of(session: AsyncSession, *, organization_id: UUID, business: Business) -> Catalogue:
    offered = await session.execute(
        select(services)
        .where(
            services.c.organization_id == organization_id,
            services.c.business_id == business.id,
            ~services.c.archived,
        )
        .order_by(services.c.id)
    )
    by_name: dict[str, OfferedService] = {}
    for row in offered:
        service = OfferedService(id=row.id, name=row.name, duration_minutes=row.duration_minutes)
        by_name.setdefault(fold(row.name), service)
        by_name[fold(str(row.id))] = service
    found = await session.execute(
        select(resources)
        .where(
            resources.c.organization_id == organization_id,
            resources.c.business_ids.contains([business.id]),
            ~resources.c.archived,
        )
        .order_by(resources.c.id)
    )
    by_resource: dict[str, UUID] = {}
    staff = 0
    for row in found:
        by_resource.setdefault(fold(row.name), row.id)
        by_resource[fold(str(row.id))] = row.id
        staff += row.kind == "staff"
    return Catalogue(business=business, services=by_name, resources=by_resource, staff=max(1, staff))
