"""Imports themselves, their files, and the mappings that are remembered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.imports import AT_WORK, SETTLED, FileDeletedError, Import, ImportId, ImportState
from imports.domain.mapping import ColumnMapping, signature
from imports.storage.documents import (
    actor_document,
    actor_from,
    mapping_document,
    mapping_from,
    reason_documents,
    reasons_from,
    remembered_document,
    remembered_from,
)
from imports.storage.tables import import_files, imports, mappings
from slotstream_servicekit.counting import count_alone
from slotstream_servicekit.errors import NotFoundError, VersionConflictError
from slotstream_servicekit.notify import notify
from slotstream_servicekit.rows import columns_of

WORK_CHANNEL = "imports_work"
"""Where workers are told that there is something to do."""
_ACTORS = ("uploaded_by", "mapped_by", "confirmed_by", "undone_by")


class ImportStore:
    """Imports within the tenant of the session's transaction; a system transaction sees those of all."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, imported: Import) -> bool:
        """Whether the id was free."""
        statement = upsert(imports).values(_values_of(imported)).on_conflict_do_nothing().returning(imports.c.id)
        return (await self._session.execute(statement)).first() is not None

    async def count_open_alone(self, organization_id: UUID) -> int:
        """How many of the organization are not settled; until the transaction ends nobody else counts them."""
        return await count_alone(self._session, imports, organization_id, imports.c.state.not_in(sorted(SETTLED)))

    async def get(self, organization_id: UUID, import_id: UUID) -> Import:
        """Raises NotFoundError."""
        return await self._one(organization_id, import_id, lock=False)

    async def lock(self, organization_id: UUID, import_id: UUID, *, expected_version: int | None = None) -> Import:
        """The import, which nobody else changes until the transaction ends. Raises VersionConflictError."""
        imported = await self._one(organization_id, import_id, lock=True)
        if expected_version is not None and imported.version != expected_version:
            raise VersionConflictError(imported.version)
        return imported

    async def _one(self, organization_id: UUID, import_id: UUID, *, lock: bool) -> Import:
        query = select(imports).where(imports.c.organization_id == organization_id, imports.c.id == import_id)
        row = (await self._session.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise NotFoundError("There is no such import")
        return _import_of(row)

    async def lock_many(self, keys: Sequence[tuple[UUID, UUID]]) -> list[Import]:
        """By organization and id, in one order, so that two who lock several never wait for each other."""
        query = (
            select(imports)
            .where(tuple_(imports.c.organization_id, imports.c.id).in_(keys))
            .order_by(imports.c.organization_id, imports.c.id)
            .with_for_update()
        )
        return [_import_of(row) for row in await self._session.execute(query)]

    async def lock_next_due(self, now: datetime) -> Import | None:
        """An import that a worker can carry on, which no other worker takes meanwhile."""
        query = (
            select(imports)
            .where(imports.c.state.in_(sorted(AT_WORK)), imports.c.due_at <= now)
            .order_by(imports.c.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _import_of(row)

    async def lock_next_uncleared(self, *, states: Sequence[ImportState], unchanged_since: datetime) -> Import | None:
        """An import in one of `states` that still holds what people typed, long untouched."""
        query = (
            select(imports)
            .where(imports.c.cleared_at.is_(None), imports.c.state.in_(states), imports.c.updated_at < unchanged_since)
            .order_by(imports.c.updated_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _import_of(row)

    async def page(
        self, organization_id: UUID, *, limit: int, before: tuple[datetime, UUID] | None
    ) -> Sequence[Import]:
        """The newest first."""
        query = select(imports).where(imports.c.organization_id == organization_id)
        if before is not None:
            query = query.where(tuple_(imports.c.created_at, imports.c.id) < before)
        ordered = query.order_by(imports.c.created_at.desc(), imports.c.id.desc()).limit(limit)
        return [_import_of(row) for row in await self._session.execute(ordered)]

    async def wake_workers(self) -> None:
        """Tells them, once this is committed, that an import is due or that its event waits for the relay."""
        await notify(self._session, WORK_CHANNEL)

    async def save(self, imported: Import) -> None:
        """Writes every field, as it is given."""
        await self._session.execute(
            update(imports)
            .where(imports.c.organization_id == imported.organization_id, imports.c.id == imported.id)
            .values(_values_of(imported))
        )


class FileStore:
    """The content of files, which goes long before the imports themselves."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, organization_id: UUID, import_id: UUID, content: bytes) -> None:
        await self._session.execute(
            upsert(import_files).values(organization_id=organization_id, import_id=import_id, content=content)
        )

    async def content(self, organization_id: UUID, import_id: UUID) -> bytes:
        """Raises FileDeletedError."""
        query = select(import_files.c.content).where(
            import_files.c.organization_id == organization_id, import_files.c.import_id == import_id
        )
        content: bytes | None = (await self._session.execute(query)).scalar_one_or_none()
        if content is None:
            raise FileDeletedError("The file is no longer kept: upload it again")
        return content

    async def remove(self, organization_id: UUID, import_id: UUID) -> None:
        await self._session.execute(
            delete(import_files).where(
                import_files.c.organization_id == organization_id, import_files.c.import_id == import_id
            )
        )


class MappingStore:
    """The last mapping for each set of columns."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, organization_id: UUID, headers: Sequence[str]) -> ColumnMapping | None:
        query = select(mappings.c.mapping).where(
            mappings.c.organization_id == organization_id, mappings.c.signature == signature(headers)
        )
        return remembered_from((await self._session.execute(query)).scalar_one_or_none(), headers)

    async def remember(
        self, organization_id: UUID, headers: Sequence[str], mapping: ColumnMapping, *, now: datetime
    ) -> None:
        document = remembered_document(mapping, headers)
        statement = upsert(mappings).values(
            organization_id=organization_id, signature=signature(headers), mapping=document, updated_at=now
        )
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "signature"], set_={"mapping": document, "updated_at": now}
            )
        )


def _values_of(imported: Import) -> dict[str, Any]:
    values = columns_of(imported)
    values |= {name: actor_document(values[name]) for name in _ACTORS}
    return {
        **values,
        "reading": dict(imported.reading),
        "chosen": dict(imported.chosen),
        "headers": list(imported.headers),
        "warnings": reason_documents(imported.warnings),
        "mapping": None if imported.mapping is None else mapping_document(imported.mapping),
    }


def _import_of(row: Row[Any]) -> Import:
    values = dict(row._mapping)  # noqa: SLF001 - the public name of a row's columns
    stalled_in = values["stalled_in"]
    return Import(
        **{
            **values,
            **{name: actor_from(values[name]) for name in _ACTORS},
            "id": ImportId(values["id"]),
            "state": ImportState(values["state"]),
            "headers": tuple(values["headers"]),
            "warnings": reasons_from(values["warnings"]),
            "mapping": mapping_from(values["mapping"]),
            "stalled_in": None if stalled_in is None else ImportState(stalled_in),
        }
    )
