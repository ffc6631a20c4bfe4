"""Looking through the rows of an import, and changing single ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.model import LONGEST
from imports.storage.tables import import_rows

MOST_NEIGHBOURS = 1_000
"""Of so many rows at one time the first ones tell enough."""


async def list_rows(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    states: Sequence[str] = (),
    outcomes: Sequence[str] = (),
    after: int = 0,
    limit: int,
) -> list[Row[Any]]:
    query = select(import_rows).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.import_id == import_id,
        import_rows.c.number > after,
    )
    if states:
        query = query.where(import_rows.c.state.in_(states))
    if outcomes:
        query = query.where(import_rows.c.outcome.in_(outcomes))
    return list((await session.execute(query.order_by(import_rows.c.number).limit(limit))).all())


async def erroneous_rows(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, after: int, limit: int
) -> list[Row[Any]]:
    """Rows that were not or will not be booked, with why."""
    query = select(import_rows).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.import_id == import_id,
        import_rows.c.number > after,
        (import_rows.c.state == "invalid")
        | (import_rows.c.outcome == "refused")
        | ((import_rows.c.state == "conflict") & func.coalesce(import_rows.c.outcome, "").in_(("", "refused"))),
    )
    return list((await session.execute(query.order_by(import_rows.c.number).limit(limit))).all())


async def row_of(session: AsyncSession, *, organization_id: UUID, import_id: UUID, number: int) -> Row[Any] | None:
    query = select(import_rows).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.import_id == import_id,
        import_rows.c.number == number,
    )
    return (await session.execute(query)).one_or_none()


async def change_row(session: AsyncSession, found: Row[Any], **values: Any) -> Row[Any]:
    statement = (
        update(import_rows)
        .where(
            import_rows.c.organization_id == found.organization_id,
            import_rows.c.import_id == found.import_id,
            import_rows.c.number == found.number,
        )
        .values(**values)
        .returning(import_rows)
    )
    changed: Row[Any] = (await session.execute(statement)).one()
    return changed


async def overlapping(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    number: int,
    starts_at: datetime,
    ends_at: datetime,
    states: Sequence[str] = ("ok", "warning"),
) -> list[Row[Any]]:
    """Other rows in one of `states` that ask for a part of the given time, in the file's order."""
    query = select(import_rows).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.import_id == import_id,
        import_rows.c.number != number,
        import_rows.c.state.in_(states),
        ~import_rows.c.dropped,
        import_rows.c.starts_at < ends_at,
        import_rows.c.ends_at > starts_at,
        # No row is longer: so the index on the start alone finds them.
        import_rows.c.starts_at > starts_at - LONGEST,
    )
    return list((await session.execute(query.order_by(import_rows.c.number).limit(MOST_NEIGHBOURS))).all())


async def rows_of_key(
    session: AsyncSession, *, organization_id: UUID, import_id: UUID, number: int, row_key: str
) -> list[Row[Any]]:
    """Other rows with this identity that were not dropped, in the file's order."""
    query = select(import_rows).where(
        import_rows.c.organization_id == organization_id,
        import_rows.c.row_key == row_key,
        import_rows.c.import_id == import_id,
        import_rows.c.number != number,
        ~import_rows.c.dropped,
    )
    return list((await session.execute(query.order_by(import_rows.c.number).limit(MOST_NEIGHBOURS))).all())
