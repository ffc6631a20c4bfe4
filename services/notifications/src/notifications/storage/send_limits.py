"""Limits of organizations, and how much of them is taken: in the database, so that every process goes by it."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.messages import Channel, Kind
from notifications.domain.send_limits import RATE_LIMITED, ChannelLimit
from notifications.storage.tables import send_allowances, send_limits

Bucket = tuple[UUID, str]
"""An organization, and what is counted."""

_MOST_DEFERRED: Final = 5_000
"""In one statement. What is left over is met by the next claim."""

_DEFER = text(
    """
    WITH waiting AS MATERIALIZED (
        SELECT id, next_attempt_at FROM messages
        WHERE organization_id = :organization_id AND channel = :channel AND status = 'planned'
        AND next_attempt_at <= :now AND kind = ANY(CAST(:kinds AS text[]))
        ORDER BY next_attempt_at, id LIMIT :most
        FOR UPDATE SKIP LOCKED
    ), numbered AS (
        SELECT id, row_number() OVER (ORDER BY next_attempt_at, id) - 1 AS number FROM waiting
    )
    UPDATE messages m SET
        next_attempt_at = CAST(:starts AS timestamptz) + n.number * CAST(:gap AS interval),
        code = :code, updated_at = :now
    FROM numbered n
    WHERE m.organization_id = :organization_id AND m.id = n.id
    """
)


class SendLimitStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_organizations(self, organization_ids: Collection[UUID]) -> dict[tuple[UUID, Channel], ChannelLimit]:
        """Those that organizations have set themselves."""
        if not organization_ids:
            return {}
        query = select(*send_limits.c).where(
            send_limits.c.organization_id.in_(sorted(set(organization_ids))), send_limits.c.channel.in_(sorted(Channel))
        )
        return {
            (row.organization_id, Channel(row.channel)): ChannelLimit(
                channel=Channel(row.channel), per_minute=row.per_minute, version=row.version
            )
            for row in await self._session.execute(query)
        }

    async def put(self, organization_id: UUID, own: ChannelLimit, *, replaces: int) -> bool:
        """Stores `own` in place of version `replaces` (0: none yet); False where that is not the current one."""
        statement = insert(send_limits).values(
            organization_id=organization_id, channel=own.channel, per_minute=own.per_minute, version=own.version
        )
        stored = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "channel"],
                set_={name: statement.excluded[name] for name in ("per_minute", "version")},
                where=send_limits.c.version == replaces,
            ).returning(send_limits.c.channel)
        )
        return stored.first() is not None

    async def remove(self, organization_id: UUID, channel: Channel, *, version: int) -> bool:
        """False where `version` is not the current one."""
        gone = await self._session.execute(
            delete(send_limits)
            .where(
                send_limits.c.organization_id == organization_id,
                send_limits.c.channel == channel,
                send_limits.c.version == version,
            )
            .returning(send_limits.c.channel)
        )
        return gone.first() is not None

    async def lock_taken(self, buckets: Iterable[Bucket], *, now: datetime) -> dict[Bucket, datetime]:
        """How far each is taken; nobody else takes of them before the transaction ends."""
        rows = [
            {"organization_id": organization_id, "bucket": bucket, "taken_until": now}
            for organization_id, bucket in sorted(set(buckets))
        ]
        if not rows:
            return {}
        statement = insert(send_allowances).values(rows)
        locked = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "bucket"], set_={"taken_until": send_allowances.c.taken_until}
            ).returning(*send_allowances.c)
        )
        return {(row.organization_id, row.bucket): row.taken_until for row in locked}

    async def put_taken(self, taken: Mapping[Bucket, datetime]) -> None:
        """Of buckets that are locked."""
        if not taken:
            return
        statement = insert(send_allowances).values(
            [
                {"organization_id": organization_id, "bucket": bucket, "taken_until": until}
                for (organization_id, bucket), until in sorted(taken.items())
            ]
        )
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "bucket"],
                set_={"taken_until": statement.excluded.taken_until},
            )
        )

    async def defer_due(
        self,
        organization_id: UUID,
        channel: Channel,
        kinds: Collection[Kind],
        *,
        starts: datetime,
        gap: timedelta,
        now: datetime,
    ) -> None:
        """Spreads what is due of these kinds from `starts` on, so that no claim meets it before."""
        await self._session.execute(
            _DEFER,
            {
                "organization_id": organization_id,
                "channel": channel,
                "kinds": sorted(kinds),
                "starts": starts,
                "gap": gap,
                "most": _MOST_DEFERRED,
                "code": RATE_LIMITED,
                "now": now,
            },
        )
