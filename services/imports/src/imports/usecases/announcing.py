"""Saying what happened to an import, with its counts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from imports.publishers import event_of
from imports.storage.files import change_import
from imports.storage.rows import counts_of
from slotstream_servicekit.outbox import enqueue


async def announce(session: AsyncSession, found: Row[Any], happened: str, *, now: datetime, **values: Any) -> Row[Any]:
    """Changes the import and says so in the same transaction; events are numbered without gaps."""
    changed = await change_import(session, found, now=now, events=found.events + 1, **values)
    counts = await counts_of(session, organization_id=found.organization_id, import_id=found.id)
    await enqueue(session, [event_of(happened, changed, counts, now=now)])
    return changed
