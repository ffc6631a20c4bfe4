"""What others were told last of the channels that organizations can send on."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Channel
from notifications.storage.tables import channel_accounts, organization_channels

_NEVER_TOLD = 0


class OrganizationChannelStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def organizations(self) -> list[UUID]:
        """Those that have accounts of their own, and those of which something was told."""
        query = union(select(channel_accounts.c.organization_id), select(organization_channels.c.organization_id))
        return sorted((await self._session.execute(query)).scalars())

    async def lock(self, organization_id: UUID, *, now: datetime) -> None:
        """Has whoever else tells of this organization wait, so that the last one tells of all changes."""
        statement = insert(organization_channels).values(
            organization_id=organization_id, channels=[], version=_NEVER_TOLD, updated_at=now
        )
        await self._session.execute(statement.on_conflict_do_nothing())
        query = select(organization_channels.c.version).where(
            organization_channels.c.organization_id == organization_id
        )
        await self._session.execute(query.with_for_update())

    async def put(self, organization_id: UUID, channels: Collection[Channel], *, now: datetime) -> int | None:
        """The version of what is to be told now; None where that was told last."""
        told = sorted(channels)
        changed = await self._session.execute(
            update(organization_channels)
            .where(
                organization_channels.c.organization_id == organization_id,
                (organization_channels.c.channels != told) | (organization_channels.c.version == _NEVER_TOLD),
            )
            .values(channels=told, version=organization_channels.c.version + 1, updated_at=now)
            .returning(organization_channels.c.version)
        )
        version: int | None = changed.scalar()
        return version
