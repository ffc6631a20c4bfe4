"""Quiet hours of organizations, and the messages that wait for their end."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import QUIET_HOURS, Channel, ChannelQuietHours, QuietHours, Status
from notifications.storage.tables import messages, quiet_hours


class QuietHoursStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_organizations(self, organization_ids: Collection[UUID]) -> dict[tuple[UUID, Channel], QuietHours]:
        if not organization_ids:
            return {}
        query = select(quiet_hours).where(quiet_hours.c.organization_id.in_(sorted(set(organization_ids))))
        rows = await self._session.execute(query)
        return {(row.organization_id, Channel(row.channel)): _hours_of(row) for row in rows}

    async def all_of(self, organization_id: UUID) -> dict[Channel, ChannelQuietHours]:
        query = select(quiet_hours).where(quiet_hours.c.organization_id == organization_id)
        rows = await self._session.execute(query)
        return {
            channel: ChannelQuietHours(channel=channel, hours=_hours_of(row), version=row.version)
            for row in rows
            if (channel := Channel(row.channel))
        }

    async def put(self, organization_id: UUID, own: ChannelQuietHours, *, replaces: int) -> bool:
        """Stores `own` in place of version `replaces` (0: none yet); False where that is not the current one."""
        values = {
            "organization_id": organization_id,
            "channel": own.channel,
            "begins": own.hours.begins,
            "ends": own.hours.ends,
            "version": own.version,
        }
        statement = insert(quiet_hours).values(values)
        stored = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "channel"],
                set_={name: statement.excluded[name] for name in ("begins", "ends", "version")},
                where=quiet_hours.c.version == replaces,
            ).returning(quiet_hours.c.channel)
        )
        return stored.first() is not None

    async def remove(self, organization_id: UUID, channel: Channel, *, version: int) -> bool:
        """False where `version` is not the current one."""
        gone = await self._session.execute(
            delete(quiet_hours)
            .where(
                quiet_hours.c.organization_id == organization_id,
                quiet_hours.c.channel == channel,
                quiet_hours.c.version == version,
            )
            .returning(quiet_hours.c.channel)
        )
        return gone.first() is not None

    async def wake_held(self, organization_id: UUID, channel: Channel, *, now: datetime) -> bool:
        """Has what waits for the end of quiet hours judged anew; whether there is any."""
        woken = await self._session.execute(
            update(messages)
            .where(
                messages.c.organization_id == organization_id,
                messages.c.channel == channel,
                messages.c.status == Status.PLANNED,
                messages.c.code == QUIET_HOURS,
                messages.c.next_attempt_at > now,
            )
            .values(next_attempt_at=now)
            .returning(text("1"))
        )
        return woken.first() is not None


def _hours_of(row: Row[Any]) -> QuietHours:
    return QuietHours(begins=row.begins, ends=row.ends)
