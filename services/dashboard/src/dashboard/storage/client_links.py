"""Until when links of a client were revoked."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.storage.tables import client_link_revocations as revocations


class RevocationStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def revoked_at(self, organization_id: UUID, client_id: UUID) -> datetime | None:
        return await self._session.scalar(
            select(revocations.c.revoked_at).where(
                revocations.c.organization_id == organization_id, revocations.c.client_id == client_id
            )
        )

    async def put(self, organization_id: UUID, client_id: UUID, *, revoked_at: datetime) -> None:
        """A later revocation stays, whatever an earlier one says."""
        values = {"organization_id": organization_id, "client_id": client_id, "revoked_at": revoked_at}
        statement = insert(revocations).values(values)
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "client_id"],
                set_={"revoked_at": func.greatest(revocations.c.revoked_at, statement.excluded.revoked_at)},
            )
        )
