"""Events for open streams: kept for minutes, numbered in the order in which they become visible."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.live import LiveEvent
from dashboard.storage.tables import live_events
from slotstream_servicekit.locks import LockClass


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    seq: int
    event: LiveEvent


class LiveEventStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, events: Sequence[LiveEvent]) -> None:
        """Adds those that are new.

        Writers take turns: a number that is handed out early and committed late would be passed over by readers who
        ask for what is above the highest they have seen.
        """
        await self._session.execute(text("SELECT pg_advisory_xact_lock(:lock, 0)"), {"lock": LockClass.LIVE_EVENTS})
        values = [{**asdict(event), "resource_ids": list(event.resource_ids)} for event in events]
        await self._session.execute(insert(live_events).values(values).on_conflict_do_nothing())

    async def last_seq(self) -> int:
        """The highest number that is visible; in a transaction across organizations, of all of them."""
        return int(await self._session.scalar(select(func.coalesce(func.max(live_events.c.seq), 0))) or 0)

    async def last_id(self, organization_id: UUID) -> UUID | None:
        """The latest event of an organization, of those that are kept."""
        statement = (
            select(live_events.c.id)
            .where(live_events.c.organization_id == organization_id)
            .order_by(live_events.c.seq.desc())
            .limit(1)
        )
        known: UUID | None = await self._session.scalar(statement)
        return known

    async def after(self, seq: int, *, limit: int) -> Sequence[NumberedEvent]:
        statement = select(live_events).where(live_events.c.seq > seq).order_by(live_events.c.seq).limit(limit)
        return [_numbered(row) for row in await self._session.execute(statement)]

    async def between(
        self, organization_id: UUID, *, after_id: UUID | None, until_seq: int, limit: int
    ) -> Sequence[NumberedEvent] | None:
        """An organization's events after one that it knows, or all; None where that one is not kept any more."""
        seq = 0 if after_id is None else await self._seq_of(organization_id, after_id)
        if seq is None:
            return None
        statement = (
            select(live_events)
            .where(
                live_events.c.organization_id == organization_id,
                live_events.c.seq > seq,
                live_events.c.seq <= until_seq,
            )
            .order_by(live_events.c.seq)
            .limit(limit)
        )
        return [_numbered(row) for row in await self._session.execute(statement)]

    async def _seq_of(self, organization_id: UUID, event_id: UUID) -> int | None:
        seq: int | None = await self._session.scalar(
            select(live_events.c.seq).where(
                live_events.c.organization_id == organization_id, live_events.c.id == event_id
            )
        )
        return seq


def _numbered(row: Row[Any]) -> NumberedEvent:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    seq = fields.pop("seq")
    return NumberedEvent(seq, LiveEvent(**{**fields, "resource_ids": tuple(fields["resource_ids"])}))
