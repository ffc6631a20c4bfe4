"""What clients want to be written to about."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.contacts import Preference
from notifications.domain.opt_outs import Unsubscriber
from notifications.storage.tables import preferences


class PreferenceStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, client_id: UUID) -> Preference:
        known = await self.get_all([(organization_id, client_id)])
        return known.get((organization_id, client_id), Preference(organization_id=organization_id, client_id=client_id))

    async def get_all(self, keys: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Preference]:
        matches = tuple_(preferences.c.organization_id, preferences.c.client_id).in_(sorted(set(keys)))
        rows = await self._session.execute(select(preferences).where(matches))
        return {(row.organization_id, row.client_id): _preference_of(row) for row in rows}

    async def stop(self, clients: Collection[tuple[UUID, UUID]]) -> list[Preference]:
        """Notes that the phones of these clients (organization, id) have stopped SMS; of whom that is new."""
        if not clients:
            return []
        values = [
            {"organization_id": organization_id, "client_id": client_id, "opted_out": {}, "stopped": True, "version": 1}
            for organization_id, client_id in sorted(set(clients))
        ]
        statement = insert(preferences).values(values)
        rows = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "client_id"],
                set_={"stopped": True, "version": preferences.c.version + 1},
                where=~preferences.c.stopped,
            ).returning(preferences)
        )
        return [_preference_of(row) for row in rows]

    async def start(self, clients: Collection[tuple[UUID, UUID]]) -> list[Preference]:
        """Notes that the phones of these clients (organization, id) may be written to; of whom that is new."""
        if not clients:
            return []
        rows = await self._session.execute(
            update(preferences)
            .where(
                tuple_(preferences.c.organization_id, preferences.c.client_id).in_(sorted(set(clients))),
                preferences.c.stopped,
            )
            .values(stopped=False, version=preferences.c.version + 1)
            .returning(preferences)
        )
        return [_preference_of(row) for row in rows]

    async def unsubscribe(
        self, organization_id: UUID, client_id: UUID, *, by: Unsubscriber, now: datetime
    ) -> Preference | None:
        """Notes that the client wants no reminders by mail; None where that is not new."""
        said = {"unsubscribed_at": now, "unsubscribed_by": by}
        statement = insert(preferences).values(
            organization_id=organization_id, client_id=client_id, opted_out={}, version=1, **said
        )
        rows = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "client_id"],
                set_={**said, "version": preferences.c.version + 1},
                where=preferences.c.unsubscribed_at.is_(None),
            ).returning(preferences)
        )
        row = rows.first()
        return _preference_of(row) if row is not None else None

    async def forget(self, clients: Collection[tuple[UUID, UUID]]) -> list[tuple[UUID, UUID, int]]:
        """Deletes those of erased clients (organization, id); of which clients there were any, and their versions."""
        key = (preferences.c.organization_id, preferences.c.client_id)
        gone = await self._session.execute(
            delete(preferences).where(tuple_(*key).in_(sorted(set(clients)))).returning(*key, preferences.c.version)
        )
        return [(organization_id, client_id, version) for organization_id, client_id, version in gone]

    async def put(self, preference: Preference, *, replaces: int) -> bool:
        """Stores `preference` in place of version `replaces` (0: none yet); False where that is not the current one."""
        values = {
            "organization_id": preference.organization_id,
            "client_id": preference.client_id,
            "opted_out": {name: at.isoformat() for name, at in preference.opted_out.items()},
            "unsubscribed_at": preference.unsubscribed_at,
            "unsubscribed_by": preference.unsubscribed_by,
            "version": preference.version,
        }
        statement = insert(preferences).values(values)
        stored = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "client_id"],
                set_={
                    name: statement.excluded[name]
                    for name in ("opted_out", "unsubscribed_at", "unsubscribed_by", "version")
                },
                where=preferences.c.version == replaces,
            ).returning(preferences.c.client_id)
        )
        return stored.first() is not None


def _preference_of(row: Row[Any]) -> Preference:
    return Preference(
        organization_id=row.organization_id,
        client_id=row.client_id,
        opted_out={name: datetime.fromisoformat(at) for name, at in row.opted_out.items()},
        unsubscribed_at=row.unsubscribed_at,
        unsubscribed_by=row.unsubscribed_by,
        stopped=row.stopped,
        version=row.version,
    )
