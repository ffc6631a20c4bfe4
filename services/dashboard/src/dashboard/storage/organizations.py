"""What an organization is called on pages and in mails of sign-in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.storage.tables import organizations


class OrganizationStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, organization_id: UUID, *, name: str, now: datetime) -> bool:
        """Whether it is new."""
        statement = (
            insert(organizations)
            .values(organization_id=organization_id, name=name, created_at=now)
            .on_conflict_do_nothing()
            .returning(organizations.c.organization_id)
        )
        return (await self._session.execute(statement)).first() is not None

    async def name_of(self, organization_id: UUID) -> str:
        """Empty where it has none."""
        name = await self._session.scalar(
            select(organizations.c.name).where(organizations.c.organization_id == organization_id)
        )
        return name or ""
