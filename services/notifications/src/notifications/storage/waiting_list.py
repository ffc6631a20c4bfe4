"""Clients who wait, as booking told last what they are offered."""

from collections.abc import Collection
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.waiting_list import WaitingListEntry
from notifications.storage.tables import waiting_list_entries
from slotstream_servicekit.projections import VersionedTable

_FIELDS = tuple(field.name for field in fields(WaitingListEntry))
_COLUMNS = tuple(waiting_list_entries.c[name] for name in _FIELDS)
_TABLE = VersionedTable(waiting_list_entries)
_Key = tuple[UUID, UUID]


class WaitingListStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_all(self, keys: Collection[_Key]) -> dict[_Key, WaitingListEntry]:
        """Those of `keys` (organization, id) that are known."""
        matches = tuple_(waiting_list_entries.c.organization_id, waiting_list_entries.c.id).in_(sorted(set(keys)))
        rows = await self._session.execute(select(*_COLUMNS).where(matches))
        return {(row.organization_id, row.id): _entry_of(row) for row in rows}

    async def of_offers(self, keys: Collection[_Key]) -> dict[_Key, WaitingListEntry]:
        """By organization and offer, the entries that have these offers open, or took them."""
        if not keys:
            return {}
        matches = tuple_(waiting_list_entries.c.organization_id, waiting_list_entries.c.offer_id).in_(sorted(set(keys)))
        rows = await self._session.execute(select(*_COLUMNS).where(matches))
        return {(row.organization_id, row.offer_id): _entry_of(row) for row in rows}

    async def put(self, entries: Collection[WaitingListEntry]) -> None:
        """Stores states; an older version never replaces a newer one."""
        await _TABLE.put(self._session, [asdict(entry) for entry in entries])


def _entry_of(row: Row[Any]) -> WaitingListEntry:
    return WaitingListEntry(**{name: getattr(row, name) for name in _FIELDS})
