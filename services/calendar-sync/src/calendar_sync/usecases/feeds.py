"""Secret subscription addresses for a resource's appointments."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.domain import (
    MOST_FEEDS,
    Feed,
    FeedEntry,
    FeedId,
    FeedNotFoundError,
    FeedTitle,
    IdTakenError,
    ResourceId,
    TooManyFeedsError,
    digest_of,
)
from calendar_sync.storage import AppointmentStore, FeedStore, ResourceStore
from calendar_sync.usecases.limits import check_calendar, require_calendar
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import VersionConflictError

SHOWN_BEFORE = timedelta(days=30)
MAX_ENTRIES = 10_000

SecretOf = Callable[[Feed], str]


async def issue_feed(
    *,
    session: AsyncSession,
    context: Context,
    feed_id: UUID,
    resource_id: UUID,
    name: str,
    title: FeedTitle,
    secret_of: SecretOf,
) -> Feed:
    await require_calendar(session, context, resource_id)
    feed = Feed(
        id=FeedId(feed_id),
        organization_id=context.organization_id,
        resource_id=ResourceId(resource_id),
        name=name,
        title=title,
        rotation=1,
        created_at=context.now,
        updated_at=context.now,
        version=1,
    )
    store = FeedStore(session)
    if not await store.add(feed, secret_digest=digest_of(secret_of(feed))):
        raise IdTakenError("The id is in use already.")
    if await store.count_alone(context.organization_id) > MOST_FEEDS:
        raise TooManyFeedsError(f"There are {MOST_FEEDS} feeds already: revoke one first.")
    return feed


async def rotate_feed(
    *,
    session: AsyncSession,
    context: Context,
    feed_id: UUID,
    expected_version: int | None,
    secret_of: SecretOf,
) -> Feed:
    """Gives the feed a new secret; the old address is dead at once."""
    store = FeedStore(session)
    feed = await store.get(context.organization_id, feed_id, lock=True)
    await check_calendar(session, context, feed.resource_id)
    _check_version(feed, expected_version)
    rotated = replace(feed, rotation=feed.rotation + 1, updated_at=context.now, version=feed.version + 1)
    await store.save(rotated, secret_digest=digest_of(secret_of(rotated)))
    return rotated


async def revoke_feed(*, session: AsyncSession, context: Context, feed_id: UUID, expected_version: int | None) -> None:
    store = FeedStore(session)
    feed = await store.get(context.organization_id, feed_id, lock=True)
    await check_calendar(session, context, feed.resource_id)
    _check_version(feed, expected_version)
    await store.remove(context.organization_id, feed_id)


async def open_feed(*, session: AsyncSession, secret: str) -> Feed:
    """The feed that has this secret. Raises FeedNotFoundError where there is none, or its resource is archived.

    Runs across tenants.
    """
    feed = await FeedStore(session).find_by_digest(digest_of(secret))
    if feed is None or not await ResourceStore(session).exists(feed.organization_id, feed.resource_id):
        raise FeedNotFoundError("There is no such feed.")
    return feed


async def read_entries(*, session: AsyncSession, feed: Feed, now: datetime) -> Sequence[FeedEntry]:
    """What whoever has the feed's address may see."""
    return await AppointmentStore(session).feed_entries(
        feed.organization_id, feed.resource_id, since=now - SHOWN_BEFORE, limit=MAX_ENTRIES
    )


def _check_version(feed: Feed, expected: int | None) -> None:
    if expected is not None and expected != feed.version:
        raise VersionConflictError(feed.version)
