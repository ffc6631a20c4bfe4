"""Clients and catalogue as booking published them last."""

from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.contacts import CatalogueItem, Client
from notifications.storage.tables import catalogue, clients, erased_clients
from slotstream_servicekit.projections import VersionedTable

_CLIENT_FIELDS = tuple(field.name for field in fields(Client))
_ITEM_FIELDS = tuple(field.name for field in fields(CatalogueItem))
CLIENTS_TABLE = VersionedTable(clients)
CATALOGUE_TABLE = VersionedTable(catalogue)

ClientKey = tuple[UUID, UUID]
"""Organization and client."""

_FORGET_ANSWERS = text(
    """
    UPDATE idempotency_keys SET body = convert_to('{}', 'UTF8')
    WHERE organization_id = :organization_id AND position(convert_to(:id, 'UTF8') IN body) > 0
    """
)


class ClientStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, client_id: UUID) -> Client | None:
        return (await self.get_all([(organization_id, client_id)])).get((organization_id, client_id))

    async def get_all(self, keys: Iterable[ClientKey]) -> dict[ClientKey, Client]:
        """Those of `keys` that are known; who was merged stands for the one they became."""
        wanted = set(keys)
        known = await self._read(wanted)
        merged = {key: client.merged_into for key, client in known.items() if client.merged_into is not None}
        if merged:
            survivors = await self._read({(key[0], into) for key, into in merged.items()})
            known |= {key: survivors.get((key[0], into), known[key]) for key, into in merged.items()}
        return known

    async def lock(self, organization_id: UUID, client_id: UUID) -> bool:
        """Until the transaction ends, nobody erases the client; whether they are known."""
        query = (
            select(clients.c.id)
            .where(clients.c.organization_id == organization_id, clients.c.id == client_id)
            .with_for_update(read=True)
        )
        return (await self._session.execute(query)).first() is not None

    async def get_own(self, keys: Collection[ClientKey]) -> list[Client]:
        """Those of `keys` that are known, who was merged as they are."""
        return list((await self._read(keys)).values()) if keys else []

    async def _read(self, keys: Collection[ClientKey]) -> dict[ClientKey, Client]:
        columns = [clients.c[name] for name in _CLIENT_FIELDS]
        matches = tuple_(clients.c.organization_id, clients.c.id).in_(sorted(keys))
        rows = await self._session.execute(select(*columns).where(matches))
        return {(row.organization_id, row.id): _client_of(row) for row in rows}

    async def with_merged(self, keys: Collection[ClientKey]) -> frozenset[ClientKey]:
        """These clients and those who were merged into them.

        For what is looked for in the ledger: as a part of that condition this would have all of it read.
        """
        merged = await self._session.execute(
            select(clients.c.organization_id, clients.c.id).where(
                clients.c.merged_into.in_(sorted({client_id for _, client_id in keys})),
                tuple_(clients.c.organization_id, clients.c.merged_into).in_(sorted(keys)),
            )
        )
        return frozenset(keys).union((row.organization_id, row.id) for row in merged)

    async def put(self, states: Collection[Client]) -> None:
        """Stores states by version; an erased client stays erased, whatever an old record says."""
        erased = await self.erased({client.id for client in states})
        await CLIENTS_TABLE.put(self._session, [client for client in states if client.id not in erased])

    async def erase(self, client_ids: Collection[UUID]) -> list[ClientKey]:
        """Deletes these clients for good, with those that were merged into them; the keys of those known."""
        rows = await self._session.execute(
            delete(clients)
            .where(or_(clients.c.id.in_(sorted(client_ids)), clients.c.merged_into.in_(sorted(client_ids))))
            .returning(clients.c.organization_id, clients.c.id)
        )
        keys = [(row.organization_id, row.id) for row in rows]
        ids = sorted({*client_ids, *(client_id for _, client_id in keys)})
        marks = insert(erased_clients).values([{"client_id": client_id} for client_id in ids])
        await self._session.execute(marks.on_conflict_do_nothing())
        return keys

    async def numbers_of(self, client_ids: Collection[UUID]) -> dict[UUID, set[str]]:
        """By organization the phone numbers of these clients, and of those who were merged into them."""
        wanted = sorted(client_ids)
        query = select(clients.c.organization_id, clients.c.phone).where(
            or_(clients.c.id.in_(wanted), clients.c.merged_into.in_(wanted)), clients.c.phone.is_not(None)
        )
        numbers: dict[UUID, set[str]] = {}
        for row in await self._session.execute(query):
            numbers.setdefault(row.organization_id, set()).add(row.phone)
        return numbers

    async def forget_answers(self, keys: Collection[ClientKey]) -> None:
        """Empties answers about these clients that are kept for repetitions; the keys stay."""
        for organization_id, client_id in sorted(keys):
            await self._session.execute(_FORGET_ANSWERS, {"organization_id": organization_id, "id": str(client_id)})

    async def erased(self, client_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of `client_ids` that have been erased."""
        if not client_ids:
            return frozenset()
        query = select(erased_clients.c.client_id).where(erased_clients.c.client_id.in_(sorted(client_ids)))
        return frozenset((await self._session.execute(query)).scalars())


class CatalogueStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, kind: str, item_id: UUID) -> CatalogueItem | None:
        known = await self.get_all([(organization_id, kind, item_id)])
        return known.get((organization_id, kind, item_id))

    async def get_all(self, keys: Iterable[tuple[UUID, str, UUID]]) -> dict[tuple[UUID, str, UUID], CatalogueItem]:
        """Those of `keys` (organization, kind, id) that are known."""
        columns = [catalogue.c[name] for name in _ITEM_FIELDS]
        matches = tuple_(catalogue.c.organization_id, catalogue.c.kind, catalogue.c.id).in_(sorted(set(keys)))
        rows = await self._session.execute(select(*columns).where(matches))
        return {(row.organization_id, row.kind, row.id): _item_of(row) for row in rows}

    async def calendars_of(self, organization_id: UUID, user_id: str, resource_id: UUID | None) -> list[CatalogueItem]:
        """The resources that are a user's by what they name, and the one that the user is limited to, by id."""
        columns = [catalogue.c[name] for name in _ITEM_FIELDS]
        query = select(*columns).where(
            catalogue.c.organization_id == organization_id,
            catalogue.c.kind == "resource",
            or_(catalogue.c.user_id == user_id, catalogue.c.id == resource_id),
            ~catalogue.c.archived,
        )
        return [_item_of(row) for row in await self._session.execute(query.order_by(catalogue.c.id))]

    async def put(self, states: Collection[CatalogueItem]) -> None:
        """Stores states; an older version never replaces a newer one."""
        await CATALOGUE_TABLE.put(self._session, states)


def _client_of(row: Row[Any]) -> Client:
    values = {name: getattr(row, name) for name in _CLIENT_FIELDS}
    consent = values["consent"]
    return Client(**{**values, "consent": None if consent is None else frozenset(consent)})


def _item_of(row: Row[Any]) -> CatalogueItem:
    return CatalogueItem(**{name: getattr(row, name) for name in _ITEM_FIELDS})
