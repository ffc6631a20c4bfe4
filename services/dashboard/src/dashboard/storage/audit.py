"""The audit trail of an organization: added to, never changed."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction, AuditEntry
from dashboard.storage.tables import audit_entries


class AuditStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, entry: AuditEntry) -> None:
        await self._session.execute(insert(audit_entries).values(asdict(entry)))

    async def page(self, organization_id: UUID, *, before: UUID | None, limit: int) -> Sequence[AuditEntry]:
        """Newest first: ids are UUIDv7."""
        statement = select(audit_entries).where(audit_entries.c.organization_id == organization_id)
        if before is not None:
            statement = statement.where(audit_entries.c.id < before)
        rows = await self._session.execute(statement.order_by(audit_entries.c.id.desc()).limit(limit))
        return [AuditEntry(**{**row._mapping, "action": AuditAction(row.action)}) for row in rows]  # noqa: SLF001
