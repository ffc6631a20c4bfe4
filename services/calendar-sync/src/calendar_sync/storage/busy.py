"""What is published of external calendars: one row per busy instance."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.domain import BusyInstance, KnownInstance, instance_id
from calendar_sync.storage.tables import busy_instances


class BusyInstanceStore:
    """The instances of one connection."""

    def __init__(self, session: AsyncSession, organization_id: UUID, connection_id: UUID) -> None:
        self._session = session
        self._owner = {"organization_id": organization_id, "connection_id": connection_id}

    async def known(self) -> Sequence[KnownInstance]:
        table = busy_instances.c
        rows = await self._session.execute(
            select(table.id, table.uid, table.recurrence, table.starts_at, table.ends_at).where(
                table.organization_id == self._owner["organization_id"],
                table.connection_id == self._owner["connection_id"],
            )
        )
        return [
            KnownInstance(
                id=row.id, uid=row.uid, recurrence=row.recurrence, starts_at=row.starts_at, ends_at=row.ends_at
            )
            for row in rows
        ]

    async def put(self, instances: Sequence[BusyInstance], *, version: int) -> None:
        await self._session.execute(
            text(
                "INSERT INTO busy_instances "
                "  (organization_id, connection_id, id, uid, recurrence, starts_at, ends_at, version) "
                "SELECT :organization_id, :connection_id, i.*, :version FROM unnest("
                "  CAST(:ids AS uuid[]), CAST(:uids AS text[]), CAST(:recurrences AS text[]), "
                "  CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS i "
                "ON CONFLICT (organization_id, connection_id, id) DO UPDATE SET "
                "  starts_at = excluded.starts_at, ends_at = excluded.ends_at, version = excluded.version"
            ),
            {
                **self._owner,
                "version": version,
                "ids": [
                    instance_id(**self._owner, uid=instance.uid, recurrence=instance.recurrence)
                    for instance in instances
                ],
                "uids": [instance.uid for instance in instances],
                "recurrences": [instance.recurrence for instance in instances],
                "starts": [instance.starts_at for instance in instances],
                "ends": [instance.ends_at for instance in instances],
            },
        )

    async def remove(self, ids: Sequence[UUID]) -> None:
        await self._session.execute(
            text(
                "DELETE FROM busy_instances WHERE organization_id = :organization_id "
                "AND connection_id = :connection_id AND id = ANY(CAST(:ids AS uuid[]))"
            ),
            {**self._owner, "ids": list(ids)},
        )
