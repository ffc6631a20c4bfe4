"""Imports themselves: their file, their mapping, where they stand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.model import ImportState
from imports.storage.tables import import_files, imports, mappings
from slotstream_servicekit.errors import NotFoundError, VersionConflictError


async def add_import(session: AsyncSession, values: Mapping[str, Any], content: bytes) -> bool:
    """Stores an import with its file; False where the id is there already."""
    added = await session.execute(upsert(imports).values(**values).on_conflict_do_nothing().returning(imports.c.id))
    if added.first() is None:
        return False
    key = {"organization_id": values["organization_id"], "import_id": values["id"]}
    await session.execute(insert(import_files).values(**key, content=content))
    return True


async def import_of(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    locked: bool = False,
    expected_version: int | None = None,
) -> Row[Any]:
    """Raises NotFoundError and VersionConflictError."""
    query = select(imports).where(imports.c.organization_id == organization_id, imports.c.id == import_id)
    row = (await session.execute(query.with_for_update() if locked else query)).one_or_none()
    if row is None:
        raise NotFoundError("There is no such import")
    if expected_version is not None and row.version != expected_version:
        raise VersionConflictError(row.version)
    return row


async def change_import(session: AsyncSession, found: Row[Any], *, now: datetime, **values: Any) -> Row[Any]:
    """Writes `values` and a new version; the row as it is then."""
    statement = (
        update(imports)
        .where(imports.c.organization_id == found.organization_id, imports.c.id == found.id)
        .values(**values, updated_at=now, version=imports.c.version + 1)
        .returning(imports)
    )
    changed: Row[Any] = (await session.execute(statement)).one()
    return changed


async def content_of(session: AsyncSession, *, organization_id: UUID, import_id: UUID) -> bytes:
    content: bytes = (
        await session.execute(
            select(import_files.c.content).where(
                import_files.c.organization_id == organization_id, import_files.c.import_id == import_id
            )
        )
    ).scalar_one()
    return content


async def list_imports(
    session: AsyncSession, *, organization_id: UUID, limit: int, before: tuple[datetime, UUID] | None
) -> list[Row[Any]]:
    """The newest first."""
    query = select(imports).where(imports.c.organization_id == organization_id)
    if before is not None:
        query = query.where(tuple_(imports.c.created_at, imports.c.id) < before)
    ordered = query.order_by(imports.c.created_at.desc(), imports.c.id.desc()).limit(limit)
    return list((await session.execute(ordered)).all())


async def next_at_work(session: AsyncSession) -> Row[Any] | None:
    """An import that a worker can carry on, locked so that no other worker takes it."""
    states = (ImportState.READING, ImportState.CHECKING, ImportState.BOOKING)
    query = (
        select(imports)
        .where(imports.c.state.in_(states))
        .order_by(imports.c.updated_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await session.execute(query)).one_or_none()


async def read_on(session: AsyncSession, found: Row[Any], *, read_through: int, now: datetime) -> None:
    """Notes the last row that is stored, and sends the import to the end of the queue, without a new version."""
    await session.execute(
        update(imports)
        .where(imports.c.organization_id == found.organization_id, imports.c.id == found.id)
        .values(read_through=read_through, updated_at=now)
    )


async def touch(session: AsyncSession, found: Row[Any], *, now: datetime) -> None:
    """Sends the import to the end of the queue, without a new version."""
    await session.execute(
        update(imports)
        .where(imports.c.organization_id == found.organization_id, imports.c.id == found.id)
        .values(updated_at=now)
    )


async def remembered_mapping(
    session: AsyncSession, *, organization_id: UUID, signature: str
) -> Mapping[str, Any] | None:
    return (
        await session.execute(
            select(mappings.c.mapping).where(
                mappings.c.organization_id == organization_id, mappings.c.signature == signature
            )
        )
    ).scalar_one_or_none()


async def remember_mapping(
    session: AsyncSession, *, organization_id: UUID, signature: str, mapping: Mapping[str, Any], now: datetime
) -> None:
    statement = upsert(mappings).values(
        organization_id=organization_id, signature=signature, mapping=mapping, updated_at=now
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["organization_id", "signature"], set_={"mapping": dict(mapping), "updated_at": now}
        )
    )


async def undoing_import(session: AsyncSession, *, command_ids: list[UUID]) -> list[Row[Any]]:
    query = select(imports).where(imports.c.undo_command_id.in_(command_ids)).with_for_update()
    return list((await session.execute(query)).all())
