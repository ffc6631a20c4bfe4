"""What other services own and booking judges by: schedules, external busy time and opt-outs, kept by version."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.storage.tables import client_preferences, external_busy, schedules
from slotstream_servicekit.projections import VersionedTable

_SCHEDULES: Final = VersionedTable(schedules)
_BUSY: Final = VersionedTable(external_busy)
_PREFERENCES: Final = VersionedTable(client_preferences)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """Working hours of a resource or business. `schedule` is the contract's state as JSON."""

    organization_id: UUID
    owner_id: UUID
    owner_kind: str
    schedule: Mapping[str, Any]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyRow:
    """Time that an external calendar takes of a resource, under the key of its record."""

    organization_id: UUID
    key: str
    id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceRow:
    """The channels that a client has opted out of."""

    organization_id: UUID
    client_id: UUID
    opted_out: tuple[str, ...]
    version: int


class ScheduleStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Iterable[ScheduleRow]) -> set[UUID]:
        """Writes what is not older than what is known; the organizations of what was written."""
        return {organization_id for organization_id, _ in await _SCHEDULES.put(self._session, rows)}

    async def forget(self, keys: Iterable[tuple[UUID, UUID]]) -> set[UUID]:
        """Removes schedules by organization and owner; the organizations of those that there were."""
        return {organization_id for organization_id, _ in await _SCHEDULES.forget(self._session, keys)}


class ExternalBusyStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Iterable[BusyRow]) -> None:
        await _BUSY.put(self._session, rows)

    async def forget(self, keys: Iterable[tuple[UUID, str]]) -> None:
        """Removes busy time by organization and record key: no other organization's, whatever its key."""
        await _BUSY.forget(self._session, keys)


class PreferenceStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Iterable[PreferenceRow]) -> None:
        await _PREFERENCES.put(self._session, rows)

    async def forget(self, keys: Iterable[tuple[UUID, UUID]]) -> None:
        """Removes the preferences of erased clients, by organization and client."""
        await _PREFERENCES.forget(self._session, keys)
