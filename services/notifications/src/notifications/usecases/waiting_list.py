"""Telling clients who wait of the slot that is held for them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import Channels, NotificationChannel
from notifications.domain.messages import Channel, Kind
from notifications.domain.waiting_list import WaitingListNews, offer_messages
from notifications.publishers import records_of
from notifications.storage import MessageStore, WaitingListStore
from notifications.usecases.channel_accounts import read_channels
from notifications.usecases.planning import subscribed_since
from slotstream_servicekit.outbox import enqueue


async def plan_offers(
    *,
    session: AsyncSession,
    news: Sequence[WaitingListNews],
    channels: Channels,
    now: datetime,
    passed_over_after: timedelta,
) -> bool:
    """Keeps the entries, plans what their offers call for and stops what is over; whether anything was planned.

    Safe to run twice on the same events. Those older than `passed_over_after` are no news.
    """
    store, messages = WaitingListStore(session), MessageStore(session)
    keys = {(one.entry.organization_id, one.entry.id) for one in news}
    before = await store.get_all(keys)
    await apply_waiting_list(session=session, news=news)
    newest = await store.get_all(keys)
    over = {
        (entry.organization_id, entry.offer_id)
        for entry in (*before.values(), *(one.entry for one in news))
        if entry.offer_id is not None and not newest[entry.organization_id, entry.id].offers(entry.offer_id, now=now)
    }
    stopped = await messages.stop_kind(Kind.SLOT_OFFERED, over, "offer_over", now=now)
    people = {(one.entry.organization_id, one.entry.client_id) for one in news}
    subscribed = await subscribed_since(session, people, {}) if channels.subscribed else {}
    channels = await read_channels(
        session=session, channels=channels, organization_ids={one.entry.organization_id for one in news}
    )
    drafts = [
        draft
        for one in news
        if one.time >= now - passed_over_after
        for draft in offer_messages(
            one,
            newest=newest[one.entry.organization_id, one.entry.id],
            channels=_told_by(channels.of(one.entry.organization_id), is_subscribed=one.entry.client_id in subscribed),
            now=now,
        )
    ]
    planned = await messages.plan(drafts, now=now)
    await enqueue(session, records_of([*stopped, *planned]))
    return bool(planned)


def _told_by(channels: Channels, *, is_subscribed: bool) -> list[NotificationChannel]:
    """News of minutes goes by text as well, where there are texts."""
    sms = channels.get(Channel.SMS)
    told_by = [*channels.immediate, *(channels.subscribed if is_subscribed else ())]
    return told_by if sms is None or sms in told_by else [*told_by, sms]


async def apply_waiting_list(*, session: AsyncSession, news: Sequence[WaitingListNews]) -> None:
    """Only keeps the newest states."""
    await WaitingListStore(session).put([one.entry for one in news])
