"""Planning the messages about series: one to the client and one to each member of staff."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import Channels
from notifications.domain.contacts import CatalogueItem
from notifications.domain.series import Series
from notifications.domain.series_planning import SeriesNews, series_messages
from notifications.publishers import records_of
from notifications.storage import CatalogueStore, MessageStore, SeriesStore
from notifications.usecases.planning import subscribed_since
from slotstream_servicekit.outbox import enqueue


async def plan_series_messages(
    *,
    session: AsyncSession,
    news: Sequence[SeriesNews],
    channels: Channels,
    now: datetime,
    news_lifetime: timedelta,
    passed_over_after: timedelta,
    notify_staff: bool,
) -> bool:
    """Keeps the series and plans what their events call for; whether anything is due or no longer has to wait.

    Safe to run twice on the same events. Those older than `passed_over_after` are no news.
    """
    await apply_series(session=session, states=[one.series for one in news])
    contacts = await _contacts(session, news)
    people = {(one.series.organization_id, one.series.client_id) for one in news}
    subscribed = await subscribed_since(session, people, contacts) if channels.subscribed else {}
    drafts = [
        draft
        for one in news
        if one.time >= now - passed_over_after
        for draft in series_messages(
            one,
            contacts=contacts,
            channels=channels.immediate,
            now=now,
            news_lifetime=news_lifetime,
            notify_staff=notify_staff,
            by_subscription=channels.subscribed,
            subscribed=subscribed,
        )
    ]
    messages = MessageStore(session)
    planned = await messages.plan(await SeriesStore(session).numbered(drafts), now=now)
    woken = await messages.wake({one.series.organization_id for one in news}, now=now)
    await enqueue(session, records_of(planned))
    return bool(planned) or woken


async def apply_series(*, session: AsyncSession, states: Sequence[Series]) -> None:
    """Only keeps the newest states."""
    await SeriesStore(session).put(states)


async def _contacts(session: AsyncSession, news: Sequence[SeriesNews]) -> dict[UUID, CatalogueItem]:
    keys = {
        (one.series.organization_id, "resource", member)
        for one in news
        for staff in (one.former_staff_ids, *(date.staff_ids for date in one.series.dates))
        for member in staff
    }
    known = await CatalogueStore(session).get_all(keys) if keys else {}
    return {resource_id: item for (_, _, resource_id), item in known.items()}
