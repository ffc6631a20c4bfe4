"""Remembering what other services say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.storage import AppointmentStore, ConnectionStore, ResourceStore
from slotstream_servicekit.rows import columns_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownResource:
    organization_id: UUID
    id: UUID
    name: str
    zone: str
    archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAppointment:
    organization_id: UUID
    id: UUID
    resource_ids: Sequence[UUID]
    calendar_uid: str
    calendar_sequence: int
    service_name: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    status: str
    archived: bool
    created_at: datetime
    updated_at: datetime
    version: int


async def remember_resources(session: AsyncSession, *, resources: Sequence[KnownResource], now: datetime) -> None:
    """Where a resource's zone changed, its calendars are read afresh: dates and floating times mean others now."""
    store = ResourceStore(session)
    ids = [(each.organization_id, each.id) for each in resources]
    before = await store.zones(ids)
    await store.put([columns_of(each) for each in resources])
    after = await store.zones(ids)
    moved = [key for key, zone in before.items() if after[key] != zone]
    if moved:
        await ConnectionStore(session).read_afresh(moved, now=now)


async def remember_appointments(session: AsyncSession, *, appointments: Sequence[KnownAppointment]) -> None:
    await AppointmentStore(session).put([columns_of(each) for each in appointments])
