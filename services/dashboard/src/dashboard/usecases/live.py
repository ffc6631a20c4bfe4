"""Keeping events for open streams."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.live import LiveEvent
from dashboard.storage import LiveEventStore


async def keep_live_events(
    *, session: AsyncSession, events: Sequence[LiveEvent], now: datetime, retention: timedelta
) -> None:
    """Those that are recent: a topic read from its beginning tells what no stream is waiting for."""
    recent = [event for event in events if now - event.created_at < retention]
    if recent:
        await LiveEventStore(session).add(recent)
