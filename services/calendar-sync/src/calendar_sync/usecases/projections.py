"""Keeping what other services say."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.storage import (
    AppointmentRow,
    AppointmentStore,
    BusinessRow,
    BusinessStore,
    ConnectionStore,
    ResourceRow,
    ResourceStore,
)


async def keep_businesses(*, session: AsyncSession, businesses: Sequence[BusinessRow]) -> None:
    await BusinessStore(session).put(businesses)


async def keep_resources(*, session: AsyncSession, resources: Sequence[ResourceRow], now: datetime) -> None:
    """Where a resource's zone changed, its calendars are read afresh: dates and floating times mean others now."""
    store = ResourceStore(session)
    keys = [(resource.organization_id, resource.id) for resource in resources]
    before = await store.zones(keys)
    await store.put(resources)
    after = await store.zones(keys)
    moved = [key for key, zone in before.items() if after[key] != zone]
    if moved:
        connections = ConnectionStore(session)
        await connections.read_afresh(moved, now=now)
        await connections.announce_due()


async def keep_appointments(
    *,
    session: AsyncSession,
    appointments: Sequence[AppointmentRow],
    gone: Mapping[tuple[UUID, UUID], int | None] | None = None,
) -> None:
    """`gone` are appointments by (organization, id) whose state was taken back, with its last version."""
    store = AppointmentStore(session)
    await store.forget(gone or {})
    await store.put(appointments)
