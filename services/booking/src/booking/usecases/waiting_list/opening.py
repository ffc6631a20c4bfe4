"""What opens by other hours, or by an external event that is gone, is noted for those who wait."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.opening import Engagement, Opened, opened_by_calendars, opened_hours
from booking.domain.waiting_list import FreedTime
from booking.storage.connections import connection_of
from booking.storage.policies import load_policy
from booking.storage.projections import ExternalBusyStore
from booking.storage.waiting_list import read_waited
from booking.usecases.waiting_list.freeing import note_times
from slotstream_scheduling.spans import from_epoch
from slotstream_servicekit.ids import new_id


@asynccontextmanager
async def noting_opened_hours(
    *, session: AsyncSession, owners: Mapping[UUID, Collection[UUID]], now: datetime
) -> AsyncIterator[None]:
    """Around a change of schedules; `owners`, by organization, are the resources and businesses whose they are."""
    connection = await connection_of(session)
    waited = await read_waited(connection, owners, now=now)
    before = {organization_id: await load_policy(connection, organization_id) for organization_id in waited}
    yield
    for organization_id, windows in waited.items():
        after = await load_policy(connection, organization_id)
        opened = opened_hours(before[organization_id], after, owners=owners[organization_id], waited=windows)
        await _note(session, organization_id, opened, now=now)


@asynccontextmanager
async def noting_opened_calendars(
    *, session: AsyncSession, keys: Mapping[UUID, Collection[str]], now: datetime
) -> AsyncIterator[None]:
    """Around a change of external busy time; `keys`, by organization, are those of its records."""
    connection = await connection_of(session)
    waited = await read_waited(connection, keys, now=now)
    before = {organization_id: await _engagements(session, organization_id, keys) for organization_id in waited}
    yield
    for organization_id, windows in waited.items():
        if before[organization_id]:
            opened = opened_by_calendars(
                before[organization_id],
                await _engagements(session, organization_id, keys),
                policy=await load_policy(connection, organization_id),
                waited=windows,
            )
            await _note(session, organization_id, opened, now=now)


async def _engagements(
    session: AsyncSession, organization_id: UUID, keys: Mapping[UUID, Collection[str]]
) -> list[Engagement]:
    return await ExternalBusyStore(session).engagements(organization_id, keys[organization_id])


async def _note(session: AsyncSession, organization_id: UUID, opened: Iterable[Opened], *, now: datetime) -> None:
    times = [
        FreedTime(
            organization_id=organization_id,
            id=new_id(),
            freed_by=each.cause,
            business_id=each.business_id,
            begins=from_epoch(each.span[0]),
            ends=from_epoch(each.span[1]),
        )
        for each in opened
    ]
    await note_times(session, organization_id, times, now=now)
