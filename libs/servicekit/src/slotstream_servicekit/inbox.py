"""The inbox: ids of the messages that a consumer has processed, written in the transaction of their effect."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, MetaData, PrimaryKeyConstraint, Table, Text, Uuid, text
from sqlalchemy.ext.asyncio import AsyncSession


def inbox_table(metadata: MetaData) -> Table:
    """The table `inbox`, in the service's own metadata. It holds only ids, and belongs to no tenant."""
    return Table(
        "inbox",
        metadata,
        Column("consumer", Text, nullable=False),
        Column("message_id", Uuid, nullable=False),
        Column("received_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        PrimaryKeyConstraint("consumer", "message_id"),
        Index("inbox_received_at_idx", "received_at"),
    )


_CLAIM = text(
    """
    INSERT INTO inbox (consumer, message_id)
    SELECT :consumer, id FROM unnest(CAST(:ids AS uuid[])) AS id
    ON CONFLICT DO NOTHING
    RETURNING message_id
    """
)
_PRUNE = text(
    """
    DELETE FROM inbox WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM inbox WHERE received_at < now() - CAST(:age AS interval) LIMIT :limit
    ))
    """
)


async def claim(session: AsyncSession, *, consumer: str, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Claims `ids` in this transaction; returns those that `consumer` has not claimed before."""
    rows = await session.execute(_CLAIM, {"consumer": consumer, "ids": sorted(set(ids))})
    return frozenset(rows.scalars())


async def prune(session: AsyncSession, *, older_than: timedelta, limit: int = 10_000) -> int:
    """Delete up to `limit` ids that were received longer ago than `older_than`. Returns how many were deleted.

    `older_than` must be longer than the time after which consumers skip a record as too old.
    """
    deleted = await session.execute(_PRUNE, {"age": older_than, "limit": limit})
    return int(getattr(deleted, "rowcount", 0))
