"""Clients and catalogue as booking published them last, and what clients want to be written to about."""

from collections.abc import Collection, Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import CatalogueItem, Client, Preference
from notifications.storage.tables import catalogue, clients, preferences
from slotstream_servicekit.rows import columns_of

_CLIENT_FIELDS = tuple(field.name for field in fields(Client))
_ITEM_FIELDS = tuple(field.name for field in fields(CatalogueItem))
_CHUNK = 500


class ClientStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, client_id: UUID) -> Client | None:
        return (await self.get_all([(organization_id, client_id)])).get((organization_id, client_id))

    async def get_all(self, keys: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Client]:
        """Those of `keys` (organization, id) that are known; who was merged stands for the one they became."""
        wanted = set(keys)
        found = await self._read(wanted)
        merged = {key: each.merged_into for key, each in found.items() if each.merged_into is not None}
        if merged:
            survivors = await self._read({(key[0], into) for key, into in merged.items()})
            found |= {key: survivors.get((key[0], into), found[key]) for key, into in merged.items()}
        return found

    async def _read(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Client]:
        columns = [clients.c[name] for name in _CLIENT_FIELDS]
        matches = tuple_(clients.c.organization_id, clients.c.id).in_(sorted(keys))
        rows = await self._session.execute(select(*columns).where(matches))
        return {(row.organization_id, row.id): _client_of(row) for row in rows}

    async def remember(self, states: Collection[Client]) -> None:
        rows = [
            {**columns_of(each), "consent": sorted(each.consent), "applied_at": func.clock_timestamp()}
            for each in sorted(states, key=lambda each: (each.organization_id, each.id))
        ]
        for start in range(0, len(rows), _CHUNK):
            statement = insert(clients).values(rows[start : start + _CHUNK])
            names = [name for name in (*_CLIENT_FIELDS, "applied_at") if name not in ("organization_id", "id")]
            await self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=["organization_id", "id"],
                    set_={name: statement.excluded[name] for name in names},
                    where=statement.excluded.version >= clients.c.version,
                )
            )

    async def erase(self, client_ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
        """Forgets everything personal of these clients; returns the keys (organization, id) of those known."""
        rows = await self._session.execute(
            update(clients)
            .where(clients.c.id.in_(sorted(client_ids)))
            .values(
                name="",
                email=None,
                phone=None,
                locale=None,
                zone=None,
                consent=[],
                erased=True,
                applied_at=func.clock_timestamp(),
            )
            .returning(clients.c.organization_id, clients.c.id)
        )
        return [(row.organization_id, row.id) for row in rows]


class CatalogueStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, kind: str, item_id: UUID) -> CatalogueItem | None:
        found = await self.get_all([(organization_id, kind, item_id)])
        return found.get((organization_id, kind, item_id))

    async def get_all(self, keys: Iterable[tuple[UUID, str, UUID]]) -> dict[tuple[UUID, str, UUID], CatalogueItem]:
        """Those of `keys` (organization, kind, id) that are known."""
        columns = [catalogue.c[name] for name in _ITEM_FIELDS]
        matches = tuple_(catalogue.c.organization_id, catalogue.c.kind, catalogue.c.id).in_(sorted(set(keys)))
        rows = await self._session.execute(select(*columns).where(matches))
        return {(row.organization_id, row.kind, row.id): _item_of(row) for row in rows}

    async def remember(self, states: Collection[CatalogueItem]) -> None:
        rows = [
            {**columns_of(each), "applied_at": func.clock_timestamp()}
            for each in sorted(states, key=lambda each: (each.organization_id, each.kind, each.id))
        ]
        for start in range(0, len(rows), _CHUNK):
            statement = insert(catalogue).values(rows[start : start + _CHUNK])
            key = ("organization_id", "kind", "id")
            names = [name for name in (*_ITEM_FIELDS, "applied_at") if name not in key]
            await self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=list(key),
                    set_={name: statement.excluded[name] for name in names},
                    where=statement.excluded.version >= catalogue.c.version,
                )
            )


class PreferenceStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, client_id: UUID) -> Preference:
        found = await self.get_all([(organization_id, client_id)])
        return found.get((organization_id, client_id), Preference(organization_id=organization_id, client_id=client_id))

    async def get_all(self, keys: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Preference]:
        matches = tuple_(preferences.c.organization_id, preferences.c.client_id).in_(sorted(set(keys)))
        rows = await self._session.execute(select(preferences).where(matches))
        return {
            (row.organization_id, row.client_id): Preference(
                organization_id=row.organization_id,
                client_id=row.client_id,
                opted_out={name: datetime.fromisoformat(at) for name, at in row.opted_out.items()},
                version=row.version,
            )
            for row in rows
        }

    async def put(self, preference: Preference, *, replaces: int) -> bool:
        """Stores `preference` in place of version `replaces` (0: none yet); False where that is not the current one."""
        values = {
            "organization_id": preference.organization_id,
            "client_id": preference.client_id,
            "opted_out": {name: at.isoformat() for name, at in preference.opted_out.items()},
            "version": preference.version,
        }
        statement = insert(preferences).values(values)
        stored = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "client_id"],
                set_={"opted_out": statement.excluded.opted_out, "version": statement.excluded.version},
                where=preferences.c.version == replaces,
            ).returning(preferences.c.client_id)
        )
        return stored.first() is not None


def _client_of(row: Row[Any]) -> Client:
    values = {name: getattr(row, name) for name in _CLIENT_FIELDS}
    return Client(**{**values, "consent": frozenset(values["consent"])})


def _item_of(row: Row[Any]) -> CatalogueItem:
    return CatalogueItem(**{name: getattr(row, name) for name in _ITEM_FIELDS})
