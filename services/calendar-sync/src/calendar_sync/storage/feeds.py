"""Subscription feeds. Only a digest of each secret is kept."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.domain import Feed, FeedId, FeedNotFoundError, FeedTitle, ResourceId
from calendar_sync.storage.tables import feeds
from slotstream_servicekit.counting import count_alone

_SHOWN = [column for column in feeds.c if column.name != "secret_digest"]


class FeedStore:
    """Feeds within the tenant of the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, feed: Feed, *, secret_digest: bytes) -> bool:
        """Whether the id was free."""
        values = {**_values_of(feed), "secret_digest": secret_digest}
        statement = upsert(feeds).values(values).on_conflict_do_nothing().returning(feeds.c.id)
        return (await self._session.execute(statement)).first() is not None

    async def count_alone(self, organization_id: UUID) -> int:
        """How many the organization has; until the transaction ends nobody else counts them."""
        return await count_alone(self._session, feeds, organization_id)

    async def get(self, organization_id: UUID, feed_id: UUID, *, lock: bool = False) -> Feed:
        statement = select(*_SHOWN).where(feeds.c.organization_id == organization_id, feeds.c.id == feed_id)
        row = (await self._session.execute(statement.with_for_update() if lock else statement)).first()
        if row is None:
            raise FeedNotFoundError("There is no such feed.")
        return _feed_of(row)

    async def find_by_digest(self, digest: bytes) -> Feed | None:
        """Across tenants: the secret alone says whose feed it is."""
        row = (await self._session.execute(select(*_SHOWN).where(feeds.c.secret_digest == digest))).first()
        return _feed_of(row) if row is not None else None

    async def page(
        self, organization_id: UUID, *, resource_ids: Sequence[UUID], after: UUID | None, limit: int
    ) -> Sequence[Feed]:
        statement = select(*_SHOWN).where(feeds.c.organization_id == organization_id)
        if resource_ids:
            statement = statement.where(feeds.c.resource_id.in_(resource_ids))
        if after is not None:
            statement = statement.where(feeds.c.id > after)
        rows = await self._session.execute(statement.order_by(feeds.c.id).limit(limit))
        return [_feed_of(row) for row in rows]

    async def save(self, feed: Feed, *, secret_digest: bytes) -> None:
        await self._session.execute(
            update(feeds)
            .where(feeds.c.organization_id == feed.organization_id, feeds.c.id == feed.id)
            .values({**_values_of(feed), "secret_digest": secret_digest})
        )

    async def remove(self, organization_id: UUID, feed_id: UUID) -> None:
        await self._session.execute(
            delete(feeds).where(feeds.c.organization_id == organization_id, feeds.c.id == feed_id)
        )


def _values_of(feed: Feed) -> dict[str, Any]:
    return {column.name: getattr(feed, column.name) for column in _SHOWN}


def _feed_of(row: Row[Any]) -> Feed:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Feed(
        **{
            **fields,
            "id": FeedId(fields["id"]),
            "resource_id": ResourceId(fields["resource_id"]),
            "title": FeedTitle(fields["title"]),
        }
    )
