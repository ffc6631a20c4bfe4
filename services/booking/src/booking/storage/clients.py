"""Clients: rows in and out, and finding the one that a phone number or e-mail address belongs to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.clients import search_words
from booking.storage.connections import connection_of
from booking.storage.searching import like_pattern, match_clients
from booking.storage.tables import appointments, clients

Row = dict[str, Any]


async def read_client(
    session: AsyncSession, organization_id: UUID, client_id: UUID, *, lock: bool = False
) -> Row | None:
    query = select(clients).where(clients.c.organization_id == organization_id, clients.c.id == client_id)
    if lock:
        query = query.with_for_update()
    row = (await session.execute(query)).mappings().first()
    return None if row is None else dict(row)


async def read_merged(session: AsyncSession, organization_id: UUID, client_id: UUID) -> list[Row]:
    """The duplicates that stand for this client, locked."""
    rows = await session.execute(
        select(clients)
        .where(clients.c.organization_id == organization_id, clients.c.merged_into == client_id)
        .order_by(clients.c.id)
        .with_for_update()
    )
    return [dict(row) for row in rows.mappings()]


async def find_by_contact(
    session: AsyncSession, organization_id: UUID, *, phones: Sequence[str], emails: Sequence[str]
) -> list[Row]:
    """Clients who have one of these phones or e-mail addresses, oldest first; none merged, erased or archived."""
    rows = await session.execute(
        select(clients)
        .where(
            clients.c.organization_id == organization_id,
            or_(clients.c.phone.in_(list(phones)), clients.c.email.in_(list(emails))),
            clients.c.merged_into.is_(None),
            clients.c.erased.is_(False),
            clients.c.archived.is_(False),
        )
        .order_by(clients.c.created_at, clients.c.id)
    )
    return [dict(row) for row in rows.mappings()]


async def insert_clients(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await session.execute(insert(clients), [dict(row) for row in rows])


async def update_client(
    session: AsyncSession, organization_id: UUID, client_id: UUID, values: Mapping[str, Any]
) -> None:
    await session.execute(
        update(clients).where(clients.c.organization_id == organization_id, clients.c.id == client_id).values(**values)
    )


async def lock_contacts(session: AsyncSession, organization_id: UUID, contacts: Sequence[str]) -> None:
    """Makes those who would create the same client at once take turns, until the transaction ends."""
    keys = sorted({f"{organization_id}:{one}" for one in contacts})
    for key in keys:
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


async def list_clients(
    session: AsyncSession,
    organization_id: UUID,
    *,
    text: str | None,
    archived: bool,
    after: tuple[str, UUID] | None,
    limit: int,
) -> list[Row]:
    """By name, then id."""
    patterns = [like_pattern(word) for word in search_words(text)]
    ids = await match_clients(await connection_of(session), patterns) if patterns else None
    query = select(clients).where(
        clients.c.organization_id == organization_id,
        clients.c.archived == archived,
        clients.c.merged_into.is_(None),
        clients.c.erased.is_(False),
        *(clients.c.search.like(pattern) for pattern in patterns if ids is None),
    )
    if ids is not None:
        query = query.where(clients.c.id.in_(ids))
    if after is not None:
        name, identity = after
        query = query.where(or_(clients.c.name > name, and_(clients.c.name == name, clients.c.id > identity)))
    rows = await session.execute(query.order_by(clients.c.name, clients.c.id).limit(limit))
    return [dict(row) for row in rows.mappings()]


async def appointments_of(
    session: AsyncSession, organization_id: UUID, client_id: UUID, *, now: datetime
) -> tuple[dict[str, int], Row | None]:
    """A client's counts by status, and their nearest active appointment; duplicates merged into them included."""
    duplicates = select(clients.c.id).where(
        clients.c.organization_id == organization_id, clients.c.merged_into == client_id
    )
    ids = [client_id, *(await session.scalars(duplicates)).all()]
    mine = and_(appointments.c.organization_id == organization_id, appointments.c.client_id.in_(ids))
    counted = await session.execute(
        select(appointments.c.status, func.count()).where(mine).group_by(appointments.c.status)
    )
    nearest = await session.execute(
        select(appointments)
        .where(mine, appointments.c.status.in_(["pending", "scheduled", "confirmed"]), appointments.c.ends_at > now)
        .order_by(appointments.c.starts_at)
        .limit(1)
    )
    row = nearest.mappings().first()
    return {row[0]: row[1] for row in counted.all()}, None if row is None else dict(row)
