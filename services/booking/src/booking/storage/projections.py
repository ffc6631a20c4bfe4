"""What other services own and booking judges by: schedules, external busy time and opt-outs, kept by version."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.opening import Engagement
from booking.storage.tables import client_preferences, external_busy, organization_channels, schedules
from slotstream_servicekit.projections import VersionedTable

SCHEDULE_TABLE: Final = VersionedTable(schedules)
BUSY_TABLE: Final = VersionedTable(external_busy)
PREFERENCE_TABLE: Final = VersionedTable(client_preferences)
CHANNEL_TABLE: Final = VersionedTable(organization_channels)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """All channels on which the organization can send."""

    organization_id: UUID
    channels: tuple[str, ...]
    version: int


class ScheduleStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Iterable[ScheduleRow]) -> set[UUID]:
        """Writes what is not older than what is known; the organizations of what was written."""
        return {organization_id for organization_id, _ in await SCHEDULE_TABLE.put(self._session, rows)}

    async def forget(self, versions: Mapping[tuple[UUID, UUID], int | None]) -> set[UUID]:
        """Removes schedules by organization and owner, up to a version; the organizations of those that there were."""
        return {organization_id for organization_id, _ in await SCHEDULE_TABLE.forget(self._session, versions)}


class ExternalBusyStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Iterable[BusyRow]) -> None:
        await BUSY_TABLE.put(self._session, rows)

    async def engagements(self, organization_id: UUID, keys: Collection[str]) -> list[Engagement]:
        """What these records say of their resources' time by now."""
        query = select(external_busy.c.resource_id, external_busy.c.starts_at, external_busy.c.ends_at).where(
            external_busy.c.organization_id == organization_id, external_busy.c.key.in_(list(keys))
        )
        rows = await self._session.execute(query)
        return [Engagement(**row) for row in rows.mappings()]

    async def forget(self, versions: Mapping[tuple[UUID, str], int | None]) -> None:
        """Removes busy time by organization and record key, up to a version: no other organization's, whatever its
        key.
        """
        await BUSY_TABLE.forget(self._session, versions)


class PreferenceStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Iterable[PreferenceRow]) -> None:
        await PREFERENCE_TABLE.put(self._session, rows)

    async def forget(self, versions: Mapping[tuple[UUID, UUID], int | None]) -> None:
        """Removes the preferences of erased clients, by organization and client."""
        await PREFERENCE_TABLE.forget(self._session, versions)


class ChannelStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, rows: Iterable[ChannelRow]) -> None:
        await CHANNEL_TABLE.put(self._session, rows)

    async def of(self, organization_id: UUID) -> frozenset[str] | None:
        """None where notifications has said nothing of this organization."""
        query = select(organization_channels.c.channels).where(
            organization_channels.c.organization_id == organization_id
        )
        channels: list[str] | None = (await self._session.execute(query)).scalar()
        return None if channels is None else frozenset(channels)
